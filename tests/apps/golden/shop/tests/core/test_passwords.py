"""Passwords: the hash and the rules."""

import pytest

from app.core.passwords import UNUSABLE, Passwords, weakness
from tests.support import make_settings


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(make_settings("sqlite://"))


def test_hash_is_argon2id_with_its_own_salt(passwords: Passwords) -> None:
    first, second = passwords.hash("seven green boats"), passwords.hash("seven green boats")

    assert first.startswith("$argon2id$")
    assert first != second


def test_only_the_right_password_matches(passwords: Passwords) -> None:
    stored = passwords.hash("seven green boats")

    assert passwords.verify(stored, "seven green boats")
    assert not passwords.verify(stored, "seven green boat")
    assert not passwords.verify(None, "a password nobody has")
    assert not passwords.verify(UNUSABLE, "a password nobody has")
    assert not passwords.verify("not a hash", "seven green boats")


def test_other_cost_asks_for_a_new_hash(passwords: Passwords) -> None:
    stored = passwords.hash("seven green boats")

    assert not passwords.needs_rehash(stored)
    assert Passwords(make_settings("sqlite://", argon2_time_cost=2)).needs_rehash(stored)


@pytest.mark.parametrize(
    "password",
    [
        "Password1234",
        "aaaaaaaaaaaaa",
        "abcabcabcabc",
        "ab12AB12ab12",
        "x-Jane.Doe@Example.com-x",
        "jane.doe rules",
    ],
)
def test_weak_password_is_named(password: str) -> None:
    assert weakness(password, "jane.doe@example.com")


@pytest.mark.parametrize("password", ["seven green boats", "пароль из слов", "Tr0ub4dor&3 x"])
def test_other_password_is_fine(password: str) -> None:
    assert weakness(password, "jane.doe@example.com") is None


def test_short_name_in_the_password_is_fine() -> None:
    assert weakness("jo likes long walks", "jo@example.com") is None
