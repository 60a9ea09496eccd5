"""A field as the generated code spells it: annotations, columns, constraints, bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from qlf.blueprint.views.literals import literal
from qlf.blueprint.views.names import SQL_WORDS
from qlf.core import words
from qlf.core.spec import Field, FieldType

__all__ = ["TEXTUAL", "FieldView", "FilterView", "choice_check", "column_sql"]

TEXTUAL = frozenset({FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL})
NUMERIC = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.DURATION})
EXACT = frozenset({FieldType.DECIMAL, FieldType.MONEY})
_MOMENTS = {FieldType.DATE: "Date", FieldType.DATETIME: "Moment", FieldType.TIME: "TimeOfDay"}
_SHARED = {FieldType.EMAIL: "Email", FieldType.PHONE: "Phone", FieldType.URL: "WebAddress", **_MOMENTS}

_FIXED = frozenset({FieldType.EMAIL, FieldType.PHONE})
"""Types whose lengths are their own, whatever the spec says."""

_LENGTHS = {
    FieldType.STRING: (1, 200),
    FieldType.TEXT: (1, 5_000),
    FieldType.EMAIL: (3, 254),  # RFC 5321 4.5.3.1.3: a path of 256 octets with its brackets
    FieldType.PHONE: (5, 24),  # fifteen digits (ITU-T E.164), grouped as people write them
    FieldType.URL: (8, 2_000),
}
_PYTHON = {
    FieldType.INTEGER: "int",
    FieldType.DECIMAL: "Decimal",
    FieldType.MONEY: "Decimal",
    FieldType.BOOLEAN: "bool",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
    FieldType.DURATION: "int",
    FieldType.UUID: "UUID",
}
# Four bytes on PostgreSQL; what people count fits, and sums of many rows fit a 64-bit integer.
_INTEGER_LIMIT = 2_147_483_647
_WHOLE_DIGITS = 10


@dataclass(frozen=True, slots=True)
class FilterView:
    """One query parameter that narrows a list."""

    name: str
    type: str
    condition: str
    """SQLAlchemy expression over the class and `filters`."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of one entity."""

    spec: Field
    entity: str
    """Name of the entity in the code."""
    cls: str
    alias: str | None = None
    """Name of its type in the schemas; `None` where a shared type says everything."""
    together: bool = False
    """Whether it is part of what no two rows share together."""
    qualified: bool = False
    """Whether `date`, `datetime` and `time` need their module: a field of the class has such a name."""

    @property
    def name(self) -> str:
        """Attribute and column name."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """The type's word in the spec."""
        return self.spec.type.value

    @property
    def title(self) -> str:
        """The name for people."""
        return words.title(self.spec.name)

    @property
    def required(self) -> bool:
        """Whether a row always has a value."""
        return self.spec.required

    @property
    def read_only(self) -> bool:
        """Whether only the application sets it."""
        return self.spec.read_only

    @property
    def textual(self) -> bool:
        """Whether it holds text."""
        return self.spec.type in TEXTUAL

    @property
    def is_enum(self) -> bool:
        """Whether it holds one of a list of words."""
        return self.spec.type is FieldType.ENUM

    @property
    def exact(self) -> bool:
        """Whether it is a decimal number, which is text in JSON."""
        return self.spec.type in EXACT

    @property
    def enum_class(self) -> str:
        """Name of the enumeration class, `RentalStatus`."""
        return words.pascal(f"{self.entity}_{self.spec.name}")

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """Members of the enumeration: name and value."""
        return tuple((choice.upper(), choice) for choice in self.spec.choices)

    @property
    def python(self) -> str:
        """The Python type without `None`."""
        if self.is_enum:
            return self.enum_class
        plain = _PYTHON.get(self.spec.type, "str")
        return f"dt.{plain}" if self.qualified and self.spec.type in _MOMENTS else plain

    @property
    def annotation(self) -> str:
        """The Python type, with `None` where the value may be absent."""
        return self.python if self.required else f"{self.python} | None"

    @property
    def folded(self) -> str | None:
        """Column with its folded form, in which uniqueness is decided; `None` where every letter counts."""
        unique = self.spec.unique or self.together
        return f"{self.name}_folded" if unique and self.spec.ignores_case else None

    @property
    def folded_length(self) -> int:
        """Most characters of the folded form: one may become three (Unicode, SpecialCasing)."""
        return 3 * self.max_length

    @property
    def folded_column(self) -> str:
        """Declaration of that column after its name."""
        kind = "str" if self.required else "str | None"
        unique = ", unique=True" if self.spec.unique else ""
        return f"Mapped[{kind}] = mapped_column(String({self.folded_length}){unique})"

    @property
    def unique_column(self) -> str | None:
        """The column with the constraint of a unique field."""
        return (self.folded or self.name) if self.spec.unique else None

    # Lengths and bounds

    @property
    def min_length(self) -> int:
        """Fewest characters; a required text is never empty."""
        least = _LENGTHS[self.spec.type][0]
        if self.spec.type in _FIXED or self.spec.min_length is None:
            return 0 if self.spec.type is FieldType.TEXT and not self.required else least
        return max(self.spec.min_length, least) if self.spec.type is FieldType.URL else self.spec.min_length

    @property
    def max_length(self) -> int:
        """Most characters."""
        most = _LENGTHS[self.spec.type][1]
        return most if self.spec.type in _FIXED else max(self.spec.max_length or most, self.min_length)

    @property
    def scale(self) -> int:
        """Digits after the point; none for whole numbers."""
        return self.spec.scale if self.exact else 0

    @property
    def precision(self) -> int:
        """Digits in all, of a decimal number."""
        return _WHOLE_DIGITS + self.scale

    @property
    def minimum(self) -> Decimal:
        """Smallest number allowed."""
        if self.spec.minimum is not None:
            return self._rounded(self.spec.minimum)
        if self.spec.type is FieldType.DURATION:
            return Decimal(0)
        return -self._limit

    @property
    def maximum(self) -> Decimal:
        """Largest number allowed."""
        return self._limit if self.spec.maximum is None else self._rounded(self.spec.maximum)

    @property
    def _limit(self) -> Decimal:
        if not self.exact:
            return Decimal(_INTEGER_LIMIT)
        return (Decimal(10) ** self.precision - 1).scaleb(-self.scale)

    def _rounded(self, bound: Decimal) -> Decimal:
        return bound if self.exact else bound.to_integral_value()

    # The schemas

    @property
    def input(self) -> str:
        """The type in forms that come from outside."""
        if self.alias:
            return self.alias
        if self.spec.past_only:
            return "PastDate"
        if self.spec.type in _SHARED:
            return _SHARED[self.spec.type]
        return "StrictBool" if self.spec.type is FieldType.BOOLEAN else self.python

    @property
    def output(self) -> str:
        """The type in forms that go out."""
        if self.spec.type is FieldType.TIME:
            chosen = "TimeOfDay"
        else:
            chosen = self.alias if self.exact and self.alias else self.python
        return chosen if self.required else f"{chosen} | None"

    @property
    def update(self) -> str:
        """The type in the form of a change."""
        return self.input if self.required else f"{self.input} | None"

    @property
    def create(self) -> str:
        """Type and default in the form of a new row."""
        if self.spec.default is not None:
            return f"{self.update} = {self.default}"
        return self.input if self.required else f"{self.update} = None"

    @property
    def default(self) -> str:
        """The default as an expression in the form of a new row."""
        if self.spec.default == "today" and self.spec.type is FieldType.DATE:
            return "Field(default_factory=lambda: clock.now().date())"
        if self.spec.default == "now" and self.spec.type is FieldType.DATETIME:
            return "Field(default_factory=lambda: clock.now())"
        return literal(self, self.spec.default)

    @property
    def needs_alias(self) -> bool:
        """Whether the schemas give its type a name of its own."""
        if self.spec.type is FieldType.URL:
            return (self.min_length, self.max_length) != _LENGTHS[FieldType.URL]
        return self.spec.type in (FieldType.STRING, FieldType.TEXT) or self.spec.type in NUMERIC

    @property
    def alias_type(self) -> str:
        """What the name of its type stands for."""
        if self.exact:
            scale = "" if self.scale == 2 else f", {self.scale}"
            return f'Annotated[Decimal, DecimalText("{self.minimum:f}", "{self.maximum:f}"{scale})]'
        if self.spec.type in NUMERIC:
            return f"Annotated[int, Field(strict=True, ge={self.minimum:f}, le={self.maximum:f})]"
        lengths = [f"min_length={self.min_length}"] if self.min_length else []
        lengths.append(f"max_length={self.max_length}")
        said = ", SAME_IN_ANY_CASE" if self.spec.unique and self.spec.ignores_case else ""
        if self.spec.type is FieldType.URL:
            return f"Annotated[WebAddress, StringConstraints({', '.join(lengths)})]"
        plain = "TEXT_PATTERN" if self.spec.type is FieldType.TEXT else "LINE_PATTERN"
        if self.spec.pattern is None:
            return f"Annotated[str, StringConstraints(pattern={plain}, {', '.join(lengths)}){said}]"
        own = f"pattern={literal(self, self.spec.pattern)}"
        # A pattern of the spec may let through what no text may hold: PostgreSQL takes no NUL.
        return (
            f"Annotated[str, StringConstraints({own}, {', '.join(lengths)}), AfterValidator(printable){said}]"
        )

    # The table

    @property
    def sql(self) -> str:
        """The column as plain SQL names it."""
        return column_sql(self.name)

    @property
    def column(self) -> str:
        """Declaration of the column after its name."""
        arguments = list(self._column_type)
        if self.unique_column == self.name:
            arguments.append("unique=True")
        mapped = f"Mapped[{self.annotation}]"
        return f"{mapped} = mapped_column({', '.join(arguments)})" if arguments else mapped

    @property
    def _column_type(self) -> tuple[str, ...]:
        if self.is_enum:
            return (f'text_enum({self.enum_class}, "{self.name}", 48)',)
        if self.exact:
            return (f"Exact({self.precision}, {self.scale})",)
        if self.spec.type is FieldType.DATETIME:
            return ("UtcDateTime",)
        if self.spec.type is FieldType.TEXT:
            return ("Text",)
        return (f"String({self.max_length})",) if self.textual else ()

    @property
    def migration_type(self) -> str:
        """The type of the column in a migration."""
        simple = {
            FieldType.TEXT: "sa.Text()",
            FieldType.INTEGER: "sa.Integer()",
            FieldType.DURATION: "sa.Integer()",
            FieldType.BOOLEAN: "sa.Boolean()",
            FieldType.DATE: "sa.Date()",
            FieldType.DATETIME: "UtcDateTime()",
            FieldType.TIME: "sa.Time()",
            FieldType.UUID: "sa.Uuid()",
            FieldType.ENUM: "sa.String(48)",
        }
        if self.exact:
            return f"Exact({self.precision}, {self.scale})"
        return simple.get(self.spec.type, f"sa.String({self.max_length})" if self.textual else "")

    @property
    def checks(self) -> tuple[tuple[str, str], ...]:
        """CHECK constraints that the model declares: name and SQL."""
        found: list[tuple[str, str]] = []
        if self.spec.type is FieldType.EMAIL:
            found.append((f"{self.name}_lower", f"{self.sql} = lower({self.sql})"))
        if self.textual:
            bound = f"BETWEEN {self.min_length} AND {self.max_length}"
            bound = bound if self.min_length else f"<= {self.max_length}"
            found.append((f"{self.name}_length", f"length({self.sql}) {bound}"))
        if self.spec.type in NUMERIC and (bounds := self._number_check):
            found.append((f"{self.name}_range", bounds))
        return tuple(found)

    @property
    def in_choices(self) -> str:
        """SQL of the constraint that an enumeration brings with it."""
        return choice_check(self.name, self.spec.choices)

    @property
    def _number_check(self) -> str:
        low = self.minimum if self.spec.type is FieldType.DURATION else self.spec.minimum
        high = self.spec.maximum
        if self.exact:
            # On SQLite the column holds a multiple, so only the sign can be said in one way for both.
            if low is None or low < 0:
                return ""
            return f"{self.sql} {'>' if low > 0 else '>='} 0"
        if low is not None and high is not None:
            return f"{self.sql} BETWEEN {self.minimum:f} AND {self.maximum:f}"
        if low is not None:
            return f"{self.sql} >= {self.minimum:f}"
        return f"{self.sql} <= {self.maximum:f}" if high is not None else ""

    # Lists

    @property
    def sortable(self) -> bool:
        """Whether a list can be sorted by it."""
        return self.spec.sortable and self.spec.type is not FieldType.TEXT

    @property
    def searchable(self) -> bool:
        """Whether the search term is looked for in it."""
        return self.spec.searchable and self.textual

    @property
    def filters(self) -> tuple[FilterView, ...]:
        """The query parameters that it adds to a list."""
        column = f"{self.cls}.{self.name}"
        if self.is_enum or self.spec.type is FieldType.BOOLEAN:
            return (self._filter(self.name, self.python, column, "=="),)
        if not self.spec.filterable or self.spec.type not in (FieldType.DATE, FieldType.DATETIME):
            return ()
        return (
            self._filter(f"{self.name}_from", _SHARED[self.spec.type], column, ">="),
            self._filter(f"{self.name}_to", _SHARED[self.spec.type], column, "<="),
        )

    @staticmethod
    def _filter(name: str, kind: str, column: str, operator: str) -> FilterView:
        name = f"{name}_is" if name in ("limit", "offset", "sort", "q") else name
        return FilterView(name, kind, f"{column} {operator} filters.{name}")


def column_sql(name: str) -> str:
    """`name` as a column in plain SQL, quoted where a database reserves the word."""
    return f'"{name}"' if name in SQL_WORDS else name


def choice_check(name: str, choices: Iterable[str]) -> str:
    """SQL that holds when the column has one of the values."""
    return f"{column_sql(name)} IN ({', '.join(repr(choice) for choice in choices)})"
