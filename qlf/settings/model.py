"""The values that the environment decides, as the rest of the project sees them. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["KekSource", "PrefectApi", "Sandbox", "Settings"]

Sandbox = Literal["auto", "strict"]


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
class KekSource:
    """Where the key-encryption key comes from; at most one is set, none means the developer's key file."""

    value: str | None = field(default=None, repr=False)
    """`QLF_KEK`: the key itself, 32 bytes as base64 or hexadecimal."""
    file: Path | None = None
    """`QLF_KEK_FILE`: a file that holds it, such as a mounted secret."""
    passphrase: str | None = field(default=None, repr=False)
    """`QLF_KEK_PASSPHRASE`: it is derived from this."""
    keyring: str | None = None
    """`QLF_KEK_KEYRING`: the service under which the operating system's keyring holds it."""
    command: str | None = None
    """`QLF_KEK_COMMAND`: a program that prints it."""
    age_identity: Path | None = None
    """`QLF_KEK_AGE_IDENTITY`: an age identity that it is wrapped to."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides."""

    cache_dir: Path
    """May be deleted at any time: step results, application environments."""
    state_dir: Path
    """What runs and what ran: the local server with its database, run records, logs."""
    data_dir: Path
    """What a user would miss: applications that run here, with their data."""
    config_dir: Path
    """What the user wrote or must keep apart from the data: `providers.yaml`, the key-encryption key."""
    tools: Mapping[str, str] = field(repr=False)
    """The environment that child programs get: paths, certificates, proxies, package index. Proxy and
    index addresses may hold passwords, so it has no place in a log."""
    prefect: PrefectApi | None = None
    """The Prefect API that the user configured; a server of `qlf up` is found by its state file."""
    sandbox: Sandbox = "auto"
    threads: int = 4
    color: bool | None = None
    """True or false when the user decided, `None` when the terminal decides."""
    production: bool = False
    """Whether conveniences for a developer's machine are refused, such as a key made on first use."""
    kek: KekSource = field(default_factory=KekSource)
    provider_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables of model providers: `AWS_…`, `AZURE_OPENAI_…`, `OPENAI_…`. They hold keys."""
    unknown: tuple[str, ...] = ()
    """Variables that start with `QLF_` but mean nothing, so that a typing error is told."""
