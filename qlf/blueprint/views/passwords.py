"""Passwords for tests, of the length that the application demands, as Python literals."""

from __future__ import annotations

import json

from qlf.blueprint.views.app import AppView

__all__ = ["long_enough", "password", "short_password", "weak_password"]


def password(text: str, app: AppView) -> str:
    """A password that may be chosen, as a literal."""
    shortest = app.spec.auth.password_min_length
    more = " and quite a few more words"
    while len(text) < shortest:
        text += more[: max(shortest - len(text), 1)]
    return _literal(text.strip().ljust(min(shortest, 128), "x"))


def weak_password(text: str, app: AppView) -> str:
    """A password that is long enough and easily guessed, as a literal."""
    shortest = app.spec.auth.password_min_length
    return _literal(text if len(text) >= shortest else text[0] * shortest)


def long_enough(text: str, app: AppView) -> str:
    """The text, made longer where passwords have to be, as a literal."""
    return _literal(text.ljust(app.spec.auth.password_min_length, "1"))


def short_password(text: str, app: AppView) -> str:
    """A password that is too short, as a literal."""
    return _literal(text[: app.spec.auth.password_min_length - 1])


def _literal(text: str) -> str:
    """The text in double quotes."""
    return json.dumps(text)
