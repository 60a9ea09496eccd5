"""Transitions and operations read as English, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qlf.blueprint import render
from qlf.blueprint.contract import openapi_document
from qlf.blueprint.wording import sentence, with_article
from qlf.core.spec import Spec

Make = Callable[..., Spec]


@pytest.mark.parametrize(
    ("name", "noun", "said"),
    [
        ("succeed", "refund", "Mark a refund as succeeded"),
        ("expire", "insurance policy", "Mark an insurance policy as expired"),
        ("cancel", "order", "Cancel an order"),
        ("pick_up", "rental", "Pick up a rental"),
        ("return_rental", "rental", "Return a rental"),
        ("report_lost", "loan", "Report a loan as lost"),
        ("mark_no_show", "appointment", "Mark an appointment as no show"),
        ("no_show", "appointment", "Mark an appointment as no show"),
        ("paid", "invoice", "Mark an invoice as paid"),
        ("sold_out", "event", "Mark an event as sold out"),
        ("complete", "task", "Complete a task"),
        ("open", "survey", "Open a survey"),
        ("checkout", "cart", "Check out a cart"),
        ("check_in_guest", "booking", "Check in the guest of a booking"),
        ("start_review", "claim", "Start the review of a claim"),
        ("start_picking", "order", "Start picking an order"),
        ("put_on_hold", "case", "Put a case on hold"),
        ("take_out_of_service", "table", "Take a table out of service"),
        ("submit_for_review", "report", "Submit a report for review"),
        ("make_public", "post", "Make a post public"),
        ("set_active", "user", "Mark a user as active"),
        ("proceed", "case", "Proceed a case"),
        ("review", "feedback", "Review feedback"),
    ],
)
def test_name_becomes_a_sentence(name: str, noun: str, said: str) -> None:
    assert sentence(name, noun) == said


def test_title_of_the_spec_is_kept() -> None:
    assert sentence("checkout", "cart", "Check out") == "Check out a cart"
    assert sentence("report_lost", "loan", "Report as missing") == "Report a loan as missing"
    assert sentence("finish", "job", "Finish the job") == "Finish the job"


def test_title_that_code_could_not_hold_is_not_used() -> None:
    assert sentence("finish", "job", 'A "job" \\') == "Finish a job"


@pytest.mark.parametrize(
    ("noun", "said"),
    [("order", "an order"), ("user", "a user"), ("hour", "an hour"), ("unit", "a unit"), ("car", "a car")],
)
def test_article_follows_the_sound(noun: str, said: str) -> None:
    assert with_article(noun) == said


def test_function_does_not_say_the_entity_twice(make: Make) -> None:
    entity = {
        "name": "rental",
        "fields": [{"name": "status", "type": "enum", "choices": ["out", "back"], "read_only": True}],
    }
    machine = {
        "entity": "rental",
        "initial": "out",
        "states": ["out", "back"],
        "transitions": [{"name": "return_rental", "from": ["out"], "to": "back"}],
    }
    spec = make(entities=[entity], state_machines=[machine])

    operation = openapi_document(spec)["paths"]["/api/v1/rentals/{rental_id}/return-rental"]["post"]

    assert operation["operationId"] == "return_rental"
    assert operation["summary"] == "Return a rental"
    assert "def return_rental(" in render("backend", spec).text("app/services/rental.py")
    assert "def return_rental(" in render("api", spec).text("app/api/rental.py")
