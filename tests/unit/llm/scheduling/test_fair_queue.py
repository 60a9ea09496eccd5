"""The queue itself: order, lanes, leaving, and what it remembers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.llm.fair_queue import FairQueue


def drain(queue, cost=1.0):
    items = []
    while (entry := queue.head()) is not None:
        queue.pop(entry, cost)
        items.append(entry.item)
    return items


def test_it_is_empty_at_first():
    queue = FairQueue()
    assert len(queue) == 0
    assert queue.head() is None
    assert queue.waiting_in("lane") == 0


def test_lanes_to_skip_are_skipped():
    queue = FairQueue()
    queue.push(1, lane="a", priority="interactive", tenant="x")
    queue.push(2, lane="b", priority="background", tenant="x")
    assert queue.head({"a"}).item == 2
    assert queue.head({"a", "b"}) is None
    assert drain(queue) == [1, 2]


def test_tenants_take_turns_over_all_lanes():
    queue = FairQueue()
    for number in range(6):
        queue.push(f"x{number}", lane=f"l{number % 3}", priority="normal", tenant="x")
    for number in range(2):
        queue.push(f"y{number}", lane="l0", priority="normal", tenant="y")
    assert [item[0] for item in drain(queue)] == ["x", "y", "x", "y", "x", "x", "x", "x"]


def test_leaving_from_the_middle_keeps_the_order_of_the_rest():
    queue = FairQueue()
    entries = [queue.push(n, lane="a", priority="normal", tenant="x") for n in range(5)]
    queue.discard(entries[2])
    queue.discard(entries[0])
    queue.discard(entries[0])
    assert len(queue) == queue.waiting_in("a") == 3
    assert [entry.item for entry in queue] == [1, 3, 4]
    assert drain(queue) == [1, 3, 4]


def test_a_tenant_that_comes_back_starts_at_the_present():
    queue = FairQueue()
    for number in range(10):
        queue.push(("x", number), lane="a", priority="normal", tenant="x")
    for _ in range(8):
        queue.pop(queue.head(), 1.0)
    for number in range(4):
        queue.push(("y", number), lane="a", priority="normal", tenant="y")
    assert [item[0] for item in drain(queue)][:4] == ["x", "y", "x", "y"]


def test_an_endless_row_of_newcomers_does_not_shut_out_one_that_waits():
    queue = FairQueue()
    for _ in range(5):
        queue.push("old", lane="a", priority="normal", tenant="old")
    served = []
    for number in range(40):
        queue.push("new", lane="a", priority="normal", tenant=f"t{number}")
        entry = queue.head()
        queue.pop(entry, 1.0)
        served.append(entry.item)
    assert served.count("old") == 5


def test_it_forgets_tenants_that_are_gone_while_others_wait():
    queue = FairQueue()
    queue.push("first", lane="a", priority="background", tenant="x")
    for number in range(5000):
        queue.push(number, lane="a", priority="normal", tenant=f"t{number}")
        queue.push(number, lane="a", priority="normal", tenant=f"u{number % 7}")
        for _ in range(2):
            queue.pop(queue.head(), 1.0)
    assert sum(len(times.of) for times in queue._tenants) < 300
    assert len(queue._lanes["a"].heaps[1]) < 300


def test_it_forgets_tenants_that_are_gone():
    queue = FairQueue()
    for number in range(5000):
        queue.push(number, lane="a", priority="normal", tenant=f"t{number}")
        queue.pop(queue.head(), 1.0)
    assert sum(len(times.of) for times in queue._tenants) < 200
    assert not queue._lanes


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "push", "pop", "discard", "skip"]),
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["interactive", "normal", "background"]),
            st.sampled_from(["x", "y", "z"]),
            st.integers(0, 30),
        ),
        max_size=120,
    )
)
def test_whatever_goes_in_comes_out_once_and_in_the_order_of_its_tenant(operations):
    queue = FairQueue()
    inside, out = [], []
    for number, (what, lane, priority, tenant, pick) in enumerate(operations):
        if what == "push":
            inside.append(queue.push(number, lane=lane, priority=priority, tenant=tenant))
        elif what == "discard" and inside:
            queue.discard(inside.pop(pick % len(inside)))
        elif what in ("pop", "skip"):
            entry = queue.head({lane} if what == "skip" else ())
            if entry is None:
                assert all(other.lane == lane for other in inside) if what == "skip" else not inside
                continue
            assert what == "pop" or entry.lane != lane
            line = [e for e in inside if (e.lane, e.rank, e.tenant) == (entry.lane, entry.rank, entry.tenant)]
            assert line[0] is entry, "overtaken by a later call of the same tenant"
            queue.pop(entry, 1.0 + pick)
            inside.remove(entry)
            out.append(entry.item)
        assert len(queue) == len(inside)
        assert Counter(id(entry) for entry in queue) == Counter(id(entry) for entry in inside)
    out += drain(queue)
    assert len(out) == len(set(out))
    assert not queue._lanes
    assert queue._per_rank == [0, 0, 0]
