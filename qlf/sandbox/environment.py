"""Virtual environments made from a lock with hashes, built once and shared read-only by all commands.

Installing is the one step with network access, and it runs outside the sandbox. So nothing of what is
installed may run there: wheels only, no build scripts, and no interpreter is started in the finished
environment, because a `.pth` file in a wheel is code that runs at every start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qlf.errors import EnvironmentUnavailable, UsageError
from qlf.sandbox import interpreter, lockfile
from qlf.sandbox.confinement import Sandbox
from qlf.sandbox.interpreter import Interpreter
from qlf.sandbox.model import Mount

__all__ = ["Environment", "ensure", "uv_variables"]

TARGET = "/env"
"""Where commands see the environment. Its programs find themselves by relative paths."""

_LAYOUT = "1"
"""Part of the address; to be raised when environments are built differently."""
_INSTALL_SECONDS = 1800
_FROM_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
}
_KNOWN = frozenset(
    [
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_NO_INDEX",
        "UV_OFFLINE",
        "UV_NATIVE_TLS",
        "UV_SYSTEM_CERTS",
        "UV_HTTP_TIMEOUT",
        "UV_HTTP_RETRIES",
        "UV_CACHE_DIR",
        "UV_CONCURRENT_DOWNLOADS",
        "UV_INSECURE_HOST",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSL_CLIENT_CERT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ]
)
_SECOND_INDEX = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")


@dataclass(frozen=True, slots=True)
class Environment:
    """A finished environment."""

    path: Path
    interpreter: Interpreter
    digest: str
    """Its address: SHA-256 over the lock, the interpreter and the layout."""

    def mounts(self, sandbox: Sandbox) -> tuple[Mount, ...]:
        """The environment itself and the interpreter below it, all read-only."""
        base = tuple(sandbox.place(folder, str(folder)) for folder in self.interpreter.folders)
        return (sandbox.place(self.path, TARGET), *base)

    def program(self, sandbox: Sandbox, name: str) -> str:
        """The path of one of its programs, as a command sees it."""
        return f"{sandbox.place(self.path, TARGET).target}/bin/{name}"


def uv_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What of an environment configures the package index, in the words of uv.

    Settings for pip are translated where uv has none of its own. A second index is left out: with it, whoever
    owns a name there decides what is installed.
    """
    translated = {_FROM_PIP[name]: value for name, value in environ.items() if name in _FROM_PIP and value}
    return translated | {name: value for name, value in environ.items() if name in _KNOWN and value}


def ensure(
    lock_text: str | bytes,
    *,
    python: Path,
    cache_dir: Path,
    uv: Path,
    variables: Mapping[str, str],
) -> Environment:
    """Make the environment of a lock, or find it made before.

    Any number of processes may ask for the same one; one builds, the others wait.

    Args:
        lock_text: A requirements file with exact versions and hashes.
        python: The interpreter to build on.
        cache_dir: A folder that only the caller may write to.
        uv: The program.
        variables: The whole configuration of the index and the connection, as from `uv_variables`.

    Raises:
        InputError: The lock is not exact or has no hashes.
        UsageError: A variable is unknown, or names a second index.
        EnvironmentUnavailable: The interpreter or uv does not run, or a package cannot be had.
    """
    text = lock_text.decode("utf-8") if isinstance(lock_text, bytes) else lock_text
    pins = lockfile.parse(text)
    _check_variables(variables)
    base = interpreter.examine(python)
    digest = _digest(text, base)
    cache_dir = _own_folder(cache_dir)
    final = cache_dir / digest
    result = Environment(final, base, digest)
    if final.is_dir():
        return result
    with _locked(cache_dir / f"{digest}.lock"):
        if final.is_dir():
            return result
        staging = cache_dir / f"{digest}.{secrets.token_hex(4)}.new"
        try:
            _build(staging, text if pins else None, base, cache_dir, uv, variables)
            staging.rename(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return result


def _digest(text: str, base: Interpreter) -> str:
    whole = hashlib.sha256()
    for part in (_LAYOUT, str(base.executable), base.identity, text):
        whole.update(part.encode() + b"\0")
    return whole.hexdigest()


def _check_variables(variables: Mapping[str, str]) -> None:
    for name in variables:
        if name in _SECOND_INDEX:
            raise UsageError(
                f"{name!r} adds a second package index, which could answer for names of the first.",
                hint="Name one index with UV_DEFAULT_INDEX, if need be one that mirrors the other.",
            )
        credential = name.startswith("UV_INDEX_") and name.endswith(("_USERNAME", "_PASSWORD"))
        if name not in _KNOWN and not credential:
            raise UsageError(
                f"{name!r} is no setting of the package index.", hint="Choose the settings with uv_variables."
            )


def _own_folder(cache_dir: Path) -> Path:
    cache_dir.mkdir(parents=True, exist_ok=True)
    found = cache_dir.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EnvironmentUnavailable(
            f"The cache folder {str(cache_dir)!r} may be written by others, who could swap packages.",
            hint="Use a folder of your own with mode 0755 or 0700.",
        )
    return cache_dir.resolve()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(
    staging: Path,
    text: str | None,
    base: Interpreter,
    cache_dir: Path,
    uv: Path,
    variables: Mapping[str, str],
) -> None:
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(cache_dir),
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": str(cache_dir / "uv"),
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        **variables,
    }
    _run([uv, "venv", "--relocatable", "--python", base.executable, staging], env)
    # Also where the caller keeps its files to itself, the sandbox user has to read this.
    staging.chmod(0o755)
    if text is not None:
        lock = staging / "lock.txt"
        lock.write_text(text, encoding="utf-8")
        how = ["--require-hashes", "--only-binary", ":all:", "--link-mode", "hardlink"]
        sync: list[str | Path] = [
            uv,
            "pip",
            "sync",
            "--python",
            staging / "bin" / "python",
            "--no-compile-bytecode",
        ]
        # uv knows this one as an option alone.
        if variables.get("UV_NO_INDEX", "") not in ("", "0", "false"):
            how.append("--no-index")
        _run([*sync, *how, lock], env)
        # The base interpreter without site packages compiles and runs nothing. Hashes instead of dates, so
        # that equal locks give equal files.
        quiet = ["-q", "--invalidation-mode", "unchecked-hash"]
        _run([base.executable, "-I", "-S", "-m", "compileall", *quiet, staging / "lib"], env, check=False)


def _run(argv: list[str | Path], env: Mapping[str, str], *, check: bool = True) -> None:
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_INSTALL_SECONDS,
            umask=0o022,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentUnavailable(
            f"{str(argv[0])!r} did not finish: {error}", hint="Install uv and check the connection."
        ) from error
    if check and done.returncode != 0:
        raise EnvironmentUnavailable(
            f"The packages of the lock could not be installed: {_last_words(done.stderr, env)}",
            hint="Check that the index holds wheels of these exact versions for this interpreter.",
        )


def _last_words(stderr: bytes, env: Mapping[str, str]) -> str:
    """The end of what uv said, without credentials of the index."""
    said = stderr.decode(errors="replace").strip()[-600:]
    for name, value in env.items():
        if name.endswith("_PASSWORD") and value:
            said = said.replace(value, "***")
    return lockfile.without_credentials(said)
