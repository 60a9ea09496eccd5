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
