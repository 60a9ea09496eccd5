"""The Merkle tree, against the vectors published with Certificate Transparency and against itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A, B = ROOTS[1], "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
CD = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
E = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
EF = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
GH = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
EFGH = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"


def _tree(size: int = 8) -> Tree:
    return Tree(leaf_hash(leaf) for leaf in LEAVES[:size])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert frontier.root().hex() == _tree().root(size).hex() == _tree(size).root().hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 2, [B]),
        (1, 2, [A]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [A, CD, E]),
        (0, 8, [B, CD, EFGH]),
        (5, 8, [E, GH, ROOTS[4]]),
    ],
)
def test_proofs_of_inclusion_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    assert [node.hex() for node in _tree().inclusion(index, size)] == path


@pytest.mark.parametrize(
    ("first", "second", "path"), [(1, 1, []), (2, 5, [CD, E]), (2, 8, [CD, EFGH]), (6, 8, [EF, GH, ROOTS[4]])]
)
def test_proofs_of_consistency_are_the_published_ones(first: int, second: int, path: list[str]) -> None:
    assert [node.hex() for node in _tree().consistency(first, second)] == path


def test_every_proof_holds_up_to_64_leaves_and_for_nothing_else() -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(64)]
    tree = Tree(hashes)
    for size in range(1, 65):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion(index, size)
            assert verify_inclusion(hashes[index], index, size, proof, root)
            assert not verify_inclusion(hashes[index - 1], index, size, proof, root) or size == 1
            assert not verify_inclusion(hashes[index], index, size, [*proof, root], root)
            assert not proof or not verify_inclusion(hashes[index], index, size, proof[:-1], root)
            assert size == 1 or not verify_inclusion(hashes[index], (index + 1) % size, size, proof, root)
        for first in range(1, size + 1):
            before = tree.root(first)
            steps = tree.consistency(first, size)
            assert verify_consistency(first, size, steps, before, root)
            assert not verify_consistency(first, size, [*steps, root], before, root)
            assert not steps or not verify_consistency(first, size, steps[:-1], before, root)
            assert first == size or not verify_consistency(first, size, steps, root, root)
            assert not verify_consistency(first, size, steps, before, EMPTY_ROOT)


@settings(max_examples=60, deadline=None)
@given(
    leaves=st.lists(st.binary(max_size=8), min_size=2, max_size=64, unique=True),
    data=st.data(),
)
def test_a_changed_bit_breaks_a_proof(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree(leaf_hash(leaf) for leaf in leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = tree.inclusion(index)
    step, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    changed = bytearray(proof[step])
    changed[bit // 8] ^= 1 << bit % 8
    proof[step] = bytes(changed)
    assert not verify_inclusion(leaf_hash(leaves[index]), index, tree.size, proof, tree.root())


@given(sizes=st.lists(st.integers(0, 20), max_size=6))
def test_a_frontier_goes_on_from_its_bytes(sizes: list[int]) -> None:
    leaves = [bytes([number]) for number in range(sum(sizes))]
    frontier, added = Frontier(), iter(leaves)
    for size in sizes:
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes())
        for _ in range(size):
            frontier.add(next(added))
    assert frontier.root() == Tree(map(leaf_hash, leaves)).root()


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


@pytest.mark.parametrize(("size", "data"), [(1, b""), (3, b"x" * 32), (2, b"x" * 31), (-1, b"")])
def test_a_frontier_that_does_not_fit_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier.from_bytes(size, data)


def test_a_proof_of_what_is_not_there_is_refused() -> None:
    for index, size in ((8, 8), (-1, 8), (0, 9), (4, 3)):
        with pytest.raises(ValueError, match=r"leaf|leaves"):
            _tree().inclusion(index, size)
    for first, second in ((0, 8), (9, 9), (5, 4)):
        with pytest.raises(ValueError, match=r"leaf|leaves"):
            _tree().consistency(first, second)
    assert not verify_inclusion(leaf_hash(b""), 1, 1, [], leaf_hash(b""))
    assert not verify_consistency(0, 1, [], EMPTY_ROOT, EMPTY_ROOT)
