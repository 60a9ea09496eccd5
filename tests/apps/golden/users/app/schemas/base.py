"""What the schemas share: strictness, text without control characters, pages."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Item = TypeVar("Item")

STRICT = ConfigDict(extra="forbid")
"""For input: an unknown field is a mistake or an attack, never something to ignore."""

LINE_PATTERN = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
"""One line of text: no control characters, no space at either end, not empty."""

TEXT_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""Text of several lines: tabs and line ends are the only control characters."""

SAME_IN_ANY_CASE = Field(description="Unique; the same in upper and lower case.")

SearchTerm = Annotated[str, StringConstraints(pattern=LINE_PATTERN, max_length=100)]


class Input(BaseModel):
    """The base of everything that comes from outside."""

    model_config = STRICT


class Output(BaseModel):
    """The base of everything that is read from a row."""

    model_config = ConfigDict(from_attributes=True)


class PageParams(Input):
    """Which part of a list to return."""

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class Page(Output, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    total: int = Field(description="How many there are in all, on every page together.")
    limit: int
    offset: int
