"""What every part of the spec is made of: the strict base, names, numbers, and where a part came from."""

from __future__ import annotations

import keyword
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

__all__ = ["Element", "Name", "Number", "Origin", "Slug", "Source", "Text", "Title", "Word"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
# Bidirectional and other invisible controls (Unicode TR36 2.8; CVE-2021-42574) change how text reads.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

_RESERVED = frozenset(
    {
        *keyword.kwlist,
        "id",
        "created_at",
        "updated_at",
        "metadata",
        "registry",
        "query",
        "self",
        "cls",
        "copy",
    }
)


def _word(value: str) -> str:
    if len(value) > 48 or not _NAME.match(value):
        raise ValueError(f"{value!r} is not a name; names are singular snake_case of at most 48 characters")
    return value


def _name(value: str) -> str:
    _word(value)
    if value in _RESERVED or value.startswith("model_"):
        raise ValueError(f"the name {value!r} is reserved; choose another")
    return value


def _slug(value: str) -> str:
    if len(value) > 48 or not _SLUG.match(value):
        raise ValueError(
            f"{value!r} is not an application name; use lower-case words joined by dashes, at most 48"
        )
    return value


def _visible(value: str) -> str:
    if _INVISIBLE.search(value):
        raise ValueError("the text holds control or invisible characters")
    return value


def _one_line(value: str) -> str:
    if "\n" in value:
        raise ValueError("the text must be one line")
    return _visible(value)


def _number(value: Any) -> Any:
    # A float from YAML is taken by its shortest text, so that 0.1 stays 0.1.
    return str(value) if isinstance(value, float) else value


def _plain(value: Decimal) -> int | str:
    return int(value) if value == value.to_integral_value() else format(value.normalize(), "f")


Name = Annotated[str, AfterValidator(_name), Field(description="singular snake_case")]
Word = Annotated[str, AfterValidator(_word), Field(description="snake_case")]
"""A name that never stands alone as an identifier: a state, a verb, a choice. `return` may be one."""
Slug = Annotated[str, AfterValidator(_slug), Field(description="lower-case words joined by dashes")]
Title = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_one_line)]
Text = Annotated[str, Field(max_length=4_000), AfterValidator(_visible)]
Number = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(allow_inf_nan=False, ge=Decimal("-1e15"), le=Decimal("1e15")),
    PlainSerializer(_plain, return_type=int | str),
]


class Origin(StrEnum):
    """Who asked for a part of the spec."""

    BRIEF = "brief"
    CONTRACT = "contract"
    PACK = "pack"
    OVERLAY = "overlay"
    DEFAULT = "default"
    USER = "user"


class Source(BaseModel):
    """Where a part of the spec came from, so that `qlf plan --explain` can show it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Origin
    detail: Annotated[str, Field(max_length=300), AfterValidator(_one_line)] = ""
    """Which rule, pack or overlay, and why: `pack rental because of 'deposit'`."""
    span: tuple[int, int] | None = None
    """Start and end (exclusive) in characters of the brief."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


class Element(BaseModel):
    """The base of every part of the spec: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Source | None = Field(default=None, description="where this part came from")
