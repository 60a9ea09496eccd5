from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qlf.core.tree import File, Tree
from qlf.engine.store import Store

ADDRESS = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / "store")


def entries(store: Store) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file())


def test_a_value_comes_back(store: Store) -> None:
    store.put_value(ADDRESS, {"b": [1, "ü", None], "a": 1.5})
    assert store.get_value(ADDRESS) == {"a": 1.5, "b": [1, "ü", None]}


def test_what_was_never_kept_is_a_miss(store: Store) -> None:
    assert store.get_value(ADDRESS) is None
    assert store.get_tree(ADDRESS) is None
    assert not store.has_tree(ADDRESS)


def test_a_tree_comes_back_with_its_bytes_and_modes(store: Store) -> None:
    tree = Tree(
        {"bin/run": File(b"\x00\xff", executable=True), "empty": File(b""), "a/b.txt": File(b"text\n")}
    )
    digest = store.put_tree(tree)
    assert digest == tree.digest
    assert store.has_tree(digest)
    assert Store(store.root).get_tree(digest) == tree


@pytest.mark.parametrize("position", [0, 30, 70, -1])
def test_one_changed_byte_makes_a_value_a_miss_that_can_be_written_again(store: Store, position: int) -> None:
    store.put_value(ADDRESS, {"value": list(range(20))})
    (path,) = entries(store)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert store.get_value(ADDRESS) is None
    store.put_value(ADDRESS, {"value": 1})
    assert store.get_value(ADDRESS) == {"value": 1}


@pytest.mark.parametrize("position", [0, 12, 30, -1])
def test_one_changed_byte_makes_a_tree_a_miss_that_can_be_written_again(store: Store, position: int) -> None:
    tree = Tree.from_texts({"a.txt": "one\n", "b.txt": "two\n"})
    store.put_tree(tree)
    (path,) = entries(store)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert store.get_tree(tree.digest) is None
    store.put_tree(tree)
    assert store.get_tree(tree.digest) == tree


@pytest.mark.parametrize("keep", [0, 1, 20, 45])
def test_a_torn_tree_is_a_miss(store: Store, keep: int) -> None:
    tree = Tree.from_texts({"a.txt": "one\n", "b.txt": "two\n"})
    store.put_tree(tree)
    (path,) = entries(store)
    path.write_bytes(path.read_bytes()[:keep])
    assert store.get_tree(tree.digest) is None


def test_a_value_copied_to_another_address_is_a_miss(store: Store) -> None:
    store.put_value(ADDRESS, 1)
    store.put_value(OTHER, 2)
    first, second = entries(store)
    second.write_bytes(first.read_bytes())
    assert store.get_value(OTHER) is None


def test_an_address_that_is_no_digest_never_becomes_a_path(store: Store) -> None:
    with pytest.raises(ValueError, match="not an address"):
        store.put_value("../../etc/passwd", 1)


def test_only_the_owner_may_look_into_it(store: Store) -> None:
    store.put_value(ADDRESS, 1)
    for path in [store.root, *store.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_many_writers_of_one_entry_do_not_disturb_each_other(store: Store) -> None:
    tree = Tree.from_texts({f"file-{number}.txt": "x" * number for number in range(50)})

    def work(_: int) -> bool:
        store.put_value(ADDRESS, {"answer": 42})
        store.put_tree(tree)
        return store.get_value(ADDRESS) == {"answer": 42} and store.get_tree(tree.digest) == tree

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))
    assert len(entries(store)) == 2, "nothing is left lying about"


def test_pruning_removes_what_was_unused_for_longest(store: Store) -> None:
    for number, address in enumerate((ADDRESS, OTHER, "ef" * 32)):
        store.put_value(address, "x" * 1000)
        path = store.root / "values" / address[:2] / address
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    before = store.stats()
    freed = store.prune(before.size * 2 // 3)
    assert freed > 0
    assert store.get_value(ADDRESS) is None
    assert store.get_value(OTHER) is not None
    assert store.stats().size <= before.size * 2 // 3


def test_clearing_leaves_nothing(store: Store) -> None:
    store.put_value(ADDRESS, 1)
    store.runner_results.mkdir()
    (store.runner_results / "result").write_text("{}")
    store.put_tree(Tree.from_texts({"a": "b"}))
    assert (store.stats().values, store.stats().trees) == (1, 1)
    store.clear()
    assert store.stats().size == 0


def test_pruning_leaves_a_writer_at_work_alone_and_sweeps_what_a_killed_one_left(store: Store) -> None:
    store.put_value(ADDRESS, 1)
    folder = store.root / "values" / "ab"
    fresh, old = folder / ".fresh", folder / ".old"
    fresh.write_bytes(b"half")
    old.write_bytes(b"half")
    past = time.time() - 7200
    os.utime(old, (past, past))
    store.clear()
    assert fresh.exists()
    assert not old.exists()
