"""Adapters are made once, renewed when their key changed, and never taken from a call in flight."""

from __future__ import annotations

import asyncio
import threading

import pytest

from qlf.errors import KeyStoreError
from qlf.llm.credential import ApiKey
from qlf.llm.deployment import Provider
from qlf.llm.pool import REFRESH_SECONDS, AdapterPool

HERE = Provider("here", "openai_compatible", "http://127.0.0.1:1/v1")
THERE = Provider("there", "openai_compatible", "http://127.0.0.1:2/v1")


class Store:
    """A key store that counts how often it is asked, and adapters by their key."""

    def __init__(self, rig, scripted) -> None:
        self.key: ApiKey | Exception | None = ApiKey("v" * 20, "k@1")
        self.asked = 0
        self.made: list[tuple[str, object]] = []
        self.clock = rig().clock
        self._scripted = scripted
        self.loop_thread = threading.get_ident()
        self.pool = AdapterPool(self.find, self.make, self.clock)

    def find(self, provider):
        assert threading.get_ident() != self.loop_thread, "the event loop must not wait for a key store"
        self.asked += 1
        if isinstance(self.key, Exception):
            raise self.key
        return self.key

    def make(self, provider, credential):
        adapter = self._scripted()
        self.made.append((provider.name, adapter))
        return adapter


@pytest.fixture
def store(rig, scripted):
    return Store(rig, scripted)


async def test_many_calls_at_once_make_one_adapter(store):
    opened = await asyncio.gather(*(store.pool.get(HERE) for _ in range(50)))
    assert (len({id(one.adapter) for one in opened}), store.asked, len(store.made)) == (1, 1, 1)
    assert opened[0].key_id == "k@1"


async def test_each_provider_has_its_own(store):
    here, there = await store.pool.get(HERE), await store.pool.get(THERE)
    assert here.adapter is not there.adapter
    assert [name for name, _ in store.made] == ["here", "there"]


async def test_a_rotation_reaches_new_calls_and_leaves_those_in_flight_alone(store):
    before = await store.pool.get(HERE)
    store.key = ApiKey("w" * 20, "k@2")
    assert (await store.pool.get(HERE)).adapter is before.adapter, "not looked up for every call"
    store.clock.time += REFRESH_SECONDS
    after = await store.pool.get(HERE)
    assert (after.key_id, after.adapter is before.adapter) == ("k@2", False)
    assert not before.adapter.closed, "somebody may still be using it"
    await store.pool.aclose()
    assert before.adapter.closed
    assert after.adapter.closed


async def test_an_unchanged_key_keeps_its_adapter(store):
    before = await store.pool.get(HERE)
    store.clock.time += REFRESH_SECONDS
    after = await store.pool.get(HERE)
    assert (after.adapter is before.adapter, store.asked, len(store.made)) == (True, 2, 1)


async def test_a_refused_key_is_looked_up_at_once(store):
    await store.pool.get(HERE)
    store.pool.refused(HERE)
    store.pool.refused(THERE)
    await store.pool.get(HERE)
    assert store.asked == 2


async def test_a_missing_key_is_asked_for_again_by_the_next_call(store):
    store.key = KeyStoreError("there is no such key")
    for _ in range(2):
        with pytest.raises(KeyStoreError):
            await store.pool.get(HERE)
    store.key = None
    assert (await store.pool.get(HERE)).key_id == ""
    assert store.asked == 3


async def test_a_call_that_gives_up_while_a_key_is_looked_up_does_not_hold_up_others(store):
    hold = threading.Event()
    find, store.pool._credentials = store.find, lambda provider: hold.wait(10) and store.find(provider)
    task = asyncio.create_task(store.pool.get(HERE))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.pool._credentials = find
    assert (await store.pool.get(HERE)).key_id == "k@1"
    hold.set()


async def test_one_adapter_that_cannot_be_closed_does_not_keep_others_open(store):
    first, second = await store.pool.get(HERE), await store.pool.get(THERE)

    async def fail():
        raise OSError("no")

    first.adapter.aclose = fail
    with pytest.raises(OSError, match="no"):
        await store.pool.aclose()
    assert second.adapter.closed
