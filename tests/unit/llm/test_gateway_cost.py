"""What the gateway adds to a call, counted in Python calls: no other load on the machine changes that."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.fake.hosting import serve_in_process
from qlf.llm.fake.script import parse_script
from qlf.llm.request import Call, Message, ModelRequest

WHOLE_CALL = 3500
OWN_SHARE = 450
PIECE = 66
HIT = 260
PROMPT = "Write a function that adds two numbers. " * 100


@pytest.fixture(scope="module")
def url():
    answers = [{"when": {"message_contains": "STREAM"}, "size": 12_000}]
    with serve_in_process(parse_script({"defaults": {"answer_bytes": 2048}, "answers": answers})) as fake:
        yield fake.openai_url


@pytest.fixture
async def gateway(url, tmp_path):
    rows = "".join(
        f"  - {{name: {name}, provider: here, model: gpt-4.1, remote: gpt-4.1, "
        "price: {input: 2, output: 8}}\n"
        for name in "ab"
    )
    text = f"providers:\n  here: {{kind: openai_compatible, endpoint: '{url}'}}\ndeployments:\n{rows}"
    places = ModelPlaces(tmp_path / "config", tmp_path / "l.db", tmp_path / "heads", tmp_path / "answers")
    key = ApiKey("sk-cost-0123456789", "k@1")
    async with open_gateway(places, lambda _: key, config=parse_config(text)) as made:
        yield made


def call(text, *, cached=False):
    request = ModelRequest((Message("user", f"{text} {PROMPT}"),), 4000)
    return Call(request, "gpt-4.1", Attribution(run="r", agent="backend"), use_cache=cached)


async def counted(work, times, wide=1):
    """Python calls for each piece of work, in the thread of the event loop."""
    await asyncio.gather(*(work(-number) for number in range(1, wide + 1)))
    numbers, calls = iter(range(times)), 0

    async def worker():
        for number in numbers:
            await work(number)

    def count(frame, event, argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        await asyncio.gather(*(worker() for _ in range(wide)))
    finally:
        sys.setprofile(None)
    return calls / times


@pytest.mark.parametrize("wide", [1, 32])
async def test_a_call_takes_few_python_calls(gateway, wide):
    deployment = gateway.config.deployments[0]
    adapter = (await gateway.sender.pool.get(deployment.provider)).adapter
    alone = await counted(
        lambda number: adapter.complete(deployment, call(number).request, 60.0), 2 * wide + 8, wide
    )
    whole = await counted(lambda number: gateway.ask(call(number)), 2 * wide + 8, wide)
    assert whole <= WHOLE_CALL
    assert whole - alone <= OWN_SHARE


async def test_a_piece_of_a_stream_takes_few_python_calls(gateway):
    pieces = 0

    async def read(number):
        nonlocal pieces
        items = [item async for item in gateway.stream(call(f"STREAM {number}"))]
        pieces = len(items)

    each = await counted(read, 3)
    assert pieces > 250
    assert each / pieces <= PIECE


async def test_a_hit_takes_few_python_calls(gateway):
    async def hit(_):
        assert await gateway.ask(call("same", cached=True))

    await hit(0)
    assert await counted(hit, 20) <= HIT


def test_nothing_of_it_is_imported_before_it_is_used():
    heavy = "aiohttp boto3 botocore cryptography diskcache genai_prices httpx2 openai opentelemetry zstandard"
    program = (
        "import sys, qlf.engine.gateway, qlf.llm.gateway, qlf.ledger.books, qlf.cli.models\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
