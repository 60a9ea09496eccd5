"""What a person asks for, as a value with an address. Standard library only: the fast way imports it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from qlf.core.canonical import digest_bytes, digest_value
from qlf.engine.manifest import SPEC_PATH
from qlf.errors import UsageError

__all__ = ["IRRELEVANT", "Engine", "GenerateRequest", "SourceKind", "VerifyLevel"]

SourceKind = Literal["brief", "spec"]
Engine = Literal["template"]
VerifyLevel = Literal["none", "static", "full"]

IRRELEVANT: frozenset[str] = frozenset()
"""Fields that change neither the files nor the verdicts. Every other field is part of the address."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """Everything that decides what one run of `qlf generate` makes.

    Raises:
        UsageError: For a value that no run could honour.
    """

    source: str
    """The brief in plain words, or the spec as YAML text."""
    source_kind: SourceKind = "brief"
    engine: Engine = "template"
    overlays: tuple[str, ...] = ()
    """Overlays asked for by name, on top of what the brief says."""
    detect: bool = True
    """Whether overlays are taken from the words of the brief."""
    verify: VerifyLevel = "full"
    port: int | None = None
    seed: int = 0
    name: str | None = None
    """Name of the application; the brief decides when it is not given."""

    def __post_init__(self) -> None:
        for key, kind in (("source_kind", SourceKind), ("engine", Engine), ("verify", VerifyLevel)):
            if getattr(self, key) not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise UsageError(f"{key} cannot be {getattr(self, key)!r}; it is one of: {known}")
        if self.port is not None and not 1 <= self.port <= 65_535:
            raise UsageError(f"the port {self.port!r} is not between 1 and 65535")
        object.__setattr__(self, "overlays", tuple(sorted(set(self.overlays))))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON data."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**data, "overlays": list(self.overlays)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GenerateRequest:
        """The request that `to_json` described.

        Raises:
            UsageError: For a value that no run could honour.
            TypeError: For a missing or unknown key.
        """
        return cls(**{**data, "overlays": tuple(cast("list[str]", data["overlays"]))})

    @property
    def given(self) -> dict[str, str]:
        """Digest by path of what the application is made from, should it lie in the output folder itself."""
        if self.source_kind == "brief":
            return {}
        return {SPEC_PATH: digest_bytes(self.source.encode(errors="surrogatepass"))}

    def address(self, engine_digest: str) -> str:
        """SHA-256 that names the whole run: equal addresses give equal files and verdicts."""
        inputs = {key: value for key, value in self.to_json().items() if key not in IRRELEVANT}
        return digest_value({"run": inputs, "engine_digest": engine_digest})
