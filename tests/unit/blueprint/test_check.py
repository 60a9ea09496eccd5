"""What cannot be built is said before anything is rendered, with what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qlf.blueprint import render
from qlf.core.spec import Spec
from qlf.errors import InputError

Make = Callable[..., Spec]
NOTE = {"name": "note", "fields": [{"name": "title"}]}
BOOK = {"name": "book", "fields": [{"name": "title"}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entities": [NOTE, {**BOOK, "plural": "notes"}]}, "the same plural"),
        (
            {"entities": [{"name": "note", "fields": [{"name": "v", "pattern": "(?=a)b"}]}]},
            "pattern of note.v",
        ),
        ({"entities": [{"name": "note", "fields": [{"name": "v", "pattern": "("}]}]}, "pattern of note.v"),
        (
            {"entities": [NOTE], "relations": [{"from": "note", "to": "note", "name": "parent"}]},
            "no first row can exist",
        ),
        (
            {
                "entities": [{"name": "note", "fields": [{"name": "book_id", "type": "uuid"}]}, BOOK],
                "relations": [{"from": "note", "to": "book", "name": "book"}],
            },
            "the column of a relation",
        ),
        (
            {
                "entities": [NOTE, BOOK],
                "relations": [
                    {"from": "note", "to": "book", "name": "book"},
                    {"from": "book", "to": "note", "name": "note"},
                ],
            },
            "in a circle",
        ),
        (
            {
                "entities": [{"name": "member", "account": True}, BOOK],
                "relations": [
                    {"from": "member", "to": "book", "name": "book", "cardinality": "many_to_many"}
                ],
            },
            "cannot hold the many-to-many",
        ),
        (
            {
                "entities": [NOTE],
                "operations": [
                    {
                        "name": "update",
                        "entity": "note",
                        "effects": [{"kind": "set", "field": "title", "value": "x"}],
                    }
                ],
            },
            "two actions called 'update'",
        ),
        (
            {"entities": [{"name": "a" * 40, "fields": [{"name": "b" * 40}]}]},
            "more than the 63 characters",
        ),
    ],
)
def test_spec_is_refused(make: Make, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        render("database", make(**changes))

    assert caught.value.hint


def test_circle_with_an_optional_side_is_built(make: Make) -> None:
    relations = [
        {"from": "note", "to": "book", "name": "book"},
        {"from": "book", "to": "note", "name": "note", "required": False},
    ]

    text = render("database", make(entities=[NOTE, BOOK], relations=relations)).text(
        "migrations/versions/0001_initial.py"
    )

    assert text.index('"books",') < text.index('"notes",')
    assert "op.create_foreign_key" in text


def test_part_that_does_not_exist_is_named(make: Make) -> None:
    with pytest.raises(ValueError, match="no part 'nothing'"):
        render("nothing", make())
