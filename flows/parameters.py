"""The form that a person fills in to start a flow from the Prefect UI. Never holds a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from qlf.engine.request import Engine, GenerateRequest, SourceKind, VerifyLevel

__all__ = ["GenerateParameters"]


class GenerateParameters(BaseModel):
    """What to make, and where to put it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Application")

    source: Annotated[
        str,
        Field(
            title="Brief",
            description="What the application should do, in plain words; or its spec as YAML.",
            min_length=1,
            max_length=1_048_576,
            examples=["A car rental: customers book cars by the day, staff confirm bookings."],
        ),
    ]
    source_kind: Annotated[
        SourceKind, Field(title="Kind of source", description="`brief` for plain words, `spec` for YAML.")
    ] = "brief"
    output: Annotated[
        str | None,
        Field(
            title="Output folder",
            description="Absolute path on the machine that works. Empty: a dry run, nothing is written.",
            max_length=4096,
        ),
    ] = None
    name: Annotated[
        str | None,
        Field(
            title="Name",
            description="Lower-case words joined by dashes. Empty: taken from the brief.",
            max_length=48,
        ),
    ] = None
    engine: Annotated[
        Engine,
        Field(title="Engine", description="`template` works offline and gives the same bytes every time."),
    ] = "template"
    verify: Annotated[
        VerifyLevel,
        Field(
            title="Verification",
            description="`full` boots and tests it, `static` only reads it, `none` proves nothing.",
        ),
    ] = "full"
    overlays: Annotated[
        list[str],
        Field(
            title="Overlays", description="Rules to apply by name, such as `hipaa`, besides those detected."
        ),
    ] = []
    detect: Annotated[
        bool,
        Field(title="Detect overlays", description="Whether the words of the brief may call for overlays."),
    ] = True
    port: Annotated[
        int | None,
        Field(
            title="Port", description="Port that the application listens on. Empty: 8000.", ge=1, le=65_535
        ),
    ] = None
    seed: Annotated[
        int, Field(title="Seed", description="Part of the address of the run; other seeds are other runs.")
    ] = 0

    @field_validator("output")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        # A relative path would mean the folder of whatever process happens to do the work.
        if value is not None and not Path(value).is_absolute():
            raise ValueError(f"the output folder {value!r} is not an absolute path")
        return value

    def request(self) -> GenerateRequest:
        """The request that the engine understands.

        Raises:
            UsageError: For a value that no run could honour.
        """
        return GenerateRequest.from_json(self.model_dump(exclude={"output"}))
