"""Deletion that is forbidden, a stack that is not made, contradictions, and overlays by what words imply."""

from __future__ import annotations

import pytest

from qlf.brief import compile_brief
from qlf.core.spec import Spec


def questions(spec: Spec) -> dict[str, str]:
    return {question.name: f"{question.text} {question.assumption}" for question in spec.questions}


def overlays(text: str) -> dict[str, float]:
    return {choice.name: choice.confidence for choice in compile_brief(text).overlays}


def test_nobody_may_delete_when_nothing_may_be_deleted() -> None:
    spec = compile_brief("Keep contracts, partners and payments. Nothing may be deleted.")
    assert not [row for row in spec.permissions if "delete" in row.actions]
    assert compile_brief("Keep contracts, partners and payments.").permissions != spec.permissions


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A Django app that keeps guests, gifts and speeches.", "Django"),
        ("Write a Rust service for tracking parcels.", "Rust"),
        ("Track parcels and vans in MongoDB.", "MongoDB"),
        ("Track parcels and vans with a Go service.", "Go"),
    ],
)
def test_a_stack_that_is_not_made_is_a_question(text: str, name: str) -> None:
    assert f"names {name}" in questions(compile_brief(text))["stack"]


@pytest.mark.parametrize(
    "text",
    [
        "Mechanics go to the store for parts; track parts, tools and orders.",
        "Express deliveries: track parcels, vans and drivers.",
        "We react to complaints: keep complaints, customers and answers.",
        "A spaceship hangar keeps ships, docks and pilots.",
        "Track rust on bridges: inspections, bridges and photos.",
        "Track parcels and vans, without MongoDB.",
    ],
)
def test_plain_words_name_no_stack(text: str) -> None:
    assert "stack" not in questions(compile_brief(text))


def test_a_contradiction_about_sign_in_is_a_question() -> None:
    spec = compile_brief(
        "Employees must not log in. Employees log in with a password and see their own payslips."
    )
    assert "must not log in" in questions(spec)["sign_in"]


def test_hints_add_up() -> None:
    assert "ferpa" not in overlays("Track students and their hobbies.")
    both = overlays("A university keeps student grades and transcripts of students.")
    assert both["ferpa"] >= 0.5


def test_patients_are_protected_by_the_law_of_their_region() -> None:
    text = "Patients {} book appointments with clinicians, who write medical records."
    assert set(overlays(text.format("in Texas"))) == {"hipaa"}
    assert set(overlays(text.format("in Germany"))) == {"gdpr"}


def test_animals_are_no_patients_in_law() -> None:
    assert overlays("A vet clinic for pets: patients, owners, diagnosis and medical history.") == {}


def test_what_is_excluded_is_not_implied() -> None:
    assert "pci-dss" not in overlays("A shop with orders. No credit cards, customers pay cash on delivery.")


def test_likely_but_not_sure_is_a_question() -> None:
    spec = compile_brief("A shop with products and orders; customers pay with Stripe.")
    assert "pci-dss" not in {choice.name for choice in spec.overlays}
    assert "overlay_pci_dss" in questions(spec)
