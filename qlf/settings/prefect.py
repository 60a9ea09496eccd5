"""The Prefect API, as Prefect itself reads it from the environment, without importing Prefect."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from qlf.errors import UsageError
from qlf.settings.folders import user_home
from qlf.settings.model import PrefectApi

__all__ = ["export_prefect", "prefect_api"]


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


def prefect_api(env: Mapping[str, str]) -> PrefectApi | None:
    """The API that the user configured, by variable or profile.

    Raises:
        UsageError: If its address is none, or the profiles cannot be read.
    """
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
    home = Path(env.get("PREFECT_HOME") or user_home(env) / ".prefect")
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
