"""How fast a kept answer is found, with its key.

The bounds are those of a machine with nothing else to do, with room for a loaded one; the figures
themselves are printed by pytest-benchmark.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from qlf.core.metering import Attribution, Usage
from qlf.llm.cache import Cache, CachedReply
from qlf.llm.cache_key import key_of
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Call, Message, ModelRequest, Schema

PROPERTIES = {f"field_{number}": {"type": "string"} for number in range(20)}
REPLY = Reply("y" * 2000, StopReason.END, Usage(1000, 500), "m", data={"files": ["z" * 1000]})


def call(text: str = "") -> Call:
    """A prompt of 4 KB with a schema of twenty fields."""
    return Call(
        ModelRequest(
            (Message("user", "x" * 3500 + text),),
            1000,
            system="s" * 500,
            schema=Schema("answer", {"type": "object", "properties": PROPERTIES}),
        ),
        "balanced",
        Attribution(agent="backend", task="write", tenant="t"),
        prompt_version="1",
    )


@pytest.fixture
def cache(tmp_path: Path) -> Any:
    made = Cache(tmp_path / "answers")
    yield made
    made.close()


def median(times: list[float]) -> float:
    return statistics.median(times) * 1_000_000


async def test_a_hit_in_memory_takes_at_most_sixty_microseconds_with_its_key(cache: Cache):
    await cache.keep(key_of(call(), "m"), CachedReply.of(REPLY, model="m", cost_micros=1))
    rounds: list[float] = []
    # The best of several rounds: another process may have this core in any one of them.
    for _ in range(10):
        times = []
        for _ in range(300):
            asked = call()
            begun = time.perf_counter()
            found = await cache.find(key_of(asked, "m"))
            assert found is not None
            found.reply()
            times.append(time.perf_counter() - begun)
        rounds.append(median(times))
    assert min(rounds) <= 60


async def test_a_hit_on_disk_takes_at_most_two_milliseconds(cache: Cache, tmp_path: Path):
    for number in range(300):
        await cache.keep(key_of(call(str(number)), "m"), CachedReply.of(REPLY, model="m", cost_micros=1))
    again = Cache(tmp_path / "answers")
    times = []
    for number in range(300):
        asked = call(str(number))
        begun = time.perf_counter()
        assert await again.find(key_of(asked, "m")) is not None
        times.append(time.perf_counter() - begun)
    await again.aclose()
    assert median(times) <= 2000


def test_hit_with_key(benchmark: Any, cache: Cache):
    cache.put(key_of(call(), "m"), CachedReply.of(REPLY, model="m", cost_micros=1))
    asked = call()
    loop = asyncio.new_event_loop()

    async def once() -> object:
        return await cache.find(key_of(asked, "m"))

    assert benchmark(lambda: loop.run_until_complete(once())) is not None
    loop.close()
