"""The program that `serve_in_process` starts: its task comes as one line on stdin, and it ends with stdin."""

from __future__ import annotations

import asyncio
import json
import sys

from qlf.errors import InputError, QlfError
from qlf.llm.fake.script import parse_script
from qlf.llm.fake.server import FakeProvider

__all__ = ["main"]


def main() -> int:
    """Serve until stdin ends; the exit code."""
    try:
        task = json.loads(sys.stdin.buffer.readline())
        asyncio.run(_serve(task))
    except QlfError as error:
        family = "input" if isinstance(error, InputError) else "environment"
        _say({"error": error.message, "family": family})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


async def _serve(task: dict[str, object]) -> None:
    provider = FakeProvider(parse_script(task["script"]), host=str(task["host"]), port=int(str(task["port"])))
    async with provider:
        _say({"url": provider.url})
        await asyncio.to_thread(sys.stdin.buffer.read)


def _say(document: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
