"""`qlf audit`: read, check, prove and report the record."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from base64 import b64decode

import pytest

from qlf.core.metering import Attribution, Ending, Intent, Outcome, Served, Usage
from qlf.errors import BudgetRefused
from qlf.ledger.books import LedgerBooks
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.merkle import leaf_hash, verify_inclusion

HOSTILE = "ev\x1b[31mil\r\n\u202e=cmd()"


@pytest.fixture
def filled(own_home):
    async def work():
        async with LedgerBooks(
            own_home / "state" / "ledger" / "ledger.db",
            BudgetLimits(run_micros=3_000_000),
            signing_key=own_home / "config" / "ledger-signing.key",
            heads=own_home / "data" / "ledger-heads.jsonl",
        ) as books:
            for number, agent in enumerate(("spec", HOSTILE, "spec")):
                whom = Attribution(run="r1", project="shop", agent=agent)
                intent = Intent(f"c{number}", 1, "bedrock-us", "bedrock", "d", "claude-sonnet", 900_000, whom)
                usage = Usage(1000 + number, 50, cache_read_tokens=500)
                await books.close(await books.open(intent), Outcome(Ending.ANSWERED, 250_000, usage))
            await books.served(Served("c9", "cache", "claude-sonnet", whom, 125_000))
            with pytest.raises(BudgetRefused):
                await books.open(Intent("c7", 1, "p", "bedrock", "d", "m", 9_000_000, whom))

    asyncio.run(work())
    return own_home / "state" / "ledger" / "ledger.db"


def tamper(path, statement):
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()


@pytest.mark.parametrize("command", [["tail"], ["verify"], ["head"], ["report"], ["export"], ["prove", "1"]])
def test_without_a_ledger_every_command_says_so(cli, command):
    answer = cli("audit", *command)
    assert answer.code == 5
    assert "there is no ledger at" in answer.err
    assert answer.out == ""


def test_the_latest_entries_are_shown_one_on_a_line(cli, filled):
    answer = cli("audit", "tail", "-n", "3")
    lines = answer.out.splitlines()
    assert len(lines) == 3
    assert "250" not in lines[1]
    assert "from cache, saves $0.125" in lines[1]
    assert "asked $9.00; run:r1 has $3.00, of which $0.75 spent and $0.00 reserved" in lines[2]
    assert len(cli("audit", "tail", "-n", "0").out) == 0


def test_nothing_in_an_entry_drives_the_terminal_or_makes_a_line(cli, filled):
    commands = (
        "tail",
        "tail --json",
        "report --by agent",
        "report --by agent --format json",
        "report --by agent --format csv",
        "export",
        "export --format csv",
        "export --format otel",
    )
    for command in commands:
        arguments = command.split()
        answer = cli("audit", *arguments)
        assert answer.code == 0
        assert "il" in answer.out
        assert not {"\x1b", "\u202e"} & set(answer.out), arguments
        assert all("ev" not in line or "cmd" in line for line in answer.out.splitlines() if "il" in line), (
            arguments
        )


def test_entries_as_json_are_one_document_a_line(cli, filled):
    documents = [json.loads(line) for line in cli("audit", "tail", "--json").out.splitlines()]
    assert [one["seq"] for one in documents] == list(range(1, 10))
    assert documents[1]["kind"] == "intent"


def test_following_shows_what_is_written_later(program, cli, filled):
    process = program("audit", "tail", "-f", "-n", "1", "--json")
    try:
        assert json.loads(process.stdout.readline())["seq"] == 9
        cli("budget", "set", "--day", "5")
        assert json.loads(process.stdout.readline())["kind"] == "budget-change"
    finally:
        process.kill()
        process.communicate()


def test_a_ledger_that_fits_says_so(cli, filled):
    answer = cli("audit", "verify")
    assert answer.code == 0
    assert "9 entries and" in answer.err
    assert answer.out.split()[1] == "9"
    document = cli("audit", "verify", "--json").document
    assert (document["intact"], document["entries"], document["problem"]) == (True, 9, None)


def test_a_changed_entry_is_named_and_exits_5(cli, filled):
    cheaper = "CAST(replace(CAST(body AS TEXT), '250000', '150000') AS BLOB)"
    tamper(filled, f"UPDATE entry SET body = {cheaper} WHERE seq = 3")
    answer = cli("audit", "verify")
    assert answer.code == 5
    assert "entry 3 was changed after it was written" in answer.err


def test_a_broken_ledger_is_also_told_in_json(cli, filled):
    tamper(filled, "DELETE FROM entry WHERE seq = 4")
    answer = cli("audit", "verify", "--json")
    assert answer.code == 5
    assert (answer.document["intact"], answer.document["first_broken_seq"]) == (False, 4)


def test_a_head_that_was_kept_elsewhere_finds_a_cut(cli, filled, own_home, tmp_path):
    head = cli("audit", "head").out
    assert json.loads(head)["size"] == 9
    kept = tmp_path / "kept.json"
    kept.write_text(head)
    assert cli("audit", "verify", "--head", str(kept)).code == 0
    # Another ledger takes the place of the first, and the exported heads go too.
    for path in [*filled.parent.iterdir(), own_home / "data" / "ledger-heads.jsonl"]:
        if path.is_file():
            path.unlink()
    cli("budget", "set", "--day", "5")
    assert cli("audit", "verify").code == 0
    answer = cli("audit", "verify", "--head", str(kept))
    assert answer.code == 5
    assert "is of another ledger" in answer.err
    assert cli("audit", "verify", "--head", "-", stdin=head.encode()).code == 5


@pytest.mark.parametrize(
    ("content", "code", "said"), [("{}\n", 5, "line 1 is no head"), (None, 3, "there is no file")]
)
def test_heads_that_are_none_are_said(cli, filled, tmp_path, content, code, said):
    path = tmp_path / "heads"
    if content is not None:
        path.write_text(content)
    answer = cli("audit", "verify", "--head", str(path))
    assert said in answer.err
    assert answer.code == code


def test_a_proof_stands_without_the_ledger(cli, filled):
    document = cli("audit", "prove", "4").document
    entry = b64decode(document["entry"])
    path = [bytes.fromhex(node) for node in document["inclusion_path"]]
    root = bytes.fromhex(document["head"]["root"])
    assert verify_inclusion(leaf_hash(entry), document["leaf_index"], document["head"]["size"], path, root)
    assert json.loads(entry)["seq"] == 4
    assert cli("audit", "prove", "10").code == 3


def test_a_report_adds_up(cli, filled):
    answer = cli("audit", "report", "--by", "agent,model")
    assert answer.code == 0
    assert "$0.75" in answer.out.splitlines()[-1]
    document = cli("audit", "report", "--by", "agent", "--format", "json").document
    assert (
        document["total"]["spent_micros"] == 750_000 == sum(row["spent_micros"] for row in document["rows"])
    )
    rows = list(csv.DictReader(io.StringIO(cli("audit", "report", "--by", "project", "--format", "csv").out)))
    assert (rows[0]["project"], rows[0]["saved_micros"], rows[0]["calls"]) == ("shop", "125000", "4")


def test_a_report_says_how_much_the_providers_read_from_their_own_caches(cli, filled):
    total = json.loads(cli("audit", "report", "--format", "json").out)["total"]
    assert (total["input_tokens"], total["cache_read_tokens"], total["prompt_cached_percent"]) == (
        3003,
        1500,
        49,
    )
    assert "49 % of the input tokens" in cli("audit", "report").err


def test_a_report_is_limited_in_time(cli, filled):
    later = cli("audit", "report", "--since", "2999-01-01", "--format", "json").document
    assert later["total"]["calls"] == 0
    assert cli("audit", "report", "--since", "24h", "--format", "json").document["total"]["calls"] == 4
    assert cli("audit", "report", "--until", "1d", "--format", "json").document["total"]["calls"] == 0
    answer = cli("audit", "report", "--since", "yesterday")
    assert answer.code == 2
    assert "is no time" in answer.err


def test_an_unknown_group_is_a_usage_error(cli, filled):
    answer = cli("audit", "report", "--by", "colour")
    assert answer.code == 2
    assert "take run, project" in answer.err


def test_a_chart_is_written(cli, filled, tmp_path):
    path = tmp_path / "out.svg"
    assert cli("audit", "report", "--by", "agent", "--chart", str(path)).code == 0
    assert path.read_text().startswith("<svg ")
    answer = cli("audit", "report", "--chart", str(tmp_path / "none" / "out.svg"))
    assert answer.code == 3
    assert "cannot be written" in answer.err
