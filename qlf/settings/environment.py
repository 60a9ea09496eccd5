"""Reading the environment, once, into `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from qlf.errors import UsageError
from qlf.settings.folders import expand, folders
from qlf.settings.model import KekSource, Sandbox, Settings
from qlf.settings.prefect import prefect_api

__all__ = ["load"]

_KEK = (
    "QLF_KEK",
    "QLF_KEK_FILE",
    "QLF_KEK_PASSPHRASE",
    "QLF_KEK_KEYRING",
    "QLF_KEK_COMMAND",
    "QLF_KEK_AGE_IDENTITY",
)
_OWN = ("QLF_HOME", "QLF_PRODUCTION", "QLF_SANDBOX", "QLF_THREADS", *_KEK)
_PROVIDER_PREFIXES = ("AWS_", "AZURE_OPENAI_", "OPENAI_")
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


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, or of the given environment.

    Raises:
        UsageError: Naming the variable whose value is wrong.
    """
    env = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    cache_dir, state_dir, data_dir, config_dir = folders(env)
    return Settings(
        cache_dir=cache_dir,
        state_dir=state_dir,
        data_dir=data_dir,
        config_dir=config_dir,
        tools=_tools(env),
        prefect=prefect_api(env),
        sandbox=cast("Sandbox", _choice(env, "QLF_SANDBOX", ("auto", "strict"))),
        threads=_whole(env, "QLF_THREADS", default=4, low=1, high=64),
        color=_color(env),
        production=_flag(env, "QLF_PRODUCTION"),
        kek=_kek(env),
        provider_env={name: value for name, value in env.items() if name.startswith(_PROVIDER_PREFIXES)},
        unknown=tuple(sorted(name for name in env if name.startswith("QLF_") and name not in _OWN)),
    )


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


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "0")
    if value not in ("0", "1"):
        raise UsageError(f"{name} is {value!r}", hint="set it to 1 or 0")
    return value == "1"


def _kek(env: Mapping[str, str]) -> KekSource:
    named = [name for name in _KEK if name in env]
    if len(named) > 1:
        # Two sources would make it a matter of luck which one sealed what.
        raise UsageError(
            f"{' and '.join(named)} are both set", hint="keep one source of the key-encryption key"
        )
    file, age = (
        expand(env[name], env, name).absolute() if name in env else None
        for name in ("QLF_KEK_FILE", "QLF_KEK_AGE_IDENTITY")
    )
    return KekSource(
        value=env.get("QLF_KEK"),
        file=file,
        passphrase=env.get("QLF_KEK_PASSPHRASE"),
        keyring=env.get("QLF_KEK_KEYRING"),
        command=env.get("QLF_KEK_COMMAND"),
        age_identity=age,
    )
