"""What every application promises about texts, dates, owners and the length of its files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qlf.blueprint import render
from qlf.blueprint.contract import openapi_document
from qlf.blueprint.split import LONGEST, format_and_split
from qlf.core.spec import Spec
from qlf.core.tree import File, Tree

Make = Callable[..., Spec]


def column(spec: Spec) -> str:
    return " ".join(render("database", spec).text("app/models/note.py").split())


@pytest.mark.parametrize("name", ["code", "slug", "user_name", "serial_no"])
def test_unique_text_is_compared_in_its_folded_form(make: Make, name: str) -> None:
    spec = make(entities=[{"name": "note", "fields": [{"name": name, "unique": True, "max_length": 20}]}])

    assert f"{name}_folded: Mapped[str] = mapped_column(String(60), unique=True)" in column(spec)
    assert f'sa.UniqueConstraint("{name}_folded", name=op.f("uq_notes_{name}_folded"))' in render(
        "database", spec
    ).text("migrations/versions/0001_initial.py")


@pytest.mark.parametrize(
    "field",
    [
        {"name": "token", "unique": True},
        {"name": "code", "unique": True, "case_sensitive": True},
        {"name": "email", "type": "email", "unique": True},
        {"name": "code"},
    ],
)
def test_other_text_is_compared_as_it_is(make: Make, field: dict[str, object]) -> None:
    assert "_folded" not in column(make(entities=[{"name": "note", "fields": [field]}]))


def test_text_of_a_pair_is_folded_too(make: Make) -> None:
    fields = [{"name": "shelf"}, {"name": "place", "type": "integer"}]
    rule = {"kind": "unique_together", "name": "once", "entity": "note", "of": ["shelf", "place"]}

    assert '"shelf_folded", "place"' in column(
        make(entities=[{"name": "note", "fields": fields}], rules=[rule])
    )


@pytest.mark.parametrize(
    ("name", "past", "refused"),
    [("birth_date", None, True), ("born_on", None, True), ("due_on", None, False), ("signed_on", True, True)],
)
def test_day_that_lies_behind_is_not_in_the_future(
    make: Make, name: str, past: bool | None, refused: bool
) -> None:
    field = {"name": name, "type": "date", **({} if past is None else {"past": past})}
    spec = make(entities=[{"name": "note", "fields": [field]}])

    schema = openapi_document(spec)["components"]["schemas"]["NoteCreate"]["properties"][name]

    assert (schema.get("description") == "Not in the future.") is refused
    assert ("PastDate" in render("api", spec).text("app/schemas/note.py")) is refused


@pytest.mark.parametrize(
    ("entity", "action"),
    [
        ({}, "CASCADE"),
        ({"kept": True}, "RESTRICT"),
        ({"append_only": True}, "RESTRICT"),
        ({"append_only": True, "kept": False}, "CASCADE"),
        ({"fields": [{"name": "price", "type": "money"}]}, "RESTRICT"),
    ],
)
def test_account_stays_while_others_may_need_its_rows(
    make: Make, entity: dict[str, object], action: str
) -> None:
    fields = [{"name": "title"}]
    spec = make(entities=[{"name": "note", "ownership": "user", "fields": fields, **entity}])

    assert f'ForeignKey("users.id", ondelete="{action}")' in column(spec)
    assert ("has_records" in render("backend", spec).text("app/services/user.py")) is (action == "RESTRICT")


def test_retention_keeps_the_account_too(make: Make) -> None:
    spec = make(
        entities=[{"name": "note", "ownership": "user", "fields": [{"name": "title"}]}],
        retention=[{"entity": "note", "days": 3650}],
    )

    assert "RESTRICT" in column(spec)


def written(count: int) -> str:
    return "".join(f"\n\ndef test_{number}() -> None:\n    assert URL\n" for number in range(count))


def marked(*sections: tuple[str, int]) -> Tree:
    parts = "".join(f"# --- {subject}\n{written(count)}" for subject, count in sections)
    return Tree({"test_x.py": File(f'"""Things: all of it."""\n\nURL = "/x"\n{parts}'.encode())})


def test_short_file_stays_whole() -> None:
    tree = format_and_split(marked(("lists", 3), ("rules", 3)))

    assert list(tree) == ["test_x.py"]
    assert "# ---" not in tree.text("test_x.py")


def test_long_file_is_cut_by_subject() -> None:
    tree = format_and_split(marked(("lists", 60), ("rules", 40), ("lists", 20)))

    assert list(tree) == ["test_x_lists.py", "test_x_rules.py"]
    assert tree.text("test_x_lists.py").startswith('"""Things: what is found."""\n\nURL = "/x"\n')
    assert tree.text("test_x_lists.py").count("def test_") == 80


def test_long_subject_is_cut_between_tests() -> None:
    tree = format_and_split(marked(("lists", 200), ("rules", 1)))

    lists = [tree.text(path) for path in tree if "lists" in path]
    assert sum(text.count("def test_") for text in lists) == 200
    assert all(text.count("\n") <= LONGEST and 'URL = "/x"' in text for text in lists)


def test_no_file_of_one_entity_is_too_long(kitchen_sink: Spec) -> None:
    lengths = {
        path: file.data.count(b"\n")
        for part in ("backend", "database", "api", "test")
        for path, file in render(part, kitchen_sink).items()
        if path.endswith(".py") and path.startswith(("app/", "tests/api/"))
    }

    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
