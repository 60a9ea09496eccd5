"""Where files are kept: one folder of the user's choice, or the XDG Base Directory Specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qlf.errors import UsageError

__all__ = ["expand", "folders", "user_home"]


def folders(env: Mapping[str, str]) -> tuple[Path, Path, Path, Path]:
    """The folders for cache, state, data and configuration.

    Raises:
        UsageError: If there is no home folder, or a variable holds none.
    """
    home = env.get("QLF_HOME")
    if home is not None:
        root = expand(home, env, "QLF_HOME").absolute()
        return root / "cache", root / "state", root / "data", root / "config"
    cache, state, data, config = (
        _xdg(env, name, default)
        for name, default in (
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_CONFIG_HOME", ".config"),
        )
    )
    return cache / "qlf", state / "qlf", data / "qlf", config / "qlf"


def _xdg(env: Mapping[str, str], name: str, default: str) -> Path:
    # The XDG specification wants relative paths in these variables to be ignored.
    value = Path(env.get(name, ""))
    return value if value.is_absolute() else user_home(env) / default


def expand(value: str, env: Mapping[str, str], name: str) -> Path:
    """A path from a variable, with `~` for the home folder.

    Raises:
        UsageError: Naming the variable, if no file can have such a name.
    """
    if value == "~" or value.startswith("~/"):
        return user_home(env) / value[2:]
    if "\0" in value:
        raise UsageError(f"{name} holds a null character", hint=f"set {name} to a folder")
    return Path(value)


def user_home(env: Mapping[str, str]) -> Path:
    """The home folder.

    Raises:
        UsageError: If there is none.
    """
    try:
        home = Path(env["HOME"]) if "HOME" in env else Path.home()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise UsageError("there is no home folder to keep files in", hint="set QLF_HOME to a folder")
    return home
