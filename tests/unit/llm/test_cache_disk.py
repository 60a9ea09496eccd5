"""Answers on disk, against damage, planted rows and other processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.cache_disk import MAX_VALUE_BYTES, AnswerStore, BytesDisk, pack, unpack

RECORD = {"text": "an answer", "number": 1}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> Iterator[AnswerStore]:
    made = AnswerStore(tmp_path / "answers", 10**9, told.append)
    yield made
    made.close()


def change(tmp_path: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(tmp_path / "answers" / "cache.db", isolation_level=None)
    connection.execute(sql, values)
    connection.close()


class Trap:
    """Pickles into something that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def test_a_planted_pickle_is_never_executed(store: AnswerStore, tmp_path: Path):
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    store.put("key", RECORD)
    change(tmp_path, "UPDATE Cache SET mode = 4, value = ?", trap)
    assert store.get("key") is None
    assert not (tmp_path / "sprung").exists()
    assert store.keys() == []
    # The trap itself works, so the test can fail.
    pickle.loads(trap)
    assert (tmp_path / "sprung").exists()


def test_a_planted_pickled_key_is_never_executed(store: AnswerStore, tmp_path: Path):
    store.put("key", RECORD)
    change(tmp_path, "UPDATE Cache SET key = ?, raw = 0", pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match="did not write"):
        store.keys()
    assert store.get("key") is None
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_planted_file_name_is_neither_read_nor_removed(store: AnswerStore, tmp_path: Path, mode: int):
    (tmp_path / "mine").write_bytes(pack("key", {"text": "planted"}))
    store.put("key", RECORD)
    change(tmp_path, "UPDATE Cache SET mode = ?, filename = '../mine', value = NULL", mode)
    assert store.get("key") is None
    assert (tmp_path / "mine").exists()
    store.put("key", RECORD)
    change(tmp_path, "UPDATE Cache SET filename = '../mine'")
    assert store.clear() == 1
    assert (tmp_path / "mine").exists()


def test_planted_settings_do_not_reach_the_library(tmp_path: Path, told: list[str]):
    for name in ("_disk", "get", "disk_evil", "sqlite_user_version"):
        first = AnswerStore(tmp_path / "answers", 10**9, told.append)
        first.put("key", RECORD)
        first.close()
        change(tmp_path, "INSERT INTO Settings VALUES (?, 'x')", name)
        second = AnswerStore(tmp_path / "answers", 10**9, told.append)
        assert second.get("key") is None
        assert second.put("key", RECORD)
        second.close()
    assert len(told) == 4


def test_the_form_of_keys_and_values_is_fixed(tmp_path: Path):
    disk = BytesDisk(str(tmp_path))
    for value in ("text", 1, None, object(), bytearray(b"x")):
        with pytest.raises(TypeError):
            disk.store(value, read=False)
    with pytest.raises(TypeError):
        disk.put(("a", "b"))
    assert disk.fetch(1, None, b"x", read=False) == b"x"
    for mode, filename, stored in (
        (4, None, b"x"),
        (2, "f", None),
        (1, "f", b"x"),
        (1, None, "x"),
        (3, "f", b"x"),
    ):
        with pytest.raises(ValueError, match="did not write"):
            disk.fetch(mode, filename, stored, read=False)


def test_a_row_that_was_changed_is_a_miss_and_removed(store: AnswerStore, tmp_path: Path):
    store.put("key", RECORD)
    change(tmp_path, "UPDATE Cache SET value = value || x'00'")
    assert store.get("key") is None
    assert store.keys() == []
    store.put("one", RECORD)
    store.put("two", {"text": "other"})
    change(tmp_path, "UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'one')")
    assert store.get("one") == RECORD
    assert store.get("two") is None


def test_a_bomb_is_refused_before_it_is_unpacked():
    import hashlib

    bomb = zstandard.ZstdCompressor().compress(b"0" * (MAX_VALUE_BYTES + 1))
    digest = hashlib.sha256(b"key\0" + bomb).digest()
    with pytest.raises(ValueError, match="out of bounds"):
        unpack("key", digest + bomb)
    sizeless = zstandard.ZstdCompressor(write_content_size=False).compress(b"{}")
    with pytest.raises(ValueError, match="out of bounds"):
        unpack("key", hashlib.sha256(b"key\0" + sizeless).digest() + sizeless)
    with pytest.raises(ValueError, match="too large"):
        pack("key", "x" * MAX_VALUE_BYTES)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data: bytes):
    with pytest.raises(ValueError, match="digest"):
        unpack("key", data)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int):
    data = bytearray(pack("key", RECORD))
    data[place % len(data)] ^= change
    with pytest.raises(ValueError, match="digest"):
        unpack("key", bytes(data))


@pytest.mark.parametrize("damage", ["text", "page"])
def test_a_damaged_database_is_set_aside_and_told(tmp_path: Path, told: list[str], damage: str):
    folder = tmp_path / "answers"
    store = AnswerStore(folder, 10**9, told.append)
    for number in range(200):
        store.put(f"key-{number}", {"text": os.urandom(500).hex()})
    store.close()
    path = folder / "cache.db"
    if damage == "text":
        path.write_text("this is no database" * 1000)
    else:
        data = bytearray(path.read_bytes())
        data[4096 * 2 : 4096 * 12] = os.urandom(4096 * 10)
        path.write_bytes(data)
    again = AnswerStore(folder, 10**9, told.append)
    for number in range(200):
        again.get(f"key-{number}")
    assert again.put("fresh", RECORD)
    assert again.get("fresh") == RECORD
    again.close()
    assert len(told) == 1
    assert "moved to" in told[0]
    assert len(list(folder.glob("cache.db.damaged-*"))) == 1


def test_a_database_that_is_damaged_while_open_is_replaced(
    store: AnswerStore, tmp_path: Path, told: list[str]
):
    store.put("key", RECORD)
    change(tmp_path, "DROP TABLE Cache")
    assert store.get("key") is None
    assert store.put("key", RECORD)
    assert store.get("key") == RECORD
    assert len(told) == 1


def test_what_is_beyond_the_size_is_removed_longest_kept_first(tmp_path: Path):
    store = AnswerStore(tmp_path / "answers", 10**9, lambda _: None)
    for number in range(100):
        store.put(f"key-{number:03}", {"text": os.urandom(2000).hex()})
    count, size = store.size()
    assert count == 100
    removed = store.prune(size // 2, None)
    assert 30 < removed < 80
    assert store.keys() == [f"key-{number:03}" for number in range(removed, 100)]
    assert store.size()[1] <= size // 2
    store.close()


def _write(folder: str, name: str, count: int, barrier: object) -> None:
    store = AnswerStore(Path(folder), 10**9, lambda _: None)
    barrier.wait()  # type: ignore[attr-defined]
    for number in range(count):
        assert store.put(f"{name}-{number}", {"text": f"{name} {number}" * 50})
    store.close()


def test_no_set_is_lost_across_four_processes(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    folder = tmp_path / "answers"
    workers = [context.Process(target=_write, args=(str(folder), name, 400, barrier)) for name in "abcd"]
    for one in workers:
        one.start()
    for one in workers:
        one.join(120)
    assert [one.exitcode for one in workers] == [0, 0, 0, 0]
    store = AnswerStore(folder, 10**9, lambda _: None)
    missing = [
        (name, number) for name in "abcd" for number in range(400) if store.get(f"{name}-{number}") is None
    ]
    assert missing == []
    store.close()


def test_a_writer_waits_for_another_that_holds_the_database(store: AnswerStore, tmp_path: Path):
    import threading

    store.put("key", RECORD)
    held = threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(tmp_path / "answers" / "cache.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(0.5)
        connection.execute("COMMIT")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert store.put("other", RECORD)
    holder.join()
    assert store.get("other") == RECORD
