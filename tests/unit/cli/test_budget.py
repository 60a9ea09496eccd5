"""`qlf budget`: what may be spent, and what is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qlf.core.metering import Attribution, Ending, Intent, Outcome
from qlf.ledger.books import LedgerBooks


def spend(home: Path, micros: int, *, project: str = "shop") -> None:
    async def work() -> None:
        async with LedgerBooks(
            home / "state" / "ledger" / "ledger.db",
            signing_key=home / "config" / "ledger-signing.key",
            heads=home / "data" / "ledger-heads.jsonl",
        ) as books:
            intent = Intent("c", 1, "p", "bedrock", "d", "m", micros, Attribution(run="r", project=project))
            await books.close(await books.open(intent), Outcome(Ending.ANSWERED, micros))

    asyncio.run(work())


def test_without_a_ledger_the_default_is_shown(cli, own_home):
    answer = cli("budget", "show", "--json")
    assert answer.code == 0
    assert answer.document["limits_micros"]["month"] == 100_000_000
    assert answer.document["stored"] == []
    assert not (own_home / "state" / "ledger").exists()


def test_limits_are_set_shown_and_recorded(cli, own_home):
    answer = cli("budget", "set", "--month", "50", "--day", "0.05", "--project", "shop=20", "--run", "$2")
    assert answer.code == 0
    assert "$50.00" in answer.out
    document = cli("budget", "show", "--json").document
    assert document["stored"] == ["day", "month", "project:shop", "run"]
    assert [document["limits_micros"][name] for name in document["stored"]] == [
        50_000, 50_000_000, 20_000_000, 2_000_000,
    ]  # fmt: skip
    tail = cli("audit", "tail").out
    assert tail.count("budget-change") == 4
    assert "month from default to $50.00, by " in tail
    assert cli("audit", "verify").code == 0


def test_none_takes_a_limit_away_and_reset_all_of_them(cli):
    cli("budget", "set", "--day", "5", "--tenant", "3", "--tenant", "acme=4")
    document = cli("budget", "set", "--day", "none", "--json").document
    assert document["limits_micros"]["day"] is None
    assert (document["limits_micros"]["tenant"], document["limits_micros"]["tenant:acme"]) == (
        3_000_000,
        4_000_000,
    )
    document = cli("budget", "set", "--reset", "--month", "7", "--json").document
    assert document["stored"] == ["month"]
    assert document["limits_micros"]["month"] == 7_000_000


def test_what_is_spent_is_taken_off(cli, own_home):
    spend(own_home, 1_250_000)
    scopes = {one["scope"]: one for one in cli("budget", "show", "--json").document["scopes"]}
    month = next(one for name, one in scopes.items() if name.startswith("month:"))
    assert (month["spent_micros"], month["left_micros"]) == (1_250_000, 98_750_000)
    assert scopes["project:shop"]["left_micros"] is None
    assert "$1.25" in cli("budget", "show").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "-5"], "no amount in US dollars"),
        (["--month", "1e3"], "no amount in US dollars"),
        (["--month", "none"], "cannot be taken away"),
        (["--day", "0.0000001"], "at most 6 decimals"),
        (["--project", "shop=x"], "no amount in US dollars"),
        (["--project", "sh\x1bop=3"], "no name"),
        ([], "nothing to set"),
    ],
)
def test_what_is_no_amount_is_refused_and_nothing_is_written(cli, own_home, arguments, said):
    answer = cli("budget", "set", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert "\x1b" not in answer.err
    assert not (own_home / "state" / "ledger").exists()


def test_a_damaged_ledger_is_one_sentence_and_exit_5(cli, own_home):
    path = own_home / "state" / "ledger" / "ledger.db"
    path.parent.mkdir(parents=True)
    path.write_text("no ledger")
    for arguments in (["show"], ["set", "--month", "5"]):
        answer = cli("budget", *arguments)
        assert answer.code == 5
        assert "is damaged or is no ledger; it was left as it is" in answer.err
        assert "Traceback" not in answer.err
    assert path.read_text() == "no ledger"
