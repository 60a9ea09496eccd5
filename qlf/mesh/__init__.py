"""The verification mesh: every gate executes something, and says so when it could not.

Example:
    context = MeshContext(cache_dir=folder, tools=settings.tools)
    results = verify(tree, spec, context)
"""

from __future__ import annotations

from qlf.mesh.context import GateEvent, MeshContext
from qlf.mesh.runner import GATES, run_gate, verify

__all__ = ["GATES", "GateEvent", "MeshContext", "run_gate", "verify"]
