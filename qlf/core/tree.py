"""An immutable tree of files with a digest: what agents make, the mesh judges and capsules carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from qlf.core.paths import check_path
from qlf.errors import InputError

__all__ = ["Collision", "File", "Tree"]


class Collision(InputError):
    """Two parts claim the same path, or one path is a file and also a folder."""


@dataclass(frozen=True, slots=True)
class File:
    """The content of one file."""

    data: bytes
    executable: bool = False

    @property
    def sha256(self) -> str:
        """SHA-256 of the content as hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()


class Tree(Mapping[str, File]):
    """Files by path, in path order, whatever the order they came in.

    Paths are checked once, here; a tree that exists holds only plain relative paths.

    Raises:
        PathRefused: For a path that may not be.
        Collision: When one path is both a file and a folder, or two differ only in case, be it in a folder.
    """

    __slots__ = ("_digest", "_files")

    def __init__(self, files: Mapping[str, File] | Iterable[tuple[str, File]] = ()) -> None:
        pairs = files.items() if isinstance(files, Mapping) else files
        collected: dict[str, File] = {}
        for path, file in pairs:
            if check_path(path) in collected:
                raise Collision(f"the path {path!r} appears twice in one tree")
            collected[path] = file
        self._files: Mapping[str, File] = MappingProxyType(dict(sorted(collected.items())))
        self._digest: str | None = None
        _check_folders(self._files)

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """A tree of UTF-8 text files."""
        return cls((path, File(text.encode())) for path, text in texts.items())

    def __getitem__(self, path: str) -> File:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"Tree({len(self)} files, {self.digest[:12]})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._files == other._files

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """SHA-256 over path, mode and content digest of every file, in path order."""
        if self._digest is None:
            digest = hashlib.sha256(b"qlf-tree-1\n")
            for path, file in self._files.items():
                mode = "x" if file.executable else "-"
                digest.update(f"{mode} {file.sha256} {path}\n".encode())
            self._digest = digest.hexdigest()
        return self._digest

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(len(file.data) for file in self._files.values())

    def text(self, path: str) -> str:
        """The UTF-8 text of one file.

        Raises:
            KeyError: If there is no such file.
            UnicodeDecodeError: If it is not text.
        """
        return self._files[path].data.decode()

    def merge(self, *others: Tree) -> Tree:
        """This tree together with others that share no path with it.

        Raises:
            Collision: If two of them hold the same path.
        """
        return Tree(pair for tree in (self, *others) for pair in tree.items())

    def select(self, paths: Iterable[str]) -> Tree:
        """The part of the tree with these paths.

        Raises:
            KeyError: If one of them is not there.
        """
        return Tree((path, self._files[path]) for path in paths)


def _check_folders(files: Mapping[str, File]) -> None:
    spelled: dict[str, str] = {}
    folders: set[str] = set()
    for path in files:
        parts = path.split("/")
        parents = ["/".join(parts[:end]) for end in range(1, len(parts))]
        folders.update(parents)
        for part in (*parents, path):
            other = spelled.setdefault(part.lower(), part)
            if other != part:
                raise Collision(f"the paths {other!r} and {part!r} differ only in case")
    both = folders.intersection(files)
    if both:
        raise Collision(f"{min(both)!r} is both a file and a folder")
