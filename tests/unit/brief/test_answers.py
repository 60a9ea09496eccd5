"""Answers to open questions land in the spec, and what cannot be honoured is refused."""

from __future__ import annotations

import pytest

from qlf.brief import compile_brief
from qlf.brief.answers import parse_answers, settle
from qlf.core.spec import Origin, Registration
from qlf.errors import InputError

BRIEF = "Track gadgets with name and price, and trophies. Managers can add trophies."


def open_questions(text: str) -> set[str]:
    return {question.name for question in compile_brief(text).questions}


def test_an_answer_opens_registration_and_settles_the_question() -> None:
    assert "registration" in open_questions(BRIEF)
    spec = settle(BRIEF, {"registration": "open"})
    assert spec.auth.registration is Registration.OPEN
    assert spec.auth.source is not None
    assert spec.auth.source.origin is Origin.USER
    assert "registration" not in {question.name for question in spec.questions}


def test_a_currency_becomes_the_unit_of_every_amount() -> None:
    spec = settle(BRIEF, {"currency": "eur"})
    assert spec.entity("gadget").field("price").unit == "EUR"


def test_fields_replace_the_ones_that_were_guessed() -> None:
    spec = settle(BRIEF, {"fields_of_trophy": "awarded on, places (1-50), notes"})
    assert [field.name for field in spec.entity("trophy").fields] == ["awarded_on", "places", "notes"]
    assert spec.entity("trophy").field("places").maximum == 50


def test_words_that_state_a_rule_are_enforced() -> None:
    text = (
        "Track gadgets with name. Trophies have a title. Each trophy belongs to a gadget. "
        "A trophy must be polished automatically."
    )
    assert "trophy_rule_1" in open_questions(text)
    spec = settle(text, {"trophy_rule_1": "A gadget has at most 3 trophies."})
    assert [rule.kind for rule in spec.rules] == ["capacity"]


def test_words_that_no_rule_can_carry_stay_as_words() -> None:
    text = "Track gadgets with name. A gadget must be polished automatically."
    spec = settle(text, {"gadget_rule_1": "Somebody sings while polishing."})
    [question] = [item for item in spec.questions if item.name == "gadget_rule_1"]
    assert "Somebody sings" in question.assumption
    assert "nothing in the application enforces it" in question.assumption


def test_agreeing_settles_a_question_without_change() -> None:
    text = "I need a Django app with guests, gifts and speeches."
    assert "stack" in open_questions(text)
    spec = settle(text, {"stack": True})
    assert "stack" not in {question.name for question in spec.questions}
    assert spec.entities == compile_brief(text).entities


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"colour": "red"}, "no question 'colour'"),
        ({"registration": "perhaps"}, "yes or no"),
        ({"currency": "doubloons"}, "ISO 4217"),
        ({"fields_of_trophy": True}, "names no fields"),
    ],
)
def test_what_cannot_be_honoured_is_refused(answers: dict[str, str | bool], said: str) -> None:
    with pytest.raises(InputError, match=said):
        settle(BRIEF, answers)


def test_another_stack_is_refused() -> None:
    with pytest.raises(InputError, match="FastAPI"):
        settle("I need a Django app with guests, gifts and speeches.", {"stack": "no"})


def test_answers_are_read_from_yaml() -> None:
    assert parse_answers("registration: no\nfields_of_shift: [starts at, ends at]\ncurrency: EUR\n") == {
        "registration": "no",
        "fields_of_shift": "starts at, ends at",
        "currency": "EUR",
    }


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "a: {b: c}\n"])
def test_yaml_that_holds_no_answers_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_answers(text)


def test_the_same_answers_give_the_same_spec() -> None:
    answers: dict[str, str | bool] = {"registration": "open", "currency": "EUR"}
    assert settle(BRIEF, answers) == settle(BRIEF, dict(reversed(answers.items())))
