"""Trees of files: immutable, ordered, addressed by content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.paths import PathRefused
from qlf.core.tree import Collision, File, Tree

TREES = st.dictionaries(
    st.from_regex(r"[a-z]{1,4}/[a-z]{1,4}\.py", fullmatch=True), st.binary(max_size=12), max_size=6
)


@given(TREES, st.randoms())
def test_the_digest_does_not_depend_on_the_order(files: dict[str, bytes], random: object) -> None:
    pairs = [(path, File(data)) for path, data in files.items()]
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Tree(pairs).digest == Tree(shuffled).digest
    assert list(Tree(shuffled)) == sorted(files)
    assert Tree(pairs) == Tree(shuffled)
    assert hash(Tree(pairs)) == hash(Tree(shuffled))


@given(TREES, TREES)
def test_equal_digests_mean_equal_trees(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    first = Tree({path: File(data) for path, data in one.items()})
    second = Tree({path: File(data) for path, data in other.items()})
    assert (first.digest == second.digest) == (first == second)


def test_content_mode_and_path_change_the_digest() -> None:
    digests = {
        Tree({"a": File(b"x")}).digest,
        Tree({"a": File(b"y")}).digest,
        Tree({"b": File(b"x")}).digest,
        Tree({"a": File(b"x", executable=True)}).digest,
        Tree().digest,
    }
    assert len(digests) == 5


def test_merging_is_free_of_overlap() -> None:
    merged = Tree.from_texts({"a": "1"}).merge(Tree.from_texts({"b/c": "2"}), Tree())
    assert list(merged) == ["a", "b/c"]
    assert merged.text("b/c") == "2"
    assert merged.size == 2
    with pytest.raises(Collision):
        merged.merge(Tree.from_texts({"a": "3"}))


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a/b"),
        ("A", "a"),
        ("x/y", "x/y/z"),
        ("readme.md", "README.md"),
        ("App/main.py", "app/other.py"),
        ("a/b", "A"),
    ],
)
def test_paths_that_a_file_system_would_confuse_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(Collision):
        Tree.from_texts(dict.fromkeys(paths, ""))


def test_a_path_twice_is_refused() -> None:
    with pytest.raises(Collision):
        Tree([("a", File(b"")), ("a", File(b""))])


def test_bad_paths_are_refused() -> None:
    with pytest.raises(PathRefused):
        Tree.from_texts({"../a": ""})


def test_selecting_takes_a_part() -> None:
    tree = Tree.from_texts({"a": "1", "b": "2"})
    assert list(tree.select(["b"])) == ["b"]
    with pytest.raises(KeyError):
        tree.select(["c"])


def test_a_tree_does_not_change_with_its_source() -> None:
    files = {"a": File(b"1")}
    tree = Tree(files)
    before = tree.digest
    files["b"] = File(b"2")
    assert tree.digest == before
    assert len(tree) == 1
    assert tree != {"a": File(b"1")}
