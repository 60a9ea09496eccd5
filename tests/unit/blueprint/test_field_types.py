"""Each type of a field: its column, its constraint, its form in a request and in an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qlf.blueprint import render
from qlf.blueprint.views import FieldView, app_view
from qlf.core.spec import FieldType, Spec
from qlf.errors import InputError

Make = Callable[..., Spec]


def view(spec: Spec) -> FieldView:
    return app_view(spec).entities[0].fields[0]


@pytest.mark.parametrize(
    ("field", "column", "migration", "given"),
    [
        ({"type": "string"}, "Mapped[str] = mapped_column(String(200))", "sa.String(200)", "Value"),
        ({"type": "text"}, "Mapped[str] = mapped_column(Text)", "sa.Text()", "Value"),
        ({"type": "integer"}, "Mapped[int]", "sa.Integer()", "Value"),
        ({"type": "duration"}, "Mapped[int]", "sa.Integer()", "Value"),
        ({"type": "money"}, "Mapped[Decimal] = mapped_column(Exact(12, 2))", "Exact(12, 2)", "Value"),
        (
            {"type": "decimal", "scale": 3},
            "Mapped[Decimal] = mapped_column(Exact(13, 3))",
            "Exact(13, 3)",
            "Value",
        ),
        ({"type": "boolean"}, "Mapped[bool]", "sa.Boolean()", "StrictBool"),
        ({"type": "date"}, "Mapped[date]", "sa.Date()", "Date"),
        ({"type": "time"}, "Mapped[time]", "sa.Time()", "TimeOfDay"),
        ({"type": "datetime"}, "Mapped[datetime] = mapped_column(UtcDateTime)", "UtcDateTime()", "Moment"),
        ({"type": "email"}, "Mapped[str] = mapped_column(String(254))", "sa.String(254)", "Email"),
        ({"type": "phone"}, "Mapped[str] = mapped_column(String(24))", "sa.String(24)", "Phone"),
        ({"type": "url"}, "Mapped[str] = mapped_column(String(2000))", "sa.String(2000)", "WebAddress"),
        ({"type": "uuid"}, "Mapped[UUID]", "sa.Uuid()", "UUID"),
        (
            {"type": "enum", "choices": ["new", "class"]},
            'Mapped[NoteValue] = mapped_column(text_enum(NoteValue, "value", 48))',
            "sa.String(48)",
            "NoteValue",
        ),
    ],
)
def test_type_has_one_column_and_one_form(
    with_field: Make, field: dict[str, object], column: str, migration: str, given: str
) -> None:
    shown = view(with_field(**field))

    assert (shown.column, shown.migration_type, shown.input) == (column, migration, given)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("part", ["backend", "database", "api"])
def test_all_types_render_to_valid_files(make: Make, part: str, required: bool) -> None:
    fields = [
        {
            "name": f"a_{kind.value}",
            "type": kind.value,
            "required": required,
            **dict.fromkeys(("unique", "filterable", "searchable"), True),
            **({"choices": ["a", "b"]} if kind is FieldType.ENUM else {}),
        }
        for kind in FieldType
        if kind not in (FieldType.IMAGE, FieldType.FILE)
    ]

    for path, file in render(part, make(entities=[{"name": "note", "fields": fields}])).items():
        if path.endswith(".py"):
            compile(file.data, path, "exec")


@pytest.mark.parametrize("kind", ["image", "file"])
def test_stored_files_are_refused(with_field: Make, kind: str) -> None:
    with pytest.raises(InputError, match="no file storage"):
        render("database", with_field(type=kind))


@pytest.mark.parametrize(
    ("field", "check"),
    [
        ({"type": "integer", "minimum": 1}, "value >= 1"),
        ({"type": "integer", "maximum": 9}, "value <= 9"),
        ({"type": "integer", "minimum": -1, "maximum": 9}, "value BETWEEN -1 AND 9"),
        ({"type": "money", "minimum": 0}, "value >= 0"),
        ({"type": "money", "minimum": "0.01"}, "value > 0"),
        ({"type": "duration"}, "value >= 0"),
        ({"type": "string", "max_length": 9}, "length(value) BETWEEN 1 AND 9"),
        ({"type": "text", "max_length": 9, "required": False}, "length(value) <= 9"),
        ({"type": "email"}, "value = lower(value)"),
    ],
)
def test_bounds_are_kept_by_the_database(with_field: Make, field: dict[str, object], check: str) -> None:
    assert check in [sql for _, sql in view(with_field(**field)).checks]


def test_column_with_a_reserved_word_is_quoted(make: Make) -> None:
    fields = [{"name": "order", "type": "integer", "minimum": 1}]

    shown = app_view(make(entities=[{"name": "note", "fields": fields}])).entities[0].fields[0]

    assert shown.checks == (("order_range", '"order" >= 1'),)


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ({"type": "string", "default": 'a "b"'}, '"a \\"b\\""'),
        ({"type": "integer", "default": 3}, "3"),
        ({"type": "money", "default": 3}, 'Decimal("3.00")'),
        ({"type": "money", "default": "0.5"}, 'Decimal("0.50")'),
        ({"type": "boolean", "default": False}, "False"),
        ({"type": "date", "default": "2030-01-31"}, "date(2030, 1, 31)"),
        ({"type": "date", "default": "today"}, "Field(default_factory=lambda: clock.now().date())"),
        ({"type": "datetime", "default": "now"}, "Field(default_factory=lambda: clock.now())"),
        ({"type": "time", "default": "09:30"}, "time(9, 30, 0)"),
        ({"type": "enum", "choices": ["new"], "default": "new"}, "NoteValue.NEW"),
        (
            {"type": "datetime", "default": "2030-01-31T12:00:00+02:00"},
            'datetime.fromisoformat("2030-01-31T10:00:00+00:00")',
        ),
    ],
)
def test_default_becomes_an_expression(with_field: Make, field: dict[str, object], default: str) -> None:
    assert view(with_field(**field)).default == default


@pytest.mark.parametrize(
    "field",
    [
        {"type": "integer", "default": "many"},
        {"type": "integer", "default": True},
        {"type": "integer", "default": 3, "maximum": 2},
        {"type": "money", "default": "1.234"},
        {"type": "money", "default": "a lot"},
        {"type": "boolean", "default": "yes"},
        {"type": "date", "default": "31.01.2030"},
        {"type": "time", "default": "noon"},
        {"type": "uuid", "default": "1"},
        {"type": "string", "default": 3},
    ],
)
def test_default_of_another_type_is_refused(with_field: Make, field: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"the default .* of note\.value"):
        render("api", with_field(**field))
