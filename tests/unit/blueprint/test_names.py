"""Entities and fields may be called like parts of the platform, of libraries and of SQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qlf.blueprint import render
from qlf.blueprint.views import app_view
from qlf.core.spec import Spec
from qlf.errors import InputError

Make = Callable[..., Spec]


@pytest.mark.parametrize(
    ("entity", "module", "cls", "table"),
    [
        ("note", "note", "Note", "notes"),
        ("session", "session", "SessionRecord", "sessions"),
        ("role", "role", "RoleRecord", "roles"),
        ("page", "page", "PageRecord", "pages"),
        ("user", "user_record", "UserRecord", "user_records"),
        ("auth", "auth_record", "AuthRecord", "auth_records"),
        ("health", "health_record", "HealthRecord", "health_records"),
        ("refresh_token", "refresh_token_record", "RefreshTokenRecord", "refresh_token_records"),
        ("type", "type", "Type", "types"),
        ("property", "property", "Property", "properties"),
        ("series", "series", "Series", "series"),
    ],
)
def test_entity_never_takes_the_name_of_the_platform(
    make: Make, entity: str, module: str, cls: str, table: str
) -> None:
    shown = app_view(make(entities=[{"name": entity, "fields": [{"name": "title"}]}])).entities[0]

    assert (shown.module, shown.cls, shown.table) == (module, cls, table)


def test_entity_with_the_class_of_another_ones_form_gets_another(make: Make) -> None:
    entities = [{"name": "web", "fields": [{"name": "a"}]}, {"name": "web_page", "fields": [{"name": "a"}]}]

    assert [entity.cls for entity in app_view(make(entities=entities)).entities] == ["Web", "WebPageRecord"]


def test_types_of_fields_have_names_of_their_own(make: Make) -> None:
    names = ["email", "page", "note_create", "decimal", "address_1", "address1", "item"]
    fields = [{"name": name} for name in names]

    aliases = [
        f.alias for f in app_view(make(entities=[{"name": "note", "fields": fields}])).entities[0].fields
    ]

    assert aliases == [
        *("EmailValue", "PageValue", "NoteCreateValue", "DecimalValue", "Address1", "Address1Value", "Item"),
    ]


def test_fields_called_like_their_type_do_not_hide_it(make: Make) -> None:
    fields = [{"name": "date", "type": "date", "unique": True}, {"name": "until", "type": "date"}]
    spec = make(entities=[{"name": "note", "fields": fields}])

    text = render("database", spec).text("app/models/note.py")

    assert "date: Mapped[dt.date] = mapped_column(unique=True)" in text
    assert "until: Mapped[dt.date]" in text


def test_filters_never_take_the_name_of_a_page_parameter(make: Make) -> None:
    fields = [{"name": "limit", "type": "boolean"}]

    shown = app_view(make(entities=[{"name": "note", "fields": fields}])).entities[0]

    assert [(item.name, item.condition) for item in shown.filters] == [
        ("limit_is", "Note.limit == filters.limit_is")
    ]


@pytest.mark.parametrize("name", ["schema", "json", "str", "validate"])
def test_field_that_would_break_a_library_is_refused(make: Make, name: str) -> None:
    with pytest.raises(InputError, match=f"note.{name}"):
        render("api", make(entities=[{"name": "note", "fields": [{"name": name}]}]))
