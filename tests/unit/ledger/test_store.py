"""The file of the ledger: private, checked before use, and left alone when it is not what it should be."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from qlf.errors import LedgerUnavailable
from qlf.ledger import committer as committing
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.committer import Committer, Place
from qlf.ledger.heads import parse_heads
from qlf.ledger.operation import Open
from qlf.ledger.store import connect_reader, connect_writer


async def one_call(desk, **options):
    async with desk.books(**options) as books:
        ticket = await books.open(desk.intent())
        await books.close(ticket, desk.answered())
    return ticket


def test_only_its_owner_may_read_any_of_its_files(desk):
    old = os.umask(0)
    try:
        asyncio.run(one_call(desk))
    finally:
        os.umask(old)
    for path in desk.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert [one.name for one in desk.path.parent.iterdir() if "ledger" not in one.name] == ["writers"]


def test_an_open_folder_is_closed(desk):
    desk.path.parent.mkdir(mode=0o755, parents=True)
    connect_writer(desk.path).close()
    assert stat.S_IMODE(desk.path.parent.stat().st_mode) == 0o700


def test_it_is_written_through_to_the_disk(desk):
    db = connect_writer(desk.path)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO total VALUES ('x', 'no number', 0)")
    db.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello, this is a text and no database at all", "is damaged or is no ledger"),
        (b"SQLite format 3\0" + b"\0" * 84, "is damaged or is no ledger"),
        (b"SQLite format 3\0" + b"\xff" * 8000, "is damaged or is no ledger"),
    ],
)
async def test_what_is_no_ledger_is_refused_and_kept(desk, content, said):
    desk.path.parent.mkdir(parents=True)
    desk.path.write_bytes(content)
    async with desk.books() as books:
        with pytest.raises(LedgerUnavailable, match=said) as caught:
            await books.open(desk.intent())
    assert caught.value.exit_code == 5
    assert caught.value.hint
    with pytest.raises(LedgerUnavailable):
        desk.read()
    assert desk.path.read_bytes() == content


async def test_a_database_of_another_program_is_refused_and_kept(desk):
    desk.path.parent.mkdir(parents=True)
    db = sqlite3.connect(desk.path)
    db.execute("CREATE TABLE entry (x)")
    db.commit()
    db.close()
    before = desk.path.read_bytes()
    async with desk.books() as books:
        with pytest.raises(LedgerUnavailable, match="is no ledger"):
            await books.open(desk.intent())
    assert desk.path.read_bytes() == before


async def test_a_ledger_of_another_version_is_refused_and_kept(desk):
    await one_call(desk)
    db = sqlite3.connect(desk.path)
    db.execute("PRAGMA user_version = 7")
    db.close()
    async with desk.books() as books:
        with pytest.raises(LedgerUnavailable, match="has format 7; this qlf writes format 1"):
            await books.open(desk.intent())
    with pytest.raises(LedgerUnavailable, match="format 7"):
        desk.read()


async def test_a_ledger_that_was_cut_short_is_refused_and_kept(desk):
    for _ in range(3):
        await one_call(desk)
    whole = desk.path.read_bytes()
    for size in (4096, 9000, len(whole) - 5000):
        desk.path.write_bytes(whole[:size])
        async with desk.books() as books:
            with pytest.raises(LedgerUnavailable):
                await books.open(desk.intent())
        assert desk.path.read_bytes() == whole[:size]


async def test_an_empty_file_is_a_ledger_that_was_never_begun(desk):
    desk.path.parent.mkdir(parents=True)
    desk.path.touch()
    with pytest.raises(LedgerUnavailable, match="there is no ledger"):
        desk.read()
    await one_call(desk)
    assert desk.verify().intact


async def test_a_folder_that_cannot_be_made_is_said(desk):
    (desk.folder / "ledger").write_text("a file")
    async with desk.books() as books:
        with pytest.raises(LedgerUnavailable, match=r"cannot be used: .*(exists|directory)"):
            await books.open(desk.intent())


async def test_a_lock_held_for_too_long_refuses_the_call_and_later_ones_go_on(desk):
    await one_call(desk)
    other = connect_writer(desk.path)
    async with desk.books(lock_seconds=0.1) as books:
        await books.flush()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked by another process"):
            await books.open(desk.intent(2))
        other.execute("ROLLBACK")
        await books.close(await books.open(desk.intent(3)), desk.answered())
    other.close()
    assert desk.verify().intact


async def test_a_full_disk_refuses_the_call_and_later_ones_go_on(desk, monkeypatch):
    made = []

    def connect(path):
        made.append(connect_writer(path))
        return made[-1]

    monkeypatch.setattr(committing, "connect_writer", connect)
    async with desk.books() as books:
        ticket = await books.open(desk.intent())
        pages = made[0].execute("PRAGMA page_count").fetchone()[0]
        made[0].execute(f"PRAGMA max_page_count = {pages}")
        many = [books.open(desk.intent(number, run=f"run-{number}" * 20)) for number in range(60)]
        results = await asyncio.gather(*many, return_exceptions=True)
        assert any("the disk is full" in str(result) for result in results)
        made[0].execute("PRAGMA max_page_count = 100000")
        await books.close(ticket, desk.answered())
        await books.close(await books.open(desk.intent(99)), desk.answered())
    assert desk.verify().intact


FAILING = """
import asyncio, resource, sys
from pathlib import Path
from qlf.core.metering import Attribution, Intent
from qlf.errors import LedgerUnavailable
from qlf.ledger.books import LedgerBooks

folder = Path(sys.argv[1])

async def main():
    books = LedgerBooks(folder / "ledger" / "ledger.db", signing_key=folder / "config" / "ledger-signing.key")
    intent = Intent("c", 1, "p", "bedrock", "d", "m", 100, Attribution(run="r"))
    await books.open(intent)
    # Writes beyond this size fail, as on a disk that fails.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    for number in range(100):
        try:
            await books.open(intent)
        except LedgerUnavailable as error:
            print(error.message)
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    try:
        await books.open(intent)
    except LedgerUnavailable:
        print("and stays refused")
    await books.aclose()

asyncio.run(main())
"""


def test_after_a_failed_write_this_process_writes_no_more(desk):
    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(desk.folder)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert "cannot be used: disk I/O error" in done.stdout
    assert "and stays refused" in done.stdout
    assert desk.verify().intact


async def test_heads_that_cannot_be_exported_refuse_the_next_call(desk):
    async with desk.books(head_entries=2) as books:
        await books.flush()
        desk.heads.unlink()
        desk.heads.mkdir()
        ticket = await books.open(desk.intent())
        await books.served(desk.served())
        with pytest.raises(LedgerUnavailable, match="signed heads cannot be written"):
            await books.open(desk.intent(2))
        # What was spent must still be recorded.
        await books.close(ticket, desk.answered())
        desk.heads.rmdir()
        await books.open(desk.intent(3))
    assert desk.verify().intact
    with desk.read() as reader:
        assert parse_heads(desk.heads.read_bytes()) == list(reader.heads())[1:]


async def test_another_key_is_not_used_on_a_signed_ledger(desk):
    await one_call(desk)
    desk.key.unlink()
    async with desk.books() as books:
        with pytest.raises(LedgerUnavailable, match="is not the one that signed this ledger"):
            await books.open(desk.intent())


def test_many_threads_may_make_it_at_once(desk):
    opened, failed = [], []

    def make():
        try:
            opened.append(connect_writer(desk.path))
        except LedgerUnavailable as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({db.execute("SELECT ledger FROM state").fetchone() for db in opened}) == 1
    for db in opened:
        db.close()


def test_reading_never_writes(desk):
    asyncio.run(one_call(desk))
    db = connect_reader(desk.path)
    for statement in ("DELETE FROM entry", "UPDATE state SET size = 0", "CREATE TABLE x (y)"):
        with pytest.raises(sqlite3.OperationalError):
            db.execute(statement)
    db.close()


def test_a_reservation_is_on_the_disk_before_it_is_granted(desk):
    """The rows are there for a second connection at the moment in which the ticket is given out."""
    committer = Committer(Place(desk.path, desk.key), BudgetLimits())
    (ticket,) = committer.commit((Open(desk.intent()),))
    db = connect_reader(desk.path)
    assert db.execute("SELECT reserve FROM spend WHERE seq = ?", (ticket.id,)).fetchone() == (1000,)
    db.close()
    committer.close()
