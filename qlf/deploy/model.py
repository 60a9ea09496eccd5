"""What a deployment is, for callers and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Deployment"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One application on this machine."""

    name: str
    """How other commands call it."""
    url: str
    pid: int
    """Of the process that holds the port; it ends everything else when it ends."""
    digest: str
    """Of the files that run."""
    source: Path
    started: str
    """UTC, ISO 8601."""
    status: str
    """`ready`, `unhealthy` (runs, but does not say that it is ready) or `stopped` (ended by itself)."""
    admin: str | None = None
    """E-mail address of the first administrator; `None` for an application without accounts."""
    secrets: Path | None = None
    """The file with the administrator's password, readable by its owner alone."""

    @property
    def stop(self) -> str:
        """The command that stops it."""
        return f"qlf deploy stop {self.name}"

    @property
    def admin_hint(self) -> str | None:
        """How to sign in for the first time, in one sentence."""
        if self.admin is None or self.secrets is None:
            return None
        return f"sign in as {self.admin}; the password is under admin_password in {self.secrets}"

    def to_json(self) -> dict[str, Any]:
        """The deployment as plain JSON data."""
        data: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "url": self.url,
            "pid": self.pid,
            "stop": self.stop,
            "digest": self.digest,
            "source": str(self.source),
            "started": self.started,
        }
        if self.admin is not None:
            data["admin"] = {"email": self.admin, "password_file": str(self.secrets)}
        return data
