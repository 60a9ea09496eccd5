"""A private copy of files for a command to work on, and safe ways to look at what it left there.

The folder belongs to the sandbox user, so a program may plant links, pipes and sockets in it. Nothing on the
host may follow a name there blindly: `read` and `socket` open what is really meant, or refuse.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qlf.errors import InputError
from qlf.sandbox.model import SandboxFailed
from qlf.sandbox.process import Process

__all__ = ["Workspace", "workspace"]

_POLL = 0.02


class Workspace:
    """A folder of the sandbox user."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str, limit: int = 16 * 1024 * 1024) -> bytes:
        """Read a regular file that the command left, following no link in any part of its name.

        Raises:
            InputError: The name leads elsewhere, is no regular file, or holds more than `limit` bytes.
        """
        descriptor = self._open(name, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InputError(f"{name!r} in the workspace is not a regular file.")
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise InputError(f"{name!r} in the workspace holds more than {limit} bytes.")
        return content

    @contextmanager
    def socket(self, name: str) -> Iterator[str]:
        """A path to connect to a Unix socket that the command serves, valid inside the `with` block.

        The path names the very socket that was checked. By its own name the program could swap it for a link
        to a socket of the host between the check and the connection. It is also short enough for any depth.

        Raises:
            InputError: It is missing or no socket.
        """
        descriptor = self._open(name, os.O_PATH)
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                raise InputError(f"{name!r} in the workspace is not a socket.")
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)

    @contextmanager
    def listening(self, process: Process, name: str, seconds: float = 20.0) -> Iterator[str]:
        """Like `socket`, after waiting until the process accepts connections there.

        Raises:
            SandboxFailed: The process ended or did not listen in time; the message ends with its last words.
        """
        deadline = time.monotonic() + seconds
        while True:
            if not process.running or time.monotonic() > deadline:
                words = process.output(2000).decode(errors="replace").strip()
                state = f"was not listening after {seconds} seconds" if process.running else "ended early"
                raise SandboxFailed(f"The server on {name!r} {state}: {words}")
            try:
                with self.socket(name) as path:
                    with socket.socket(socket.AF_UNIX) as probe:
                        probe.settimeout(1.0)
                        probe.connect(path)
                    yield path
                    return
            except (InputError, ConnectionRefusedError, BlockingIOError, TimeoutError):
                time.sleep(_POLL)

    def _open(self, name: str, flags: int) -> int:
        parts = _parts(name)
        here = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for place, part in enumerate(parts):
                last = place == len(parts) - 1
                wanted = flags if last else os.O_PATH | os.O_DIRECTORY
                following = os.open(part, wanted | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                os.close(here)
                here = following
            return here
        except OSError as error:
            os.close(here)
            raise InputError(f"{name!r} in the workspace cannot be opened: {error.strerror}.") from error


@contextmanager
def workspace(
    content: Path | Mapping[str, bytes], owner: tuple[int, int], base: Path | None = None
) -> Iterator[Workspace]:
    """Copy files into a fresh folder of the sandbox user; the folder is deleted afterwards.

    Args:
        content: A folder, or the bytes of each file by its relative name. Links are kept as links; they lead
            nowhere outside, because nothing outside exists inside.
        owner: User and group that commands run as.
        base: Where the copy is made; None takes the folder for temporary files.

    Raises:
        InputError: A name leads out of the folder, or the source holds something that is no file.
    """
    path = Path(tempfile.mkdtemp(prefix="qlf-", dir=base)).resolve()
    try:
        if isinstance(content, Path):
            _copy_folder(content, path)
        else:
            _write_files(content, path)
        if owner[0] != os.getuid():
            _give(path, owner)
        yield Workspace(path)
    finally:
        _remove(path)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if not name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{name!r} is not a plain relative file name.")
    return parts


def _write_files(content: Mapping[str, bytes], path: Path) -> None:
    for name in sorted(content):
        target = path.joinpath(*_parts(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(content[name])


def _copy_folder(source: Path, path: Path) -> None:
    for folder, folders, files in os.walk(source):
        there = path / os.path.relpath(folder, source)
        for name in sorted(folders + files):
            origin, target = Path(folder, name), there / name
            mode = origin.lstat().st_mode
            if stat.S_ISLNK(mode):
                target.symlink_to(origin.readlink())
            elif stat.S_ISDIR(mode):
                target.mkdir()
            elif stat.S_ISREG(mode):
                shutil.copyfile(origin, target, follow_symlinks=False)
                target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
            else:
                raise InputError(f"{str(origin)!r} is neither a file, a folder nor a link.")


def _give(path: Path, owner: tuple[int, int]) -> None:
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder, name), *owner, follow_symlinks=False)
    os.chown(path, *owner)


def _remove(path: Path) -> None:
    if not path.exists():
        # Whatever clears the folder for temporary files came first; gone is what was wanted.
        return
    # A program may have closed its own folders, which keeps everybody but root from emptying them.
    for folder, folders, _ in os.walk(path):
        for name in folders:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(path)
