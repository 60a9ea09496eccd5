"""One client in a process of its own: reads orders, one JSON line each, and answers with figures."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from clients import CLIENTS, PROMPT, Client


def memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def ask_all(client: Client, calls: int, wide: int) -> list[Exception]:
    """Errors of so many calls, so many at a time."""
    numbers, errors = iter(range(calls)), []

    async def worker() -> None:
        for number in numbers:
            try:
                await client.ask(f"{number} {PROMPT}")
            except Exception as error:  # noqa: BLE001 - a lost call is a figure here
                errors.append(error)

    await asyncio.gather(*(worker() for _ in range(wide)))
    return errors


async def cpu(client: Client, calls: int, wide: int) -> dict[str, float]:
    """CPU of the whole process for each call, in µs."""
    await ask_all(client, wide, wide)
    began = time.process_time()
    errors = await ask_all(client, calls, wide)
    taken = time.process_time() - began
    if errors:
        raise errors[0]
    return {"cpu_us": taken / calls * 1e6}


async def python_calls(client: Client, calls: int, wide: int) -> dict[str, float]:
    """Function calls that Python sees for each call, in all its threads."""
    if client.threads:
        return {}
    await ask_all(client, wide, wide)
    seen = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal seen
        seen += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        await ask_all(client, calls, wide)
    finally:
        sys.setprofile(None)
    return {"python_calls": seen / calls}


async def kept(client: Any, calls: int, wide: int) -> dict[str, float]:
    """CPU for each call whose answer is looked up first and kept afterwards, in µs."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await client.gateway.ask(client.call(f"keep {number} {PROMPT}", cached=True))

    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(wide)))
    return {"kept_us": (time.process_time() - began) / calls * 1e6}


async def stream(client: Client, calls: int, text: str) -> dict[str, float]:
    """CPU for each piece of a long streamed answer, in µs."""
    await client.stream(text)
    began, pieces = time.process_time(), 0
    for _ in range(calls):
        pieces += await client.stream(text)
    return {"chunk_us": (time.process_time() - began) / pieces * 1e6, "pieces": pieces / calls}


async def burst(client: Client, calls: int, wide: int) -> dict[str, float]:
    """How a burst ends: calls lost, and seconds."""
    began = time.monotonic()
    errors = await ask_all(client, calls, wide)
    return {"lost": len(errors), "seconds": time.monotonic() - began}


async def budget(client: Client, calls: int, wide: int) -> dict[str, float]:
    """Calls that a budget let through and turned away."""
    errors = await ask_all(client, calls, wide)
    return {"answered": calls - len(errors), "refused": len(errors)}


async def hits(client: Any, calls: int) -> dict[str, float]:
    """Median time of a hit, in µs: key and look-up alone, and a whole call."""
    from qlf.llm.cache_key import key_of

    call = client.call(PROMPT, cached=True)
    await client.gateway.ask(call)
    cache = client.gateway.cache
    alone, whole = [], []
    for _ in range(calls):
        began = time.perf_counter()
        found = await cache.find(key_of(call, "gpt-4.1", ("gpt-4.1",)))
        middle = time.perf_counter()
        answer = await client.gateway.ask(call)
        whole.append(time.perf_counter() - middle)
        alone.append(middle - began)
        assert found is not None
        assert answer.source == "cache"
    return {"hit_us": statistics.median(alone) * 1e6, "ask_hit_us": statistics.median(whole) * 1e6}


ORDERS = {one.__name__: one for one in (cpu, python_calls, kept, stream, burst, budget, hits)}


def main(name: str, url: str, folder: str, rpm: str, cap: str) -> None:
    began = time.process_time()
    # As the `qlf` program sets it, and for all alike: what is compared is the clients, not the collector.
    gc.set_threshold(50_000, 20, 100)
    client = CLIENTS[name](url, Path(folder), int(rpm) or None, float(cap) or None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # What a library says on its way does not belong between the figures.
    out, sys.stdout = sys.stdout, sys.stderr

    def say(figures: dict[str, float]) -> None:
        out.write(json.dumps(figures) + "\n")
        out.flush()

    loop.run_until_complete(client.open())
    loop.run_until_complete(client.ask(PROMPT))
    say({"import_seconds": time.process_time() - began})
    for line in sys.stdin:
        order = json.loads(line)
        if order["order"] == "memory":
            say({"mb": memory_mb(), "threads": threading.active_count()})
            continue
        work = ORDERS[order.pop("order")]
        say(loop.run_until_complete(work(client, **order)))
    loop.run_until_complete(client.close())


if __name__ == "__main__":
    main(*sys.argv[1:])
