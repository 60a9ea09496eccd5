"""Batches as they are written down."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.core.metering import Attribution, Ticket
from qlf.errors import OutputError
from qlf.llm.batch_state import BatchFolder, Line, Pending
from qlf.llm.clock import SystemClock
from qlf.llm.request import Schema

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LINES = st.builds(
    Line,
    id=TEXT,
    digest=TEXT,
    ticket=st.builds(Ticket, st.integers(0, 2**53), st.integers(0, 10**15)),
    attribution=st.builds(Attribution, run=TEXT, agent=TEXT, tenant=TEXT),
    schema=st.none() | st.builds(Schema, TEXT, st.dictionaries(TEXT, st.integers(-5, 5) | TEXT, max_size=3)),
)
BATCHES = st.builds(
    Pending,
    id=st.from_regex(r"\A[0-9a-f]{24}\Z"),
    deployment=TEXT,
    model=TEXT,
    remote=TEXT,
    price=st.sampled_from([Decimal("0.5"), Decimal(1)]),
    batch=TEXT,
    file=TEXT,
    created=st.integers(0, 2**40),
    lines=st.lists(LINES, max_size=4).map(tuple),
)


@settings(deadline=None)
@given(pending=BATCHES)
def test_what_is_written_is_read_again(tmp_path_factory, pending):
    folder = BatchFolder(tmp_path_factory.mktemp("state") / "batches", SystemClock())
    folder.save(pending)
    assert folder.load() == ([pending], [])
    folder.remove(pending)
    assert folder.load() == ([], [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["format", "id", "price", "created", "schemas", "who", "lines", "batch", "deployment"]


@given(pending=BATCHES, field=st.sampled_from(FIELDS), value=JSON)
def test_a_file_of_another_form_is_a_sentence_and_not_an_error(tmp_path_factory, pending, field, value):
    folder = BatchFolder(tmp_path_factory.mktemp("state"), SystemClock())
    folder.save(pending)
    path = folder.path / f"{pending.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    found, problems = folder.load()
    assert len(found) + len(problems) == 1


def test_neither_names_nor_links_lead_elsewhere(tmp_path):
    folder = BatchFolder(tmp_path / "batches", SystemClock())
    pending = Pending("aa", "d", "m", "r", Decimal(1))
    folder.save(pending)
    (folder.path / "aa.json").rename(folder.path / "bb.json")
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder.path / "cc.json").symlink_to(tmp_path / "elsewhere.json")
    found, problems = folder.load()
    assert found == []
    assert len(problems) == 2


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    folder = BatchFolder(tmp_path / "file" / "batches", SystemClock())
    with pytest.raises(OutputError, match="cannot be written down"):
        folder.save(Pending("aa", "d", "m", "r", Decimal(1)))


async def test_one_at_a_time_works_under_a_name(tmp_path):
    clock = SystemClock()
    folder, other = BatchFolder(tmp_path, clock), BatchFolder(tmp_path, clock)
    async with folder.alone("send", clock.now()) as first:
        assert first
        async with other.alone("send", clock.now() + 0.05) as second:
            assert not second
        async with other.alone("aa", clock.now()) as third:
            assert third
    async with other.alone("send", clock.now()) as fourth:
        assert fourth
    assert list(tmp_path.iterdir()) == []
