"""Changing a folder that exists: what may be changed, and doing it so that a failure can be undone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qlf.core.paths import check_path
from qlf.core.tree import File, Tree
from qlf.engine.files import remove_folder, write_new_file
from qlf.engine.interrupt import interrupt_deferred
from qlf.engine.manifest import MANIFEST_PATH, MAX_MANIFEST_BYTES, Manifest
from qlf.errors import InputError, OutputError

__all__ = ["Change", "State", "apply", "plan_changes", "read_state"]

_JOURNAL = ".qlf/pending.json"
_STAGING = ".qlf/staging"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UNREADABLE = "?"


@dataclass(frozen=True, slots=True)
class Change:
    """One file that gets new content, or goes (`file` is `None`)."""

    path: str
    file: File | None


@dataclass(frozen=True, slots=True)
class State:
    """What `qlf` knows about a folder."""

    target: Path
    root: int
    """Descriptor of the folder; every path is resolved from it without following links."""
    manifest: Mapping[str, str]
    pending: Mapping[str, str]
    """Digests that an interrupted run was about to write."""
    given: Mapping[str, str]
    """Digests of files that the new application was made from."""

    def on_disk(self, path: str) -> tuple[str | None, bool]:
        """SHA-256 and executable bit of a file; `None` if there is none, `?` if it is no plain file."""
        try:
            with _parent(self.root, path) as (folder, name):
                handle = os.open(name, _READ, dir_fd=folder)
                with os.fdopen(handle, "rb") as stream:
                    mode = os.fstat(stream.fileno()).st_mode
                    if not stat.S_ISREG(mode):
                        return _UNREADABLE, False
                    return hashlib.file_digest(stream, "sha256").hexdigest(), bool(mode & 0o100)
        except FileNotFoundError:
            return None, False
        except OSError:
            return _UNREADABLE, False

    def ours(self, path: str, digest: str | None) -> bool:
        """Whether content with that digest at that path may go: `qlf` wrote it, or read it as its input."""
        known = (self.manifest.get(path), self.pending.get(path), self.given.get(path))
        return digest is not None and digest in known

    def edited(self) -> list[str]:
        """Paths that `qlf` wrote and somebody changed since."""
        found = []
        for path in sorted({*self.manifest, *self.pending} - {MANIFEST_PATH}):
            digest, _ = self.on_disk(path)
            if digest is not None and not self.ours(path, digest):
                found.append(path)
        return found


def read_state(root: int, target: Path, given: Mapping[str, str]) -> State:
    """Look at a folder.

    Raises:
        OutputError: If it holds files and `qlf` did not make it.
    """
    manifest = _read(root, MANIFEST_PATH)
    pending = _read(root, _JOURNAL)
    if manifest is None and pending is None and os.listdir(root):
        raise OutputError(
            f"the output folder {str(target)!r} is not empty and was not made by qlf",
            hint="choose another folder with -o",
        )
    try:
        files = Manifest.parse(manifest).files if manifest is not None else {}
    except InputError as error:
        raise OutputError(
            f"the output folder {str(target)!r} has a damaged {MANIFEST_PATH}: {error}",
            hint="choose another folder with -o",
        ) from error
    return State(target, root, manifest=files, pending=_parse_journal(pending), given=given)


def plan_changes(tree: Tree, state: State) -> tuple[list[Change], list[str]]:
    """What has to change so that the folder holds `tree`, and the paths that forbid it."""
    changes: list[Change] = []
    conflicts: list[str] = []
    for path, file in tree.items():
        digest, executable = state.on_disk(path)
        if digest == file.sha256 and executable == file.executable:
            continue
        if digest is None or digest == file.sha256 or path == MANIFEST_PATH or state.ours(path, digest):
            changes.append(Change(path, file))
        else:
            conflicts.append(path)
    for path in sorted({*state.manifest, *state.pending} - {*tree, MANIFEST_PATH}):
        digest, _ = state.on_disk(path)
        if state.ours(path, digest):
            changes.append(Change(path, None))
        elif digest is not None:
            conflicts.append(path)
    # The manifest comes last: as long as it is the old one, the journal explains the rest.
    changes.sort(key=lambda change: (change.path == MANIFEST_PATH, change.path))
    return changes, conflicts


def apply(changes: list[Change], state: State, root: int) -> None:
    """Carry out the changes, or put everything back as it was and raise.

    Raises:
        OSError: If the folder cannot take them.
    """
    if not changes:
        _forget_journal(root)
        return
    staging = state.target / _STAGING
    had_folder = os.path.lexists(state.target / ".qlf")
    done: list[tuple[Change, bool]] = []
    made: list[str] = []
    finished = False
    try:
        _clear_staging(staging)
        for number, change in enumerate(changes):
            if change.file is not None:
                write_new_file(staging / f"new-{number}", change.file)
        with interrupt_deferred():
            _write_journal(changes, state, staging)
            try:
                for number, change in enumerate(changes):
                    _make_folders(root, change.path, made)
                    done.append((change, _keep_old(root, change.path, staging / f"old-{number}")))
                    _put(root, change, staging / f"new-{number}")
                for change in changes:
                    if change.file is None:
                        _remove_empty_folders(root, change.path)
                finished = True
            except BaseException:
                _undo(root, done, made, staging)
                raise
            finally:
                remove_folder(staging)
                _forget_journal(root)
    finally:
        if not finished:
            remove_folder(staging)
            if not had_folder:
                with contextlib.suppress(OSError):
                    (state.target / ".qlf").rmdir()


def _clear_staging(staging: Path) -> None:
    folder = staging.parent
    if not folder.is_dir() or folder.is_symlink():
        folder.mkdir()
    # The folder is locked, so what is here was left by a process that was killed.
    remove_folder(staging)
    staging.mkdir(mode=0o700)


def _write_journal(changes: list[Change], state: State, staging: Path) -> None:
    coming = {change.path: change.file.sha256 for change in changes if change.file is not None}
    files = {**state.pending, **coming}
    place = staging / "journal"
    place.write_text(json.dumps({"schema": 1, "files": files}, sort_keys=True), encoding="utf-8")
    place.replace(state.target / _JOURNAL)


def _parse_journal(data: bytes | None) -> dict[str, str]:
    if data is None:
        return {}
    try:
        return {check_path(path): str(digest) for path, digest in json.loads(data)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _forget_journal(root: int) -> None:
    with contextlib.suppress(FileNotFoundError), _parent(root, _JOURNAL) as (folder, name):
        os.unlink(name, dir_fd=folder)


def _keep_old(root: int, path: str, backup: Path) -> bool:
    with _parent(root, path) as (folder, name):
        try:
            os.link(name, backup, src_dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            # Some file systems know no second name for a file; a copy serves as well.
            handle = os.open(name, _READ, dir_fd=folder)
            with os.fdopen(handle, "rb") as source, backup.open("xb") as copy:
                copy.write(source.read())
                os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
    return True


def _put(root: int, change: Change, staged: Path) -> None:
    with _parent(root, change.path) as (folder, name):
        if change.file is not None:
            os.rename(staged, name, dst_dir_fd=folder)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _undo(root: int, done: list[tuple[Change, bool]], made: list[str], staging: Path) -> None:
    for number, (change, existed) in reversed(list(enumerate(done))):
        with contextlib.suppress(OSError), _parent(root, change.path) as (folder, name):
            if existed:
                os.rename(staging / f"old-{number}", name, dst_dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
    for path in reversed(made):
        with contextlib.suppress(OSError), _parent(root, path) as (folder, name):
            os.rmdir(name, dir_fd=folder)


def _make_folders(root: int, path: str, made: list[str]) -> None:
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        with _parent(root, "/".join(parts[:end])) as (folder, name):
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                continue
            made.append("/".join(parts[:end]))


def _remove_empty_folders(root: int, path: str) -> None:
    parts = path.split("/")[:-1]
    for end in range(len(parts), 0, -1):
        try:
            with _parent(root, "/".join(parts[:end])) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except OSError:
            return


def _read(root: int, path: str) -> bytes | None:
    try:
        with _parent(root, path) as (folder, name):
            handle = os.open(name, _READ, dir_fd=folder)
            with os.fdopen(handle, "rb") as stream:
                return stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError:
        return None


@contextlib.contextmanager
def _parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Descriptor of the folder that holds `path`, opened step by step without following a link."""
    *folders, name = path.split("/")
    handle = os.dup(root)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle, name
    finally:
        os.close(handle)
