"""A Python on the host: what it is, and which folders a command must see to run it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qlf.errors import EnvironmentUnavailable

__all__ = ["Interpreter", "examine", "running"]

_QUESTION = (
    "import json, sys, sysconfig; print(json.dumps([sys._base_executable, sys.base_prefix, sys.version, "
    "sysconfig.get_platform(), sysconfig.get_config_var('SOABI')]))"
)
_SYSTEM = Path("/usr")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A base installation, never a virtual environment."""

    executable: Path
    prefix: Path
    identity: str
    """Version, build, platform and binary interface: compiled packages fit exactly one of these."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """What to show of it. The rest of the prefix may hold anything, such as a configuration of pip."""
        if self.prefix == _SYSTEM or _SYSTEM in self.prefix.parents:
            return ()
        return tuple(folder for name in ("bin", "lib", "lib64") if (folder := self.prefix / name).is_dir())


def running() -> Interpreter:
    """The installation below the interpreter that runs now."""
    base = getattr(sys, "_base_executable", sys.executable)
    return Interpreter(Path(base).resolve(), Path(sys.base_prefix).resolve(), sys.version)


def examine(python: Path) -> Interpreter:
    """Ask another interpreter, without letting it load any installed package.

    Raises:
        EnvironmentUnavailable: It does not run.
    """
    try:
        answer = subprocess.run(
            [str(python), "-I", "-S", "-c", _QUESTION],
            env={},
            capture_output=True,
            timeout=30,
            check=True,
        )
        executable, prefix, *identity = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EnvironmentUnavailable(
            f"The interpreter {str(python)!r} does not run.", hint="Name another Python 3.11 or newer."
        ) from error
    return Interpreter(Path(executable).resolve(), Path(prefix).resolve(), "|".join(map(str, identity)))
