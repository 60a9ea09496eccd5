"""Lists of things, doings that leave records, states in brackets, limits, and words that are verbs here."""

from __future__ import annotations

import pytest

from qlf.brief import compile_brief
from qlf.core.spec import Capacity, Cardinality, Registration, Spec


def names(spec: Spec) -> set[str]:
    return {entity.name for entity in spec.entities}


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("Inventory for a brewery: batches, hops, tanks and yeasts.", {"batch", "hop", "tank", "yeast"}),
        ("Farmers market: stalls, vendors, market days, permits", {"stall", "vendor", "permit"}),
        ("We keep kites, reels and spools.", {"kite", "reel", "spool"}),
    ],
)
def test_a_list_of_many_names_what_is_kept(text: str, things: set[str]) -> None:
    assert things <= names(compile_brief(text))


def test_singular_members_are_fields() -> None:
    spec = compile_brief("Wine cellar: bottles with vintage, region, grape, quantity.")
    assert names(spec) == {"bottle"}
    assert {"vintage", "region", "grape", "quantity"} <= {
        field.name for field in spec.entity("bottle").fields
    }


def test_examples_in_brackets_are_not_kept() -> None:
    spec = compile_brief("Track parades by type (drums, floats, balloons). A parade has a title and a date.")
    assert names(spec) == {"parade"}


def test_what_people_borrow_is_what_is_lent() -> None:
    spec = compile_brief("Equipment loans at a university: students borrow cameras and return them.")
    assert {"camera", "loan"} <= names(spec)
    assert "book" not in names(spec)


def test_what_stands_before_rental_is_rented_out() -> None:
    assert "bike" in names(compile_brief("Bike rental with a daily rate and a deposit."))


def test_a_doing_leaves_a_record() -> None:
    spec = compile_brief("Residents book saunas. Saunas have a name and a price per hour.")
    assert {"sauna", "booking"} <= names(spec)
    assert any({item.from_, item.to} == {"booking", "sauna"} for item in spec.relations)


def test_to_book_is_no_book() -> None:
    spec = compile_brief("We run a car wash. Customers book a slot online and get a reminder by SMS.")
    assert "book" not in names(spec)
    assert spec.app.domain != "library"


def test_states_in_brackets_are_a_life() -> None:
    spec = compile_brief("Track bugs (open, in progress, resolved, closed) with a title.")
    assert spec.state_machines[0].states == ("open", "in_progress", "resolved", "closed")


def test_a_way_from_state_to_state_is_a_life() -> None:
    spec = compile_brief(
        "Track batches of beer. A batch goes from planned to brewing to fermenting to bottled."
    )
    machine = next(item for item in spec.state_machines if item.entity == "batch")
    assert machine.states == ("planned", "brewing", "fermenting", "bottled")
    assert len(machine.transitions) == 3


def test_at_most_is_a_limit_and_no_field() -> None:
    spec = compile_brief("Camps have a name. Tents have a colour. Each camp has a lake and at most 25 tents.")
    assert [rule.limit for rule in spec.rules if isinstance(rule, Capacity)] == [25]
    assert not [field for field in spec.entity("camp").fields if "most" in field.name]


def test_what_many_share_links_many_with_many() -> None:
    spec = compile_brief("Books have a title. Each book can have more than one category.")
    [relation] = [item for item in spec.relations if {item.from_, item.to} == {"book", "category"}]
    assert relation.cardinality is Cardinality.MANY_TO_MANY


def test_quotes_do_not_hide_a_noun() -> None:
    assert "squad" in names(
        compile_brief("Keep a hospital's clinical 'squads'. A 'squad' has a name and a floor.")
    )


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("Keepers register animals with name and species.", False),
        ("Product registration: products with serial number and owner name.", False),
        ("Keepers can sign up and keep animals with name and species.", True),
        ("User registration. Keepers keep animals with name and species.", True),
    ],
)
def test_registering_a_thing_makes_no_account(text: str, open_: bool) -> None:
    spec = compile_brief(text)
    assert ("registration" in {feature.name for feature in spec.features}) is open_
    if open_:
        assert spec.auth.registration is Registration.OPEN


def test_out_of_scope_covers_the_whole_list() -> None:
    spec = compile_brief(
        "Track kites with name and price. Out of scope: reviews, mobile apps, payment processing, refunds."
    )
    assert not {"payments", "refunds", "reviews"} & {feature.name for feature in spec.features}
