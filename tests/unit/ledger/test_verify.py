"""Whoever changes the ledger is found out, whatever they change."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from hashlib import sha256

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qlf.core.metering import Ending, Outcome
from qlf.errors import BudgetRefused
from qlf.ledger.budget import BudgetLimits
from qlf.ledger.heads import Signer, append_heads, parse_heads
from qlf.ledger.merkle import Frontier


async def fill(desk, calls=8, **options):
    async with desk.books(BudgetLimits(run_micros=20_000), head_entries=5, **options) as books:
        for number in range(calls):
            ticket = await books.open(desk.intent(number, agent=f"agent-{number % 3}"))
            await books.close(ticket, desk.answered(100 + number))
        await books.close(await books.open(desk.intent(20)), Outcome(Ending.UNKNOWN))
        await books.served(desk.served())
        await books.change_limits("ada", {"day": 5_000_000})
        with pytest.raises(BudgetRefused):
            await books.open(desk.intent(21, reserve=30_000))
        await books.open(desk.intent(22))


@pytest.fixture
def filled(desk):
    asyncio.run(fill(desk))
    assert desk.verify().intact
    return desk


def change(desk, *statements):
    db = sqlite3.connect(desk.path)
    for statement in statements:
        db.execute(*statement) if isinstance(statement, tuple) else db.execute(statement)
    db.commit()
    db.close()


def rows(desk):
    db = sqlite3.connect(desk.path)
    found = db.execute("SELECT seq, hash, body FROM entry ORDER BY seq").fetchall()
    db.close()
    return found


def rewrite(desk, edit):
    """Do what an insider with the code does: change entries, then make all links, roots and hashes fit."""
    bodies = edit([orjson.loads(body) for _, _, body in rows(desk)])
    previous, frontier, made = "0" * 64, Frontier(), []
    for seq, fields in enumerate(bodies, start=1):
        body = orjson.dumps({**fields, "seq": seq, "prev": previous}, option=orjson.OPT_SORT_KEYS)
        digest = sha256(body)
        previous = digest.hexdigest()
        frontier.add(body)
        made.append((seq, digest.digest(), body))
    db = sqlite3.connect(desk.path)
    db.execute("DELETE FROM entry")
    db.executemany("INSERT INTO entry VALUES (?, ?, ?)", made)
    db.execute(
        "UPDATE state SET size = ?, last = ?, frontier = ?", (frontier.size, previous, frontier.to_bytes())
    )
    db.commit()
    db.close()


def test_what_was_not_touched_fits(filled):
    found = filled.verify()
    assert (found.problem, found.seq, found.notes) == ("", 0, ())
    assert found.entries == len(rows(filled))
    assert found.heads >= 4


def test_the_first_changed_entry_is_named(filled):
    body = rows(filled)[5][2].replace(b"agent-2", b"agent-1")
    change(filled, ("UPDATE entry SET body = ? WHERE seq = 6", (body,)))
    found = filled.verify()
    assert (found.intact, found.seq) == (False, 6)
    assert found.problem == "entry 6 was changed after it was written"


def test_a_changed_entry_with_a_new_hash_is_found_at_the_next_link(filled):
    body = rows(filled)[5][2].replace(b"agent-2", b"agent-1")
    change(filled, ("UPDATE entry SET body = ?, hash = ? WHERE seq = 6", (body, sha256(body).digest())))
    assert "the first 6 entries are not those that were signed" in filled.verify().problem
    change(filled, "DELETE FROM head")
    found = filled.verify(heads=False)
    assert found.seq == 7
    assert "does not follow entry 6" in found.problem


def test_a_removed_entry_is_found(filled):
    change(filled, "DELETE FROM entry WHERE seq = 9")
    assert filled.verify().seq == 9


def test_two_exchanged_entries_are_found(filled):
    change(
        filled,
        "UPDATE entry SET seq = -1 WHERE seq = 4",
        "UPDATE entry SET seq = 4 WHERE seq = 5",
        "UPDATE entry SET seq = 5 WHERE seq = -1",
    )
    assert filled.verify().seq == 4


def test_an_inserted_entry_is_found(filled):
    last = len(rows(filled))
    copy = "INSERT INTO entry SELECT {}, hash, body FROM entry WHERE seq = 5"
    change(filled, copy.format(last + 1))
    assert filled.verify().seq == last + 1
    change(filled, f"DELETE FROM entry WHERE seq = {last + 1}", copy.format(-3))
    assert filled.verify().seq == -3


def test_a_tail_that_was_cut_off_is_found(filled):
    last = len(rows(filled))
    change(filled, f"DELETE FROM entry WHERE seq > {last - 2}")
    found = filled.verify()
    assert found.seq == last - 1
    assert "tail" in found.problem


def test_a_tail_that_was_cut_off_with_everything_made_to_fit_is_found_by_an_exported_head(filled):
    size = len(rows(filled))
    # The last three entries are a change, a refusal and an attempt; they go, with all that follows from them.
    rewrite(filled, lambda bodies: bodies[:-3])
    change(
        filled,
        "DELETE FROM spend WHERE state = 0",
        "UPDATE total SET reserved = 0",
        "UPDATE state SET limits = '{}'",
        f"DELETE FROM head WHERE size > {size - 3}",
    )
    assert filled.verify(heads=False).intact
    found = filled.verify()
    assert found.seq == size - 2
    assert "the tail is missing" in found.problem


def test_a_ledger_written_anew_is_found_by_an_exported_head(filled):
    def cheaper(bodies):
        for fields in bodies:
            if "charge" in fields and fields["charge"] == 103:
                fields["response"] = "another"
        return bodies

    rewrite(filled, cheaper)
    change(filled, "DELETE FROM head")
    assert filled.verify(heads=False).notes == ("there is no signed head to compare with",)
    assert "are not those that were signed" in filled.verify().problem


def test_heads_signed_by_another_key_are_found(filled):
    rewrite(filled, lambda bodies: [{**one, "tenant": "evil"} if "tenant" in one else one for one in bodies])
    change(filled, "UPDATE dims SET tenant = 'evil'", "DELETE FROM head")
    change(filled, "UPDATE total SET scope = 'tenant:evil' WHERE scope = 'tenant:acme'")
    db = sqlite3.connect(filled.path)
    ledger, size, peaks = db.execute("SELECT ledger, size, frontier FROM state").fetchone()
    forged = Signer.load(filled.folder / "other.key").sign(
        ledger, size, Frontier.from_bytes(size, peaks).root(), 5
    )
    db.execute("INSERT INTO head VALUES (?, 5, ?)", (size, forged.to_line()))
    db.commit()
    db.close()
    found = filled.verify(heads=False)
    assert "not signed by the ledger's key" in found.problem


def test_a_forged_head_among_the_exported_ones_is_found(filled):
    good = parse_heads(filled.heads.read_bytes())[-1]
    forged = Signer.load(filled.folder / "other.key").sign(good.ledger, good.size, bytes(32), good.ts)
    append_heads(filled.heads, [forged])
    assert "not signed by the ledger's key" in filled.verify().problem


def test_a_head_whose_size_was_changed_is_found(filled):
    lines = filled.heads.read_bytes().splitlines(keepends=True)
    head = orjson.loads(lines[0])
    filled.heads.write_bytes(orjson.dumps({**head, "size": head["size"] + 1}) + b"\n" + b"".join(lines[1:]))
    assert "not signed" in filled.verify().problem


def test_another_ledger_in_its_place_is_found(filled, tmp_path):
    shutil.rmtree(filled.path.parent)
    asyncio.run(fill(filled))
    assert "is of another ledger" in filled.verify().problem


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE spend SET charge = 0 WHERE seq = 2", "spend does not fit entry 2"),
        ("UPDATE spend SET reserve = 1 WHERE seq = 2", "spend does not fit entry 2"),
        ("UPDATE spend SET input = input + 1 WHERE seq = 4", "spend does not fit entry 4"),
        ("UPDATE spend SET dims = 99 WHERE seq = 2", "spend does not fit entry 2"),
        ("UPDATE dims SET project = 'other'", "spend does not fit entry 2"),
        ("DELETE FROM spend WHERE seq = 6", "spend lacks entry 6"),
        (
            "INSERT INTO spend SELECT 999,dims,ts,first,writer,1,1,1,0,0,0,0,0,0,0 FROM spend LIMIT 1",
            "entry 999",
        ),
        ("UPDATE total SET spent = 0 WHERE scope LIKE 'month%'", "total of 'month:2026-07'"),
        ("UPDATE total SET reserved = 0 WHERE scope LIKE 'run%'", "total of 'run:run-1'"),
        ("DELETE FROM total WHERE scope LIKE 'day%'", "total of 'day:2026-07-31'"),
        ("INSERT INTO total VALUES ('project:x', -5, 0)", "total of 'project:x'"),
        ("""UPDATE state SET limits = '{"month": 999000000}'""", "stored limits"),
        ("UPDATE head SET line = x'00'", "stored head is damaged"),
    ],
)
def test_sums_that_do_not_follow_from_the_entries_are_found(filled, statement, problem):
    change(filled, statement)
    found = filled.verify()
    assert problem in found.problem


def test_an_auditor_without_the_key_is_told_that_heads_were_believed(filled):
    found = filled.verify(key=False)
    assert found.intact
    assert "the signing key is not here" in found.notes[0]


async def test_a_clock_that_went_back_is_told(desk):
    async with desk.books() as books:
        await books.served(desk.served())
        desk.clock.now -= 3600
        await books.served(desk.served(2))
    assert "went back 1 times" in desk.verify().notes[0]


async def test_it_can_be_checked_while_it_is_written(desk):
    async with desk.books(head_entries=3) as books:
        await books.served(desk.served())

        async def work(worker):
            for number in range(20):
                ticket = await books.open(desk.intent(number))
                await books.close(ticket, desk.answered())

        everyone = asyncio.gather(*(work(worker) for worker in range(8)))
        found = []
        while not everyone.done():
            found.append(await asyncio.to_thread(desk.verify))
        await everyone
    assert found
    assert [one.problem for one in found if not one.intact] == []


TAMPERING = st.one_of(
    st.tuples(st.just("byte"), st.integers(1, 23), st.integers(0, 400), st.integers(1, 255)),
    st.tuples(st.just("delete"), st.integers(1, 23), st.just(0), st.just(0)),
    st.tuples(st.just("swap"), st.integers(1, 23), st.integers(1, 23), st.just(0)),
    st.tuples(st.just("copy"), st.integers(1, 23), st.integers(24, 40), st.just(0)),
    st.tuples(st.just("hash"), st.integers(1, 23), st.integers(0, 31), st.integers(1, 255)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tampering=TAMPERING, fit=st.booleans())
def test_no_tampering_passes(desk, tampering, fit):
    if not desk.path.exists():
        asyncio.run(fill(desk))
        shutil.copy(desk.path, desk.folder / "copy.db")
    shutil.copy(desk.folder / "copy.db", desk.path)
    before = rows(desk)
    assert len(before) == 23
    what, seq, other, value = tampering
    if what == "byte":
        body = bytearray(before[seq - 1][2])
        body[other % len(body)] ^= value
        digest = sha256(body).digest() if fit else before[seq - 1][1]
        change(desk, ("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", (bytes(body), digest, seq)))
    elif what == "hash":
        digest = bytearray(before[seq - 1][1])
        digest[other] ^= value
        change(desk, ("UPDATE entry SET hash = ? WHERE seq = ?", (bytes(digest), seq)))
    elif what == "delete":
        change(desk, ("DELETE FROM entry WHERE seq = ?", (seq,)))
    elif what == "copy":
        change(desk, ("INSERT INTO entry SELECT ?, hash, body FROM entry WHERE seq = ?", (other, seq)))
    else:
        change(
            desk,
            ("UPDATE entry SET seq = -1 WHERE seq = ?", (seq,)),
            ("UPDATE entry SET seq = ? WHERE seq = ?", (seq, other)),
            ("UPDATE entry SET seq = ? WHERE seq = -1", (other,)),
        )
    same = rows(desk) == before
    assert desk.verify().intact == same
    assert desk.verify(heads=False).intact == same
