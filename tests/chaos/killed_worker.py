"""Asks a gateway without end, in child processes that are there to be killed.

For each line on its input it forks a child, prints its process id, and after its end prints how it ended.
Forked before any thread or event loop exists, so a child costs milliseconds and starts like a new process.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import qlf.ledger.books
import qlf.llm.adapters.openai_compatible
import qlf.llm.cache_disk
import qlf.llm.scheduler  # noqa: F401 - imported once, before the forks
from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.errors import BudgetRefused
from qlf.ledger.budget import BudgetLimits
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.request import Call, Message, ModelRequest


async def ask(config: str, folder: Path, cap: int, order: dict[str, int]) -> None:
    places = ModelPlaces(
        folder / "config", folder / "ledger" / "ledger.db", folder / "heads.jsonl", folder / "answers"
    )
    progress = os.open(folder / "progress", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    numbers = iter(range(order["calls"]))

    async def worker() -> None:
        for number in numbers:
            # Every third may come from the cache, also from that of a child that was killed.
            text = f"again {number % 30}" if number % 3 == 0 else f"{order['round']} {number}"
            request = ModelRequest((Message("user", text),), 200)
            call = Call(request, "gpt-4.1", Attribution(run="killed", agent="backend"), deadline_seconds=30)
            try:
                answer = await gateway.ask(call)
                os.write(progress, f"{answer.source}\n".encode())
            except BudgetRefused:
                os.write(progress, b"refused\n")

    async with open_gateway(
        places,
        lambda _: ApiKey("sk-chaos-key-0123456789", "k@1"),
        config=parse_config(config),
        ceiling=BudgetLimits(month_micros=cap),
    ) as gateway:
        await asyncio.gather(*(worker() for _ in range(16)))


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main(config: str, folder: str, cap: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(ask(config, Path(folder), int(cap), json.loads(line)))
            os._exit(0)
        say(child)
        say(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
