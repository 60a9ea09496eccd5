"""Entities, fields and relations: what the application stores."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field as F
from pydantic import model_validator

from qlf.core.spec.base import Element, Name, Number, Text, Title, Word

__all__ = [
    "Cardinality",
    "Classification",
    "Entity",
    "Field",
    "FieldType",
    "OnDelete",
    "Ownership",
    "Relation",
]


class FieldType(StrEnum):
    """The types a field may have. Each has one storage form, one API form and one input widget."""

    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    """Whole minutes."""
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    UUID = "uuid"
    ENUM = "enum"
    IMAGE = "image"
    FILE = "file"


class Classification(StrEnum):
    """How sensitive the content of a field is; decides masking, logging and encryption."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"
    HEALTH = "health"
    CARDHOLDER = "cardholder"
    SECRET = "secret"  # noqa: S105 - the name of a class of data, not a password


_EXACT_WORDS = frozenset(
    {
        *("checksum", "digest", "etag", "fingerprint", "hash", "hmac", "id", "key", "nonce", "secret"),
        *("signature", "token", "uuid"),
    }
)
"""Last words of names of texts that machines make, in which case carries information."""

_PAST_WORDS = frozenset({"birth", "birthdate", "birthday", "born"})
"""Words in names of days that are never in the future."""

_TEXTUAL = {FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL}
_NUMERIC = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.DURATION}


class Field(Element):
    """One column of an entity. `id`, `created_at` and `updated_at` exist without being named."""

    name: Name
    type: FieldType = FieldType.STRING
    required: bool = True
    unique: bool = False
    read_only: bool = False
    """Set by the application (states, totals, snapshots), never by a request."""
    minimum: Number | None = None
    maximum: Number | None = None
    min_length: Annotated[int, F(ge=0, le=100_000)] | None = None
    max_length: Annotated[int, F(ge=1, le=100_000)] | None = None
    pattern: Annotated[str, F(max_length=200)] | None = None
    scale: Annotated[int, F(ge=0, le=6)] = 2
    """Digits after the point, for `decimal` and `money`."""
    choices: tuple[Word, ...] = ()
    """The values of an `enum`, in their natural order."""
    default: bool | int | str | None = None
    """A literal of the field's type, or `now` / `today` for times and dates."""
    unit: Annotated[str, F(max_length=24)] | None = None
    classification: Classification = Classification.INTERNAL
    searchable: bool = False
    sortable: bool = True
    filterable: bool = False
    description: Text = ""
    case_sensitive: bool | None = None
    """Whether unique texts are different when only case differs; its name decides when this is absent."""

    past: bool | None = None
    """Whether a date in the future is refused; its name decides when this is absent."""

    @property
    def past_only(self) -> bool:
        """Whether it holds a date that cannot be in the future, such as a day of birth."""
        if self.type is not FieldType.DATE:
            return False
        return bool(_PAST_WORDS.intersection(self.name.split("_"))) if self.past is None else self.past

    @property
    def ignores_case(self) -> bool:
        """Whether two texts are one value when they differ in case or in how accents are encoded only."""
        if self.type is not FieldType.STRING:
            return False
        if self.case_sensitive is not None:
            return not self.case_sensitive
        return self.name.rsplit("_", 1)[-1] not in _EXACT_WORDS

    @model_validator(mode="after")
    def _constraints_fit_the_type(self) -> Self:
        where = f"field {self.name!r}"
        if (self.type is FieldType.ENUM) != bool(self.choices):
            raise ValueError(f"{where}: choices belong to the type enum, and an enum needs them")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError(f"{where}: a choice appears twice")
        if (self.min_length, self.max_length, self.pattern) != (
            None,
            None,
            None,
        ) and self.type not in _TEXTUAL:
            raise ValueError(f"{where}: lengths and patterns belong to text, not to {self.type.value}")
        if (self.minimum, self.maximum) != (None, None) and self.type not in _NUMERIC:
            raise ValueError(f"{where}: minimum and maximum belong to numbers, not to {self.type.value}")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{where}: the minimum is above the maximum")
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            raise ValueError(f"{where}: the shortest length is above the longest")
        if self.type is FieldType.ENUM and self.default is not None and self.default not in self.choices:
            raise ValueError(f"{where}: the default {self.default!r} is none of its choices")
        return self


class Ownership(StrEnum):
    """Whose row it is, which decides what the scope `own` means."""

    NONE = "none"
    """Shared data such as a catalogue; `own` grants nothing."""
    USER = "user"
    """The account that created the row owns it."""
    PARENT = "parent"
    """The owner of the row that `owner_via` points to."""


class Entity(Element):
    """A thing that the application keeps, as one table and one set of routes."""

    name: Name
    plural: Name | None = None
    """Plural in snake_case for routes and tables; `None` where `qlf.core.words.plural` is right."""
    title: Title | None = None
    description: Text = ""
    fields: tuple[Field, ...] = ()
    label: Name | None = None
    """The field that names a row to a person; the first required text field by default."""
    account: bool = False
    """This is the entity that signs in. E-mail, password hash, role and activity come with it."""
    ownership: Ownership = Ownership.NONE
    owner_via: Name | None = None
    """For ownership `parent`: the relation that leads to the owning row."""
    routes: bool = True
    """False for rows that only operations write, such as the lines of an order."""
    kept: bool | None = None
    """For ownership `user`: whether the owner's account has to stay as long as a row does; when absent,
    so if rows have a life of their own, hold money, are written once, or are under a retention period."""
    append_only: bool = False
    """Rows are written once: no update and no delete route."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [field.name for field in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"entity {self.name!r} has the field {name!r} twice")
        if self.label is not None and self.label not in names:
            raise ValueError(f"entity {self.name!r}: the label {self.label!r} is none of its fields")
        if (self.ownership is Ownership.PARENT) != (self.owner_via is not None):
            raise ValueError(
                f"entity {self.name!r}: owner_via goes with ownership 'parent', and only with it"
            )
        return self

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            KeyError: If there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


class Cardinality(StrEnum):
    """How many rows stand on each side. One-to-many is written as the child's many-to-one."""

    MANY_TO_ONE = "many_to_one"
    ONE_TO_ONE = "one_to_one"
    MANY_TO_MANY = "many_to_many"


class OnDelete(StrEnum):
    """What happens to the `from` row when the `to` row goes."""

    RESTRICT = "restrict"
    CASCADE = "cascade"
    SET_NULL = "set_null"


class Relation(Element):
    """A link between two entities, held by the `from` side."""

    from_: Annotated[Name, F(alias="from")]
    to: Name
    name: Name
    """Attribute on the `from` side; the column is `<name>_id`."""
    inverse: Name | None = None
    """Attribute on the `to` side, if it has one."""
    cardinality: Cardinality = Cardinality.MANY_TO_ONE
    required: bool = True
    on_delete: OnDelete = OnDelete.RESTRICT
    part_of: bool = False
    """The `from` row is a part of the `to` row and goes with it, like a line of an order."""
    read_only: bool = False
    """Set by the application, never by a request."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        where = f"relation {self.from_}.{self.name}"
        if self.cardinality is Cardinality.MANY_TO_MANY and self.part_of:
            raise ValueError(f"{where}: a part belongs to one whole, not to many")
        if self.on_delete is OnDelete.SET_NULL and self.required:
            raise ValueError(f"{where}: a required relation cannot be set to null")
        if self.part_of and self.on_delete is not OnDelete.CASCADE:
            raise ValueError(f"{where}: a part goes with its whole; say on_delete: cascade")
        return self
