"""The Merkle tree over the entries, as RFC 9162 section 2.1 defines it (the same tree as RFC 6962).

A proof of inclusion shows that an entry is under a root, a proof of consistency that a later tree only
added to an earlier one; both are checked without the rest of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "Tree",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY_ROOT = sha256(b"").digest()
_SIZE = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf (RFC 9162 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others; the other prefix keeps a node from passing for a leaf."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees that make up a tree, largest first: all that appending needs."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if size < 0 or len(self.peaks) != size.bit_count() or any(len(p) != _SIZE for p in self.peaks):
            raise ValueError(f"no frontier of {size} leaves has {len(self.peaks)} peaks")

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """The frontier that `to_bytes` wrote.

        Raises:
            ValueError: If the bytes do not fit the size.
        """
        return cls(size, (data[start : start + _SIZE] for start in range(0, len(data), _SIZE)))

    def to_bytes(self) -> bytes:
        """The peaks, one after the other."""
        return b"".join(self.peaks)

    def add(self, data: bytes) -> None:
        """Append the leaf that holds `data`."""
        node = sha256(b"\x00" + data).digest()
        number = self.size
        peaks = self.peaks
        while number & 1:
            node = sha256(b"\x01" + peaks.pop() + node).digest()
            number >>= 1
        peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


class Tree:
    """A whole tree in memory, which proofs are made from."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Build it from the hashes of its leaves."""
        level = list(leaves)
        self.size = len(level)
        # Every level holds the roots of perfect subtrees only, so that any range is a few of them.
        self._levels = [level]
        while len(level) > 1:
            level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            self._levels.append(level)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, or over all."""
        size = self.size if size is None else size
        self._check(0, size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that leaf `index` (from 0) is in the tree of the first `size` leaves (2.1.3.1).

        Raises:
            ValueError: If there is no such leaf.
        """
        size = self.size if size is None else size
        self._check(index + 1, size)
        if index < 0:
            raise ValueError(f"there is no leaf {index}")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            split = low + _split(high - low)
            if index < split:
                path.append(self._range(split, high))
                high = split
            else:
                path.append(self._range(low, split))
                low = split
        return path[::-1]

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """The proof that the tree of `second` leaves begins with that of `first` leaves (2.1.4.1).

        Raises:
            ValueError: Unless 0 < first <= second <= size.
        """
        second = self.size if second is None else second
        self._check(first, second)
        if first < 1:
            raise ValueError("a proof of consistency begins with a tree of at least one leaf")
        path: list[bytes] = []
        low, high, known = 0, second, True
        while first != high:
            split = low + _split(high - low)
            if first <= split:
                path.append(self._range(split, high))
                high = split
            else:
                path.append(self._range(low, split))
                low, known = split, False
        if not known:
            path.append(self._range(low, high))
        return path[::-1]

    def _check(self, low: int, high: int) -> None:
        if not 0 <= low <= high <= self.size:
            raise ValueError(f"a tree of {self.size} leaves has no part from {low} to {high}")

    def _range(self, low: int, high: int) -> bytes:
        width = high - low
        if width & (width - 1) == 0:
            height = width.bit_length() - 1
            return self._levels[height][low >> height]
        split = low + _split(width)
        return node_hash(self._range(low, split), self._range(split, high))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf with this hash at `index` of the tree of this root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            node = node_hash(step, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, step)
        number, last = number >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Whether `proof` shows that the second tree begins with the first (2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path or (first & (first - 1) == 0 and not proof):
        return False
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, step)
        number, last = number >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1
