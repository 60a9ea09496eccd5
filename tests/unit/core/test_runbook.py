"""The one place that knows how an application is run."""

from __future__ import annotations

from qlf.core.runbook import runbook
from qlf.core.spec import Stack


def test_the_settings_are_those_of_production() -> None:
    env = runbook(Stack()).settings(database="/data/app.db", secret="s")
    assert env["APP_ENV"] == "production"
    assert env["DATABASE_URL"] == "sqlite:////data/app.db"


def test_commands_carry_no_secret() -> None:
    book = runbook(Stack())
    for words in (book.migrate, book.create_admin, book.serve, book.test):
        assert words[0] == "-m"
        assert not any("password" in word or "secret" in word for word in words)
