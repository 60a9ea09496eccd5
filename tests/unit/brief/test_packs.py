"""The domain packs: each holds together, the compiled form is in step, entities take the brief's names."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

import qlf.brief.packstore as packstore
from qlf.brief import compile_brief
from qlf.brief.pack import Pack, parse_field, parse_relation
from qlf.brief.packcheck import pack_problems
from qlf.brief.packcompile import main
from qlf.brief.packstore import COMPILED, catalogue, compile_packs, word_pattern, words_data
from qlf.core.spec import Cardinality, FieldType, OnDelete, OtherRule
from qlf.core.words import plural
from qlf.errors import InternalError

FOLDER = resources.files("qlf.brief") / "packs"
NAMES = catalogue().names


def sources() -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in FOLDER.iterdir() if item.name.endswith(".yaml")}


def test_the_compiled_form_is_what_the_yaml_files_give() -> None:
    assert (FOLDER / COMPILED).read_bytes() == compile_packs(sources()), "run python -m qlf.brief.packcompile"


def test_a_changed_pack_is_read_anew_even_when_the_compiled_form_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    for name, data in sources().items():
        (folder / name).write_bytes(data)
    main(folder)
    changed = (
        (folder / "rental.yaml")
        .read_text(encoding="utf-8")
        .replace("title: Rental of equipment", "title: Changed")
    )
    (folder / "rental.yaml").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(packstore.resources, "files", lambda _: tmp_path)
    packstore._everything.cache_clear()
    try:
        assert packstore._everything()["rental"]["title"] == "Changed"
    finally:
        monkeypatch.undo()
        packstore._everything.cache_clear()


def test_there_are_many_domains() -> None:
    assert len(NAMES) >= 25


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_holds_together(name: str) -> None:
    assert pack_problems(catalogue().pack(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_named_by_all_its_words_gives_a_valid_application(name: str) -> None:
    pack = catalogue().pack(name)
    things = [plural(entity).replace("_", " ") for entity in pack.entities if entity != "user"]
    spec = compile_brief(f"{pack.title}: {', '.join(pack.words)}. Manage {', '.join([*things, 'users'])}.")
    found = {entity.name for entity in spec.entities}
    missing = set(pack.entities) - found
    assert spec.app.domain == pack.domain
    assert len(missing) <= len(pack.entities) // 3, missing
    assert not [rule for rule in spec.rules if isinstance(rule, OtherRule)]


@pytest.mark.parametrize("name", NAMES)
def test_entities_of_a_pack_have_fields_of_their_own(name: str) -> None:
    thin = {"name", "title", "description"}
    poor = [key for key, value in catalogue().pack(name).entities.items() if not value.fields]
    assert poor == []
    rich = [
        value
        for value in catalogue().pack(name).entities.values()
        if set(value.fields) - thin or value.relations
    ]
    assert len(rich) * 2 >= len(catalogue().pack(name).entities)


def test_an_entity_is_renamed_everywhere() -> None:
    pack = catalogue().pack("patient_portal", (("provider", "dentist"),))
    assert "dentist" in pack.entities
    assert "provider" not in pack.entities
    assert pack.entities["appointment"].relations["dentist"].startswith("dentist")
    assert pack_problems(pack) == []


@pytest.mark.parametrize("name", NAMES)
def test_renaming_any_entity_leaves_the_pack_whole(name: str) -> None:
    for entity in catalogue().pack(name).entities:
        if entity != "user":
            problems = pack_problems(catalogue().pack(name, ((entity, "zebra_thing"),)))
            assert problems == [], f"{entity}: {problems}"


def test_a_pack_with_wrong_data_is_a_defect() -> None:
    store = packstore.Catalogue(
        {"broken": {"domain": "x", "title": "x", "words": {"x": 1}, "entities": {"Bad Name": {}}}}
    )
    with pytest.raises(InternalError, match="broken"):
        store.pack("broken")


def test_packs_know_no_rule_that_nothing_enforces() -> None:
    data = json.loads((FOLDER / COMPILED).read_bytes())["data"]
    kinds = {
        rule["kind"]
        for name, pack in data.items()
        if not name.startswith("_")
        for rule in pack.get("rules", ())
    }
    assert "other" not in kinds


def test_problems_of_a_pack_are_named() -> None:
    pack = Pack.model_validate(
        {
            "name": "bad",
            "domain": "bad",
            "title": "Bad",
            "words": {"bad": 1},
            "entities": {
                "session": {
                    "include": "sometimes",
                    "label": "nope",
                    "ownership": "parent nope",
                    "relations": {"x_row": "nowhere"},
                },
                "thing": {"fields": {"status": "enum[a|b]"}},
            },
            "machines": {"thing": {"states": ["a", "b"], "transitions": {"go": "a > b"}}},
            "rules": [{"kind": "ordered", "name": "r", "entity": "thing", "first": "a_day", "last": "b_day"}],
            "roles": {"boss": {"grants": {"ghost": "all"}}},
        }
    )
    said = " ".join(pack_problems(pack))
    for part in (
        "platform uses",
        "unknown label",
        "unknown inclusion",
        "unknown ownership",
        "'nowhere'",
        "readonly enum",
        "thing.a_day",
        "'ghost'",
    ):
        assert part in said


def test_a_field_in_one_line() -> None:
    field = parse_field("price", "money min=0.5 max=10 optional filter sensitive")
    assert (field.type, field.required, field.filterable) == (FieldType.MONEY, False, True)
    assert (str(field.minimum), str(field.maximum)) == ("0.5", "10")
    choice = parse_field("state", "enum[a|b] default=b readonly")
    assert (choice.choices, choice.default, choice.read_only) == (("a", "b"), "b", True)
    with pytest.raises(ValueError, match="unknown word"):
        parse_field("x", "string size=3")
    with pytest.raises(ValueError, match="is not a valid"):
        parse_field("x", "string shiny")


def test_a_relation_in_one_line() -> None:
    line = parse_relation("line", "order", "part_of order inverse=lines")
    assert (line.part_of, line.on_delete, line.inverse) == (True, OnDelete.CASCADE, "lines")
    loose = parse_relation("item", "shelf", "shelf optional")
    assert (loose.required, loose.on_delete) == (False, OnDelete.SET_NULL)
    assert parse_relation("a_row", "tags", "many tag").cardinality is Cardinality.MANY_TO_MANY
    with pytest.raises(ValueError, match="unknown word"):
        parse_relation("a_row", "tags", "tag sometimes")


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("shop", "a shop", True),
        ("shop", "two shops", True),
        ("shop", "a workshop", False),
        ("pci", "pci-dss rules", True),
        ("pci dss", "PCI-DSS", True),
        ("category", "categories", True),
        ("integrat*", "integration with", True),
        ("ad", "admin", False),
        ("phi", "philosophy", False),
        ("soc 2", "SOC2", True),
        ("e-commerce", "ecommerce", True),
    ],
)
def test_words_match_whole_words_only(word: str, text: str, found: bool) -> None:
    assert bool(word_pattern(word).search(text)) is found


def test_lists_of_words_are_there() -> None:
    assert "payments" in words_data("features")
    assert "hipaa" in words_data("overlays")
