"""Specs as YAML: written, read back equal, and changed without losing a person's comments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qlf.core.spec import Question, SpecFile, dump_spec, load_spec, parse_spec
from qlf.errors import InputError

WRITTEN = """\
# The rental of the corner shop.
version: 1
app:
  name: rental # short
  title: Rental
entities:
  # What we rent out.
  - name: item
    fields:
      - name: title
      - name: price # per day
        type: money
        minimum: 0.5
  - name: customer
    fields:
      - {name: name}
relations: []
"""

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80)


def test_a_written_spec_reads_back_equal() -> None:
    spec = load_spec(WRITTEN)
    assert load_spec(dump_spec(spec)) == spec
    assert dump_spec(load_spec(dump_spec(spec))) == dump_spec(spec)


@example("\x85")
@example("a\u2028b\n")
@example("\x1f\n")
@example("\ufeff")
@example(" \n \n")
@given(TEXTS | st.text(alphabet=" \n\t-:#'\"|>x", max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_brief_survives(brief: str) -> None:
    spec = load_spec(WRITTEN).model_copy(update={"brief": brief})
    assert load_spec(dump_spec(spec)).brief == brief


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_line_of_a_person_survives(text: str) -> None:
    question = {"name": "open", "text": text, "assumption": f"{text}\n{text}", "change": text}
    try:
        spec = parse_spec({**load_spec(WRITTEN).to_data(), "questions": [question]})
    except InputError:
        return
    assert load_spec(dump_spec(spec)).questions == (Question.model_validate(question),)


def test_a_change_keeps_comments_and_order() -> None:
    file = SpecFile(WRITTEN)
    data = file.spec.to_data()
    data["entities"][0]["fields"][1]["minimum"] = 1
    data["entities"][0]["fields"].append({"name": "serial_number"})
    text = file.updated(parse_spec(data))
    assert "# The rental of the corner shop." in text
    assert "name: rental # short" in text
    assert "# What we rent out." in text
    assert "name: price # per day" in text
    assert "minimum: 1" in text
    assert load_spec(text) == parse_spec(data)


def test_nothing_changed_changes_nothing() -> None:
    file = SpecFile(WRITTEN)
    assert file.updated(file.spec) == WRITTEN


def test_an_entity_can_go_and_another_come() -> None:
    file = SpecFile(WRITTEN)
    data = file.spec.to_data()
    data["entities"] = [{"name": "invoice", "fields": [{"name": "number"}]}, data["entities"][0]]
    text = file.updated(parse_spec(data))
    assert load_spec(text) == parse_spec(data)
    assert "customer" not in text
    assert "# per day" in text


@given(
    st.permutations(["item", "customer", "car"]),
    st.sets(st.sampled_from(["item", "customer", "car"]), min_size=1),
)
@settings(max_examples=40, deadline=None)
def test_an_update_always_says_what_the_new_spec_says(order: list[str], kept: set[str]) -> None:
    file = SpecFile(WRITTEN)
    entities = [{"name": name, "fields": [{"name": f"{name}_title"}]} for name in order if name in kept]
    spec = parse_spec({**file.spec.to_data(), "entities": entities})
    assert load_spec(file.updated(spec)) == spec


def test_relations_of_the_same_name_on_two_entities_are_kept_apart() -> None:
    base = parse_spec(
        {
            "app": {"name": "x", "title": "x"},
            "entities": [{"name": name, "fields": [{"name": "title"}]} for name in ("house", "room", "door")],
            "relations": [
                {"from": "room", "to": "house", "name": "house"},
                {"from": "door", "to": "house", "name": "house"},
            ],
        }
    )
    file = SpecFile(dump_spec(base))
    data = base.to_data()
    data["relations"][1]["required"] = False
    changed = parse_spec(data)
    assert load_spec(file.updated(changed)) == changed


LIFE = """\
version: 1
app: {name: rental, title: Rental}
entities:
  - name: item
    fields:
      - name: state
        type: enum
        choices: [new, old, gone]
state_machines:
  - entity: item
    field: state
    initial: new
    states: [new, old, gone]
    transitions:
      - name: age # slowly
        from: [new]
        to: old
      - name: lose
        from: [new]
        to: gone
"""


def test_a_changed_step_of_a_state_machine_leaves_the_comments_of_the_others() -> None:
    file = SpecFile(LIFE)
    data = file.spec.to_data()
    data["state_machines"][0]["transitions"][1]["from"] = ["new", "old"]
    changed = parse_spec(data)
    written = file.updated(changed)
    assert load_spec(written) == changed
    assert "name: age # slowly" in written


def test_a_default_that_was_spelled_out_may_change_to_the_default() -> None:
    text = WRITTEN.replace("  title: Rental\n", "  title: Rental\n  port: 9000\n  kind: web\n")
    file = SpecFile(text)
    data = file.spec.to_data()
    del data["app"]["port"], data["app"]["kind"]
    changed = parse_spec(data)
    assert load_spec(file.updated(changed)) == changed


def test_a_false_that_becomes_the_default_true_is_rewritten() -> None:
    file = SpecFile(WRITTEN + "auth:\n  enabled: false\n")
    assert not file.spec.auth.enabled
    data = file.spec.to_data()
    del data["auth"]
    changed = parse_spec(data)
    assert load_spec(file.updated(changed)).auth.enabled


@pytest.mark.parametrize("text", ["", "- a", "app: {}", "version: 1\nentities: []", "app: &a {}\nb: *a"])
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"app\.yaml"):
        load_spec(text, name="app.yaml")


def test_the_golden_specs_are_valid() -> None:
    folder = Path(__file__).parents[2] / "apps" / "golden"
    for path in sorted(folder.glob("*/app.yaml")):
        spec = load_spec(path.read_text(encoding="utf-8"), name=path.parent.name)
        assert load_spec(dump_spec(spec)) == spec
