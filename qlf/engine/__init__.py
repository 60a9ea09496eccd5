"""One generation as plain functions: plan, steps, result store, output folder. Knows nothing of Prefect.

from qlf.engine.context import EngineContext
from qlf.engine.generate import generate
from qlf.engine.request import GenerateRequest

result = generate(GenerateRequest(source=brief), Path("out"), EngineContext(home=cache_dir))
"""
