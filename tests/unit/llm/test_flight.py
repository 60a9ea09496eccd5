"""Equal questions at the same time are asked once, and nobody waits for the dead."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from qlf.llm.flight import Flights


async def nothing() -> str | None:
    return None


async def test_equal_questions_in_a_process_are_asked_once():
    flights: Flights[str] = Flights()
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.02)
        return "answer"

    results = await asyncio.gather(*(flights.run("a", nothing, ask) for _ in range(50)))
    assert asked == 1
    assert sorted(source for _, source in results) == ["flight"] * 49 + ["made"]
    assert {answer for answer, _ in results} == {"answer"}
    await flights.run("a", nothing, ask)
    assert asked == 2


async def test_different_questions_do_not_wait_for_each_other():
    flights: Flights[str] = Flights()
    both = asyncio.Barrier(2)

    async def ask() -> str:
        await asyncio.wait_for(both.wait(), 5)
        return "answer"

    await asyncio.gather(flights.run("a", nothing, ask), flights.run("b", nothing, ask))


async def test_what_is_kept_is_not_asked():
    flights: Flights[str] = Flights()

    async def kept() -> str | None:
        return "kept"

    async def ask() -> str:
        raise AssertionError("it is kept")

    assert await flights.run("a", kept, ask) == ("kept", "cache")


async def test_the_failure_of_the_asker_is_its_own_and_the_next_one_tries():
    flights: Flights[str] = Flights()
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        if asked == 1:
            raise ValueError("only the first")
        return "answer"

    results = await asyncio.gather(
        *(flights.run("a", nothing, ask) for _ in range(5)), return_exceptions=True
    )
    assert asked == 2
    assert [str(one) for one in results if isinstance(one, ValueError)] == ["only the first"]
    assert [one[1] for one in results if isinstance(one, tuple)] == ["made", "flight", "flight", "flight"]


async def test_a_cancelled_asker_does_not_take_the_others_along():
    flights: Flights[str] = Flights()
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return "answer"

    first = asyncio.create_task(flights.run("a", nothing, ask))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(flights.run("a", nothing, ask))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == ("answer", "made")
    with pytest.raises(asyncio.CancelledError):
        await first
    assert asked == 2


async def test_a_cancelled_waiter_takes_nothing_from_the_asker():
    flights: Flights[str] = Flights()

    async def ask() -> str:
        await asyncio.sleep(0.05)
        return "answer"

    first = asyncio.create_task(flights.run("a", nothing, ask))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(flights.run("a", nothing, ask))
    await asyncio.sleep(0.01)
    second.cancel()
    assert await first == ("answer", "made")


async def test_a_lone_failure_leaves_no_unread_exception(tmp_path: Path):
    flights: Flights[str] = Flights(tmp_path / "flights")

    async def ask() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await flights.run("a", nothing, ask)
    assert list((tmp_path / "flights").iterdir()) == []


async def test_without_a_usable_folder_it_works_within_the_process(tmp_path: Path):
    (tmp_path / "file").write_text("")
    flights: Flights[str] = Flights(tmp_path / "file" / "flights")

    async def ask() -> str:
        return "answer"

    assert await flights.run("a", nothing, ask) == ("answer", "made")


def _ask_once(folder: str, number: int, barrier: object) -> None:
    async def main() -> None:
        flights: Flights[str] = Flights(Path(folder) / "flights")
        answer = Path(folder) / "answer"

        async def find() -> str | None:
            return answer.read_text() if answer.exists() else None

        async def ask() -> str:
            with (Path(folder) / "asked").open("a") as log:
                log.write(f"{number}\n")
            await asyncio.sleep(0.3)
            answer.write_text("answer")
            return "answer"

        barrier.wait()  # type: ignore[attr-defined]
        result, _ = await flights.run("a" * 64, find, ask)
        assert result == "answer"

    asyncio.run(main())


def test_equal_questions_in_four_processes_are_asked_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    workers = [
        context.Process(target=_ask_once, args=(str(tmp_path), number, barrier)) for number in range(4)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    assert [one.exitcode for one in workers] == [0, 0, 0, 0]
    assert len((tmp_path / "asked").read_text().splitlines()) == 1
    assert list((tmp_path / "flights").iterdir()) == []


def _ask_forever(folder: str) -> None:
    async def main() -> None:
        async def ask() -> str:
            (Path(folder) / "asking").write_text("")
            await asyncio.sleep(600)
            return ""

        await Flights[str](Path(folder) / "flights").run("a" * 64, nothing, ask)

    asyncio.run(main())


def test_a_killed_asker_holds_up_nobody(tmp_path: Path):
    worker = multiprocessing.get_context("spawn").Process(target=_ask_forever, args=(str(tmp_path),))
    worker.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "asking").exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    async def main() -> tuple[str, str]:
        async def ask() -> str:
            return "answer"

        waiting = asyncio.create_task(Flights[str](tmp_path / "flights").run("a" * 64, nothing, ask))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(main()) == ("answer", "made")
    worker.join()
