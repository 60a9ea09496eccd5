"""Texts that look like credentials."""

from __future__ import annotations

import pytest

from qlf.core.secrets import HIDDEN, find_secrets, redact

FAKES = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----",
    "AKIA" + "ABCDEFGH23456777",
    "ghp_" + "a1" * 18,
    "glpat-" + "a1" * 12,
    "xoxb-" + "1234567890-abcdef",
    "sk-proj-" + "a1" * 20,
    "sk-ant-" + "a1" * 20,
    "AIza" + "a" * 35,
    "sk_live_" + "a1" * 10,
    "SG." + "a" * 22 + "." + "b" * 43,
    "npm_" + "a" * 36,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + "a" * 43,
    "postgresql://app:hunter2@db/app",
]


@pytest.mark.parametrize("fake", FAKES)
def test_a_credential_is_found_and_hidden(fake: str) -> None:
    assert [found.line for found in find_secrets(f"first\nkey = {fake} \n")] == [2]
    assert fake not in redact(f"it said {fake} and went on")


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "0" * 64,
        "1754041234567",
        "sk-learn and task-force",
        "postgresql://app:${PASSWORD}@db/app",
        "eyJ is how they begin",
        "password: str = Field(min_length=12)",
        "12345678-1234-4234-8234-123456789abc",
    ],
)
def test_what_is_none_is_not_found(text: str) -> None:
    assert list(find_secrets(text)) == []


def test_known_values_and_named_values_are_hidden() -> None:
    assert redact("a s3cr3tvalue b", ["s3cr3tvalue", ""]) == f"a {HIDDEN} b"
    assert redact("xabcdefy", ["abc", "abcdef"]) == f"x{HIDDEN}y"
    assert redact('{"password": "hunter22", "x": 1}') == '{"password": "' + HIDDEN + '", "x": 1}'
    assert "abcd1234" not in redact("Authorization: Bearer abcd1234")


CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
    "4222222222222",
]


@pytest.mark.parametrize("card", CARDS)
def test_the_number_of_a_card_is_hidden_in_messages_but_not_reported_in_files(card: str) -> None:
    assert redact(f"paid with {card}, thanks") == f"paid with {HIDDEN}, thanks"
    assert redact(f'{{"pan":"{card}"}}') == f'{{"pan":"{HIDDEN}"}}'
    assert list(find_secrets(card)) == []


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "9999999999999995",
        "0.4111111111111111",
        "4111111111111111.5",
        "x4111111111111111",
        "41111111111111113",
        "1754041234567",
        "1754041234567890",
        "+49 6221 123456",
        "12345678-1234-4234-8234-123456789abc",
        "2026-07-31 09:00:00.000",
    ],
)
def test_a_number_that_is_no_card_stays(text: str) -> None:
    assert redact(text) == text


def test_a_time_in_milliseconds_is_never_taken_for_a_card() -> None:
    # One in ten of them passes the check digit; what saves them is how they begin.
    times = [str(1_000_000_000_000 + 7_777_777 * number) for number in range(100_000)]
    assert redact(" ".join(times)) == " ".join(times)


def test_every_shape_holds_one_of_its_marks() -> None:
    for fake in FAKES:
        assert redact(fake) != fake


def test_hiding_twice_changes_nothing_more() -> None:
    text = " ".join([*FAKES, *CARDS, "password=hunter22"])
    assert redact(redact(text)) == redact(text)
