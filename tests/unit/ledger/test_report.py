"""Sums add up, whatever they are grouped by."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qlf.core.metering import Ending, Outcome, Usage
from qlf.errors import UsageError
from qlf.ledger.chart import bar_chart
from qlf.ledger.export import entries_csv, entry_json, report_csv, report_json, safe_cell, utc
from qlf.ledger.genai import genai_spans
from qlf.ledger.report import GROUPS, SUMS, Row, report

NAMES = st.sampled_from(["", "a", "b", "c,d", "=1+1"])
CALL = st.fixed_dictionaries(
    {
        "run": NAMES, "project": NAMES, "tenant": NAMES, "agent": NAMES, "overlay": NAMES,
        "how": st.sampled_from(["answered", "refused", "unknown", "open", "served"]),
        "cost": st.integers(0, 2_000), "tokens": st.integers(0, 5_000), "attempt": st.integers(1, 3),
        "days": st.integers(0, 40),
    }
)  # fmt: skip


async def write(desk, calls):
    start = desk.clock.now
    async with desk.books() as books:
        for number, call in enumerate(calls):
            desk.clock.now = start + call["days"] * 86_400
            whom = {name: call[name] for name in ("run", "project", "tenant", "agent", "overlay")}
            if call["how"] == "served":
                await books.served(desk.served(number, call["cost"], **whom))
                continue
            ticket = await books.open(desk.intent(number, attempt=call["attempt"], **whom))
            if call["how"] != "open":
                usage = Usage(call["tokens"], call["tokens"] // 2, 3, 2, 1)
                await books.close(ticket, Outcome(Ending(call["how"]), call["cost"], usage, milliseconds=5))
        desk.clock.now = start


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALL, min_size=1, max_size=12))
def test_the_sum_over_any_grouping_is_the_total(desk, calls):
    desk.folder = desk.folder / "x"
    asyncio.run(write(desk, calls))
    with desk.read() as reader:
        total = report(reader)[0]
        for by in [*combinations(GROUPS, 1), *combinations(GROUPS, 2), GROUPS]:
            rows = report(reader, by)
            for name in SUMS:
                assert sum(getattr(row, name) for row in rows) == getattr(total, name), (by, name)
            assert len({row.group for row in rows}) == len(rows)
    charged = {"answered": lambda call: call["cost"], "unknown": lambda call: 1000}
    assert total.spent == sum(charged.get(call["how"], lambda _: 0)(call) for call in calls)
    assert total.saved == sum(call["cost"] for call in calls if call["how"] == "served")
    assert total.attempts + total.served == len(calls)
    assert total.calls == sum(call["how"] == "served" or call["attempt"] == 1 for call in calls)
    assert total.answered == sum(call["how"] == "answered" for call in calls)
    # The books are closed, so what is open was cut off.
    assert total.unknown == sum(call["how"] in ("unknown", "open") for call in calls)
    assert total.open == 0
    assert total.reserved == 1000 * sum(call["how"] == "open" for call in calls)
    assert desk.verify().intact


@pytest.fixture
def some(desk):
    call = {
        "run": "r",
        "project": "shop",
        "tenant": "t",
        "overlay": "",
        "tokens": 10,
        "attempt": 1,
        "days": 0,
    }
    asyncio.run(
        write(
            desk,
            [
                {**call, "agent": "spec", "how": "answered", "cost": 300},
                {**call, "agent": "=cmd()\x1b[31m", "how": "answered", "cost": 500, "days": 1},
                {**call, "agent": "spec", "how": "served", "cost": 250},
                {**call, "agent": "tests", "how": "open", "cost": 0},
            ],
        )
    )
    return desk


def test_the_dearest_comes_first_and_times_are_half_open(some):
    day = int(some.clock.now * 1000)
    with some.read() as reader:
        assert [row.group[0] for row in report(reader, ["agent"])] == ["=cmd()\x1b[31m", "spec", "tests"]
        assert report(reader, since=day, until=day)[0].calls == 0
        assert report(reader, since=day, until=day + 1)[0].calls == 3
        assert report(reader, since=day + 86_400_000)[0].spent == 500
        assert [row.group for row in report(reader, ["day", "day"])] == [("2026-08-01",), ("2026-07-31",)]


def test_what_is_under_way_is_no_loss(desk):
    async def look():
        async with desk.books() as books:
            await books.open(desk.intent())
            with desk.read() as reader:
                return report(reader)[0]

    row = asyncio.run(look())
    assert (row.open, row.unknown, row.reserved, row.spent) == (1, 0, 1000, 0)


def test_an_unknown_group_is_refused(some):
    with some.read() as reader, pytest.raises(UsageError, match="cannot be grouped by '1; DROP TABLE entry'"):
        report(reader, ["1; DROP TABLE entry"])


def test_csv_follows_rfc_4180_and_runs_no_formula(some):
    with some.read() as reader:
        text = report_csv(["agent"], report(reader, ["agent"]))
    assert text.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["agent"] == "'=cmd()\\u001b[31m"
    assert [int(row["spent_micros"]) for row in rows] == [500, 300, 0]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x"])
def test_a_cell_that_looks_like_a_formula_gets_an_apostrophe(text):
    assert safe_cell(text) == f"'{text}"


@given(st.text())
def test_a_cell_holds_nothing_that_drives_a_terminal_or_begins_a_formula(text):
    cell = safe_cell(text)
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_json_holds_the_rows_and_the_total(some):
    with some.read() as reader:
        document = report_json(["agent"], report(reader, ["agent"]), report(reader)[0])
    assert document["total"]["spent_micros"] == 800
    assert sum(row["spent_micros"] for row in document["rows"]) == 800
    json.dumps(document)


def test_entries_go_out_as_json_and_csv(some):
    with some.read() as reader:
        documents = [entry_json(entry) for entry in reader.entries()]
        rows = list(csv.DictReader(io.StringIO("".join(entries_csv(reader.entries())))))
    assert [one["seq"] for one in documents] == list(range(1, len(documents) + 1))
    assert [one["hash"] for one in documents[:-1]] == [one["prev"] for one in documents[1:]]
    assert [int(row["seq"]) for row in rows] == [one["seq"] for one in documents]
    assert json.loads(next(row for row in rows if row["kind"] == "intent")["fields"])["attempt"] == 1


def test_spans_carry_the_names_of_the_genai_conventions(some):
    with some.read() as reader:
        spans = list(genai_spans(reader.entries()))
    assert [span["name"] for span in spans] == ["chat claude-sonnet"] * 3
    attributes = {one["key"]: next(iter(one["value"].values())) for one in spans[0]["attributes"]}
    assert attributes["gen_ai.provider.name"] == "aws.bedrock"
    assert attributes["gen_ai.request.model"] == "claude-sonnet"
    assert attributes["gen_ai.usage.input_tokens"] == "10"
    assert attributes["qlf.cost.amount_micros"] == "300"
    assert not {"gen_ai.system", "gen_ai.usage.prompt_tokens"} & set(attributes)
    assert int(spans[0]["startTimeUnixNano"]) <= int(spans[0]["endTimeUnixNano"])


def test_times_are_written_as_rfc_3339():
    assert utc(1_785_488_400_007) == "2026-07-31T09:00:00.007Z"


def row(name, spent, reserved=0):
    return Row((name,), 1, 1, 1, 0, 0, 0, 0, spent, reserved, *[0] * 7)


def test_a_chart_is_well_formed_says_everything_in_words_and_loads_nothing():
    hostile = "<script>alert(1)</script>\x1b\u202e&\"'"
    svg = bar_chart(
        "Spend by " + hostile, "in dollars", [row("spec", 3_000_000), row(hostile, 1_500_000, 250_000)]
    )
    root = ET.fromstring(svg)
    ns = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.find(f"{ns}title") is not None
    description = root.find(f"{ns}desc")
    assert description is not None
    assert description.text is not None
    assert "spec: $3.00; " in description.text
    assert "$1.50 + $0.25 held" in description.text
    assert not list(root.iter(f"{ns}script"))
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    widths = [int(bar.get("width")) for bar in root.iter(f"{ns}rect") if bar.get("class") == "bar"]
    assert widths[0] == 2 * widths[1] > 0


def test_a_long_chart_keeps_its_sum():
    rows = [row(f"agent-{number}", 1_000_000 - number) for number in range(50)]
    svg = bar_chart("t", "s", rows)
    assert "30 others" in svg
    assert svg.count('class="bar"') == 21
    assert "nothing was spent" in bar_chart("t", "s", [])
