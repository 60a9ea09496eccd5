"""Putting a tree into a folder so that the folder holds the old application or the new one, never a mixture.

- A folder that does not exist: everything is written into a staging folder beside it, which takes its name
  in one rename.
- An empty folder, or one that `qlf` wrote before: what differs is staged inside it, then each file is
  renamed into place, the manifest last. A failure puts the old files back. What a killed process leaves
  behind is described by a journal, so that the next run finishes the job instead of refusing it.
- Files that `qlf` did not write stay. A file of `qlf` that a person changed is never overwritten: the whole
  write is refused before anything is touched.

Files are not forced to disk one by one: after a power cut a file may be torn, which its digest in the
manifest shows. Symbolic links are never followed inside the folder. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qlf.core.tree import Tree
from qlf.engine.files import remove_folder, write_new_file
from qlf.engine.manifest import SPEC_PATH
from qlf.errors import OutputError

__all__ = ["WriteReport", "check_target", "write_tree"]

_STALE_SECONDS = 3600
_ELSEWHERE = "choose another folder with -o"


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write did, in files."""

    written: int
    removed: int
    unchanged: int


def check_target(target: Path) -> None:
    """Refuse early a folder that could not take an application, before any work is done for it.

    An edited `app.yaml` is left to `write_tree`: it may be what the new application is made from.

    Raises:
        OutputError: With what stands in the way.
    """
    with _explained(target):
        if not _exists(target):
            _check_permission(_nearest_folder(target))
            return
        _check_permission(target)
        from qlf.engine.replace import read_state

        root = _open_root(target)
        try:
            edited = [path for path in read_state(root, target, {}).edited() if path != SPEC_PATH]
        finally:
            os.close(root)
    if edited:
        raise _edited(target, edited)


def write_tree(tree: Tree, target: Path, given: Mapping[str, str] | None = None) -> WriteReport:
    """Make `target` hold `tree`, including the manifest that the tree carries.

    Nothing is written when the folder already holds the same bytes.

    Args:
        tree: All files.
        target: The output folder.
        given: Digests by path of files that the application was made from, such as an edited `app.yaml`:
            their changes are not lost.

    Raises:
        OutputError: If the folder cannot take it; it is then as it was before.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - links must stay visible
    with _explained(target):
        if not _exists(target):
            return _write_new(tree, target)
        # Loaded only where a folder exists, because a new one is the usual case.
        from qlf.engine.replace import apply, plan_changes, read_state

        root = _open_root(target)
        try:
            with _locked(root, target):
                state = read_state(root, target, given or {})
                changes, conflicts = plan_changes(tree, state)
                if conflicts:
                    raise _edited(target, conflicts)
                apply(changes, state, root)
        finally:
            os.close(root)
    removed = sum(change.file is None for change in changes)
    written = len(changes) - removed
    return WriteReport(written=written, removed=removed, unchanged=len(tree) - written)


def _write_new(tree: Tree, target: Path) -> WriteReport:
    made = _make_parents(target.parent)
    _sweep(target)
    staging = target.with_name(f".{target.name[:80]}.qlf-{os.getpid()}-{os.urandom(4).hex()}")
    done = False
    try:
        staging.mkdir(mode=0o700)
        body = staging / "tree"
        body.mkdir()
        folders = {""}
        for path, file in tree.items():
            folder = path.rpartition("/")[0]
            if folder not in folders:
                (body / folder).mkdir(parents=True, exist_ok=True)
                folders.add(folder)
            write_new_file(f"{body}/{path}", file)
        body.rename(target)
        done = True
    finally:
        if done:
            with contextlib.suppress(OSError):
                staging.rmdir()
        else:
            remove_folder(staging)
            for parent in reversed(made):
                with contextlib.suppress(OSError):
                    parent.rmdir()
    return WriteReport(written=len(tree), removed=0, unchanged=0)


def _exists(target: Path) -> bool:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise OutputError(
            f"the output folder {str(target)!r} is a symbolic link",
            hint="name the folder that it points to",
        )
    if not stat.S_ISDIR(mode):
        raise OutputError(f"the output folder {str(target)!r} is a file", hint=_ELSEWHERE)
    return True


def _open_root(target: Path) -> int:
    return os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _check_permission(folder: Path) -> None:
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _nearest_folder(target: Path) -> Path:
    for parent in target.absolute().parents:
        if parent.is_dir():
            return parent
        if os.path.lexists(parent):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(parent))
    return Path("/")


def _make_parents(folder: Path) -> list[Path]:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    made = []
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        made.append(path)
    return made


def _sweep(target: Path) -> None:
    """Remove staging folders that killed processes left beside the target."""
    prefix = f".{target.name[:80]}.qlf-"
    for entry in os.scandir(target.parent):
        if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_SECONDS:
                    remove_folder(Path(entry.path))


@contextmanager
def _locked(root: int, target: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; renames stay atomic there.
        yield
        return
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            f"another run is writing to {str(target)!r}", hint="wait for it, or choose another folder with -o"
        ) from None
    try:
        yield
    finally:
        fcntl.flock(root, fcntl.LOCK_UN)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason, hint = _reason(error)
        message = f"the output folder {str(target)!r} cannot be written: {reason}"
        raise OutputError(message, hint=hint) from error


def _reason(error: OSError) -> tuple[str, str]:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full", "free some space or choose another folder with -o; nothing was changed"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission", "choose a folder that you may write to with -o"
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return "a file or symbolic link stands where a folder should be", _ELSEWHERE
    if error.errno == errno.EFBIG:
        return "a file would exceed the size limit of this process", "raise the limit (ulimit -f)"
    return (error.strerror or type(error).__name__).lower(), _ELSEWHERE


def _edited(target: Path, paths: list[str]) -> OutputError:
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return OutputError(
        f"{str(target)!r} holds changes that would be lost: {shown}",
        hint="choose another folder with -o, or move these files away first",
    )
