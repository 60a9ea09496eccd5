"""One frozen `Settings`, read once from the environment; the only reader and writer of it in the project.

    from qlf.settings import load

    settings = load()
    settings.cache_dir

Standard library only, because a run that was seen before loads it too. Variables and their meaning:

- `QLF_HOME`: one folder for everything (`cache`, `state` and `data` inside it). Without it the folders
  follow the XDG Base Directory Specification: `XDG_CACHE_HOME`, `XDG_STATE_HOME`, `XDG_DATA_HOME`.
- `QLF_SANDBOX`: which sandbox may run generated code: `auto` (the strongest that works), `strict` (only
  the strongest kind).
- `QLF_THREADS`: how many steps run at once, 1 to 64.
- `PREFECT_API_URL`, `PREFECT_API_AUTH_STRING`, `PREFECT_API_KEY`, `PREFECT_PROFILE`, `PREFECT_HOME`,
  `PREFECT_PROFILES_PATH`: the Prefect API, as Prefect itself understands them.
- `NO_COLOR`, `FORCE_COLOR`, `TERM`: whether output is coloured.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from qlf.errors import EnvironmentUnavailable, UsageError

if TYPE_CHECKING:
    from qlf.mesh.context import MeshContext

__all__ = ["PrefectApi", "Sandbox", "Settings", "export_prefect", "load", "mesh_context", "uv_program"]

Sandbox = Literal["auto", "strict"]

_OWN = ("QLF_HOME", "QLF_SANDBOX", "QLF_THREADS")
_TOOL_NAMES = frozenset(
    {
        "PATH",
        "HOME",
        "TMPDIR",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "DOCKER_HOST",
        "KUBECONFIG",
    }
)
_TOOL_PREFIXES = ("UV_", "PIP_", "NPM_CONFIG_")


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """Where a Prefect API answers, and how to be let in."""

    url: str
    """Without a slash at the end, such as `http://127.0.0.1:4200/api`."""
    origin: str
    """Who named it, for messages: `PREFECT_API_URL`, `profile 'local'` or `qlf up`."""
    auth: str | None = field(default=None, repr=False)
    """`user:password` for HTTP basic authentication."""
    key: str | None = field(default=None, repr=False)
    """An API key, sent as a bearer token."""
    explicit: bool = True
    """True when the user configured it; a server that `qlf up` left behind is not."""

    @property
    def ui(self) -> str:
        """The address of the user interface that belongs to the API."""
        return self.url.removesuffix("/api")

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that let a request in."""
        if self.auth is not None:
            from base64 import b64encode

            return {"Authorization": "Basic " + b64encode(self.auth.encode()).decode("ascii")}
        return {"Authorization": f"Bearer {self.key}"} if self.key is not None else {}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides."""

    cache_dir: Path
    """May be deleted at any time: step results, application environments."""
    state_dir: Path
    """What runs and what ran: the local server with its database, run records, logs."""
    data_dir: Path
    """What a user would miss: applications that run here, with their data."""
    tools: Mapping[str, str] = field(repr=False)
    """The environment that child programs get: paths, certificates, proxies, package index. Proxy and
    index addresses may hold passwords, so it has no place in a log."""
    prefect: PrefectApi | None = None
    """The Prefect API that the user configured; a server of `qlf up` is found by its state file."""
    sandbox: Sandbox = "auto"
    threads: int = 4
    color: bool | None = None
    """True or false when the user decided, `None` when the terminal decides."""
    unknown: tuple[str, ...] = ()
    """Variables that start with `QLF_` but mean nothing, so that a typing error is told."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, or of the given environment.

    Raises:
        UsageError: Naming the variable whose value is wrong.
    """
    env = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    cache_dir, state_dir, data_dir = _folders(env)
    return Settings(
        cache_dir=cache_dir,
        state_dir=state_dir,
        data_dir=data_dir,
        tools=_tools(env),
        prefect=_prefect(env),
        sandbox=cast("Sandbox", _choice(env, "QLF_SANDBOX", ("auto", "strict"))),
        threads=_whole(env, "QLF_THREADS", default=4, low=1, high=64),
        color=_color(env),
        unknown=tuple(sorted(name for name in env if name.startswith("QLF_") and name not in _OWN)),
    )


def export_prefect(api: PrefectApi | None, *, console: bool = False) -> None:
    """Tell Prefect, which must not be imported yet, where its API is.

    Never an ephemeral server: it costs a dozen seconds and its runs are seen by nobody.

    Args:
        api: The API that runs are shown in.
        console: Whether Prefect's own log lines and tracebacks reach stderr. They are in its UI anyway.
    """
    os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "false"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "NOTSET" if console else "CRITICAL"
    for name, value in (
        ("PREFECT_API_URL", api.url if api else None),
        ("PREFECT_API_AUTH_STRING", api.auth if api else None),
        ("PREFECT_API_KEY", api.key if api else None),
    ):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def uv_program(settings: Settings) -> Path:
    """The `uv` that belongs to this installation, or else one on the search path.

    Raises:
        EnvironmentUnavailable: If there is none.
    """
    import shutil
    import sys

    beside = str(Path(sys.executable).parent)
    found = shutil.which("uv", path=beside) or shutil.which("uv", path=settings.tools["PATH"])
    if found is None:
        raise EnvironmentUnavailable("the program uv is missing", hint="install qlf again; uv comes with it")
    return Path(found)


def mesh_context(settings: Settings) -> MeshContext:
    """What the verification mesh needs from these settings.

    Raises:
        EnvironmentUnavailable: If `uv` is missing.
    """
    from qlf.mesh.context import MeshContext
    from qlf.sandbox.model import Policy, Tier

    return MeshContext(
        cache_dir=settings.cache_dir,
        uv=uv_program(settings),
        policy=Policy(minimum=Tier.A if settings.sandbox == "strict" else Tier.B),
        tools=settings.tools,
        threads=min(2, settings.threads),
    )


def _folders(env: Mapping[str, str]) -> tuple[Path, Path, Path]:
    home = env.get("QLF_HOME")
    if home is not None:
        root = _expand(home, env, "QLF_HOME").absolute()
        return root / "cache", root / "state", root / "data"
    cache, state, data = (
        _xdg(env, name, default)
        for name, default in (
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_DATA_HOME", ".local/share"),
        )
    )
    return cache / "qlf", state / "qlf", data / "qlf"


def _xdg(env: Mapping[str, str], name: str, default: str) -> Path:
    # The XDG specification wants relative paths in these variables to be ignored.
    value = Path(env.get(name, ""))
    return value if value.is_absolute() else _user_home(env) / default


def _expand(value: str, env: Mapping[str, str], name: str) -> Path:
    if value == "~" or value.startswith("~/"):
        return _user_home(env) / value[2:]
    if "\0" in value:
        raise UsageError(f"{name} holds a null character", hint=f"set {name} to a folder")
    return Path(value)


def _user_home(env: Mapping[str, str]) -> Path:
    try:
        home = Path(env["HOME"]) if "HOME" in env else Path.home()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise UsageError("there is no home folder to keep files in", hint="set QLF_HOME to a folder")
    return home


def _tools(env: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in env.items()
        if name.upper() in _TOOL_NAMES or name.upper().startswith(_TOOL_PREFIXES)
    }
    # Tools must write the same bytes and messages on every machine.
    return {"PATH": os.defpath, **kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, allowed[0])
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}", hint=f"set it to one of {', '.join(allowed)}")
    return value


def _whole(env: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    value = env.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high):
        raise UsageError(f"{name} is {value!r}", hint=f"set it to a whole number from {low} to {high}")
    return int(value)


def _color(env: Mapping[str, str]) -> bool | None:
    if "NO_COLOR" in env or env.get("TERM") == "dumb":
        return False
    return True if "FORCE_COLOR" in env else None


def _prefect(env: Mapping[str, str]) -> PrefectApi | None:
    url = env.get("PREFECT_API_URL")
    if url is not None:
        return PrefectApi(
            url=_api_url(url, "PREFECT_API_URL"),
            origin="PREFECT_API_URL",
            auth=env.get("PREFECT_API_AUTH_STRING"),
            key=env.get("PREFECT_API_KEY"),
        )
    return _prefect_profile(env)


def _prefect_profile(env: Mapping[str, str]) -> PrefectApi | None:
    home = Path(env.get("PREFECT_HOME") or _user_home(env) / ".prefect")
    path = Path(env.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    try:
        text = path.read_bytes()
    except OSError:
        return None
    import tomllib

    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the Prefect profiles in {str(path)!r} cannot be read",
            hint="repair the file or set PREFECT_API_URL",
        ) from error
    name = env.get("PREFECT_PROFILE") or document.get("active")
    profiles = document.get("profiles")
    profile = profiles.get(name) if isinstance(profiles, dict) and isinstance(name, str) else None
    if not isinstance(profile, dict) or not isinstance(profile.get("PREFECT_API_URL"), str):
        return None
    auth, key = profile.get("PREFECT_API_AUTH_STRING"), profile.get("PREFECT_API_KEY")
    origin = f"the Prefect profile {name!r}"
    return PrefectApi(
        url=_api_url(profile["PREFECT_API_URL"], f"PREFECT_API_URL of {origin}"),
        origin=origin,
        auth=env.get("PREFECT_API_AUTH_STRING") or (auth if isinstance(auth, str) else None),
        key=env.get("PREFECT_API_KEY") or (key if isinstance(key, str) else None),
    )


def _api_url(value: str, name: str) -> str:
    from urllib.parse import urlsplit

    hint = "set it to an address such as http://127.0.0.1:4200/api"
    # The value may carry a password, so it is never repeated.
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or ord(character) < 33 for character in value):
        raise UsageError(f"{name} is not an HTTP address", hint=hint)
    return value.rstrip("/")
