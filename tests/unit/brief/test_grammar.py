"""The rule families one by one: what each reads out of a sentence."""

from __future__ import annotations

import pytest

from qlf.brief.compiler import find_facts
from qlf.brief.facts import Facts
from qlf.brief.grammar.items import choices_of, parse_hints, split_list
from qlf.brief.grammar.negation import negated_spans
from qlf.brief.grammar.rules import amount
from qlf.brief.grammar.tags import base_verb
from qlf.brief.lexicon import Hints, make_field
from qlf.brief.lives import build_machine, verb_for
from qlf.brief.naming import entity_name, field_name, safe_entity, slug, state_name
from qlf.brief.text import clean
from qlf.brief.tokens import read
from qlf.core.spec import Cardinality, Classification, FieldType, Origin, Source

SOURCE = Source(origin=Origin.BRIEF)


def facts_of(text: str) -> Facts:
    return find_facts(read(clean(text)))


def fields_of(text: str) -> list[tuple[str, str]]:
    return [(fact.owner, fact.field.name) for fact in facts_of(text).fields]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Cars have a plate, a colour and a weight.",
            [("car", "plate"), ("car", "colour"), ("car", "weight")],
        ),
        (
            "Each boat has the following fields: name, length and year.",
            [("boat", "name"), ("boat", "length"), ("boat", "year")],
        ),
        ("Boat: id, name (string, unique), length (cm)", [("boat", "name"), ("boat", "length")]),
        ("A boat has a name and is painted in spring.", [("boat", "name")]),
        (
            "Boat:\n- name\n- length: decimal\n- built on (date, optional)",
            [("boat", "name"), ("boat", "length"), ("boat", "built_on")],
        ),
        ("Keep boats with name, e-mail of the owner", [("boat", "name"), ("boat", "email")]),
        (
            "A boat has a name, has a length and a year",
            [("boat", "name"), ("boat", "length"), ("boat", "year")],
        ),
        ("CREATE TABLE boats (id INT, name VARCHAR(20) NOT NULL)", [("boat", "name")]),
        ("Users can book a table with friends", []),
    ],
)
def test_field_lists(text: str, expected: list[tuple[str, str]]) -> None:
    known = [pair for pair in fields_of(text) if pair[1] != "friends"]
    assert known == expected


def test_notes_beside_a_field_are_its_constraints() -> None:
    facts = facts_of(
        "Boat: name (string, required, unique, max 40 characters), berth (1-80), colour (red, blue or white)"
    )
    name, berth, colour = (fact.field for fact in facts.fields)
    assert (name.unique, name.required, name.max_length) == (True, True, 40)
    assert (berth.minimum, berth.maximum) == (1, 80)
    assert colour.choices == ("red", "blue", "white")


@pytest.mark.parametrize(
    ("name", "kind", "unit", "classification"),
    [
        ("email", FieldType.EMAIL, None, Classification.PERSONAL),
        ("daily_rate", FieldType.MONEY, None, Classification.INTERNAL),
        ("tax_rate", FieldType.DECIMAL, "%", Classification.INTERNAL),
        ("start_date", FieldType.DATE, None, Classification.INTERNAL),
        ("measured_at", FieldType.DATETIME, None, Classification.INTERNAL),
        ("duration", FieldType.DURATION, None, Classification.INTERNAL),
        ("weight", FieldType.DECIMAL, "kg", Classification.INTERNAL),
        ("diagnosis", FieldType.TEXT, None, Classification.HEALTH),
        ("iban", FieldType.STRING, None, Classification.SENSITIVE),
        ("quantity", FieldType.INTEGER, None, Classification.INTERNAL),
        ("is_active", FieldType.BOOLEAN, None, Classification.INTERNAL),
        ("priority", FieldType.ENUM, None, Classification.INTERNAL),
        ("password", FieldType.STRING, None, Classification.SECRET),
        ("website", FieldType.URL, None, Classification.INTERNAL),
    ],
)
def test_names_say_what_a_field_is(
    name: str, kind: FieldType, unit: str | None, classification: Classification
) -> None:
    field = make_field(name)
    assert (field.type, field.unit, field.classification) == (kind, unit, classification)


def test_a_card_number_is_never_a_field() -> None:
    field = make_field("card_number")
    assert field.name == "card_last4"
    assert field.pattern == "^[0-9]{4}$"


@pytest.mark.parametrize("name", ["vin", "iban", "isbn", "barcode", "slug"])
def test_known_numbers_have_a_pattern(name: str) -> None:
    assert make_field(name).pattern


def test_what_the_brief_says_wins_over_the_name() -> None:
    assert make_field("price", hints=Hints(type=FieldType.TEXT)).type is FieldType.TEXT
    assert make_field("priority", hints=Hints(choices=("a", "b"))).choices == ("a", "b")
    assert make_field("notes", hints=Hints(required=True)).required


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("No payments, refunds or logins are needed. Keep orders.", "logins"),
        ("Orders without shipping; returns", "shipping"),
        ("It does not need search. Reports are needed.", "search"),
        ("We don't store card data", "card data"),
        ("not HIPAA relevant", "HIPAA"),
        ("Comments are not required", "Comments"),
    ],
)
def test_what_is_excluded(text: str, inside: str) -> None:
    place = text.index(inside)
    assert any(start <= place < end for start, end in negated_spans(text))


@pytest.mark.parametrize(
    "text",
    [
        "no two bookings overlap",
        "no more than 3 orders",
        "not null",
        "not only orders",
        "No later than Monday",
    ],
)
def test_rules_with_no_are_not_exclusions(text: str) -> None:
    assert negated_spans(text) == []


@pytest.mark.parametrize(
    ("text", "child", "parent", "kind"),
    [
        ("A wheel belongs to a cart.", "wheel", "cart", Cardinality.MANY_TO_ONE),
        ("Each cart has many wheels.", "wheel", "cart", Cardinality.MANY_TO_ONE),
        ("A wheel is part of a cart.", "wheel", "cart", Cardinality.MANY_TO_ONE),
        ("Many-to-many between films and actors", "film", "actor", Cardinality.MANY_TO_MANY),
        ("A film has many actors and an actor has many films.", "actor", "film", Cardinality.MANY_TO_MANY),
    ],
)
def test_relations(text: str, child: str, parent: str, kind: Cardinality) -> None:
    found = {(fact.child, fact.parent, fact.cardinality) for fact in facts_of(text).relations if fact.strong}
    assert (child, parent, kind) in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("As a curator, I want to add paintings.", {"curator"}),
        ("Roles: admin, librarian and member", {"admin", "librarian", "member"}),
        ("Teachers can grade exams and students can view them.", {"teacher", "student"}),
        ("Assign tasks to members.", set()),
        ("The system can send mail.", set()),
    ],
)
def test_roles(text: str, expected: set[str]) -> None:
    assert {fact.name for fact in facts_of(text).roles} == expected


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("An order has a status (new, paid, shipped).", None),
        ("Order status: new -> paid -> shipped", ("new", "paid", "shipped")),
        (
            "The status of a claim should be approved, rejected or pending.",
            ("approved", "rejected", "pending"),
        ),
        (
            "Ticket lifecycle: available → reserved → sold; reserved → cancelled",
            ("available", "reserved", "sold"),
        ),
    ],
)
def test_states(text: str, states: tuple[str, ...] | None) -> None:
    facts = facts_of(text)
    if states is None:
        assert [fact.field.choices for fact in facts.fields] == [("new", "paid", "shipped")]
    else:
        assert states in [fact.states[: len(states)] for fact in facts.states]


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        (("new", "paid", "shipped"), {("new", "pay", "paid"), ("paid", "ship", "shipped")}),
        (
            ("pending", "approved", "rejected"),
            {("pending", "approve", "approved"), ("pending", "reject", "rejected")},
        ),
        (("active", "inactive"), {("active", "deactivate", "inactive"), ("inactive", "activate", "active")}),
        (
            ("draft", "published", "archived"),
            {("draft", "publish", "published"), ("published", "archive", "archived")},
        ),
        (("open", "cancelled"), {("open", "cancel", "cancelled")}),
    ],
)
def test_lives_out_of_states(states: tuple[str, ...], steps: set[tuple[str, str, str]]) -> None:
    machine = build_machine("order", "status", states, SOURCE)
    assert machine is not None
    assert {(before, step.name, step.to) for step in machine.transitions for before in step.from_} == steps


VERBS = "shipped/ship picked_up/pick_up approved/approve paid/pay in_progress/start cancelled/cancel"
MORE_VERBS = "carried/carry returned/return created/create_order blue/mark_blue"


@pytest.mark.parametrize(("state", "verb"), [pair.split("/") for pair in f"{VERBS} {MORE_VERBS}".split()])
def test_verbs_for_states(state: str, verb: str) -> None:
    assert verb_for(state, "order") == verb


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bookings must not overlap.", "no_overlap"),
        ("The end date must be after the start date.", "ordered"),
        ("A member can borrow at most 3 books.", "capacity"),
        ("At most 8 players per team.", "capacity"),
        ("SKU must be unique.", "unique"),
        ("Price must be at least 5.", "bounds"),
        ("Rating must be between 1 and 5.", "bounds"),
        ("Claims above 500 EUR must be approved by a manager.", "approval"),
    ],
)
def test_rules(text: str, kind: str) -> None:
    assert [fact.kind for fact in facts_of(text).rules] == [kind]


@pytest.mark.parametrize(
    ("text", "value"),
    [("5k", 5000), ("1,000", 1000), ("three", 3), ("2.5m", 2_500_000), ("x", None), ("1e9", None)],
)
def test_amounts(text: str, value: int | None) -> None:
    assert amount(text) == value


def test_lists_are_split_at_the_top_level_only() -> None:
    items = split_list("name, size (small, large) and price that must be positive")
    assert [(item.text, item.note) for item in items] == [
        ("name", ""),
        ("size", "small, large"),
        ("price", ""),
    ]
    assert items[2].tail == "that must be positive"
    assert choices_of('["A b", "C"]') == ("a_b", "c")
    assert parse_hints("optional, min 3").minimum == 3


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("shipped", ("ship", "ed")),
        ("making", ("make", "ing")),
        ("carries", None),
        ("bought", ("buy", "ed")),
        ("table", None),
        ("tries", ("try", "s")),
    ],
)
def test_forms_of_verbs(word: str, form: tuple[str, str] | None) -> None:
    assert base_verb(word) == form


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("Order Items", "order_item"),
        ("the customer's cars", "the_customer_car"),
        ("{{7*7}}", None),
        ("../../x", None),
        ("Ämter", "amter"),
        ("x" * 90, "x" * 40),
    ],
)
def test_entity_names(phrase: str, name: str | None) -> None:
    assert entity_name(phrase) == name


def test_names_that_are_taken_are_changed() -> None:
    assert safe_entity("session") != "session"
    assert safe_entity("class") != "class"
    assert safe_entity("order") == "order"
    assert field_name("id") == "reference"
    assert field_name("class") == "class_name"
    assert state_name("In Progress") == "in_progress"
    assert slug("!!!") == "app"
    assert slug("Größe 4 the shop") == "grosse-4-the-shop"


def test_sentences_keep_their_places() -> None:
    text = clean("First one, e.g. this. Second:\n- a bullet\n- another\n\nThird is\nwrapped. 3.5 stays")
    brief = read(text)
    assert [sentence.text for sentence in brief.sentences] == [
        "First one, e.g. this",
        "Second:",
        "a bullet",
        "another",
        "Third is\nwrapped",
        "3.5 stays",
    ]
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in brief.sentences)
    assert brief.sentences[2].heading == "Second"
    assert all(
        text[word.start : word.end] == word.text for sentence in brief.sentences for word in sentence.words
    )
