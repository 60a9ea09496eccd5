"""The cache of answers as the gateway sees it."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qlf.core.metering import Attribution, Usage
from qlf.llm.cache import Cache, CachedReply, Kept
from qlf.llm.cache_key import CacheKey, key_of
from qlf.llm.config import CacheLimits
from qlf.llm.reply import Reply, StopReason
from qlf.llm.request import Call, Message, ModelRequest, Schema

REPLY = Reply("an answer", StopReason.END, Usage(100, 20, 40, 10, 5), "claude-x", data={"a": [1, 2]})


def key(
    text: str = "hello", *, agent: str = "backend", schema: Schema | None = None, version: str = ""
) -> CacheKey:
    request = ModelRequest((Message("user", text),), 100, schema=schema)
    return key_of(Call(request, "m", Attribution(agent=agent, task="t"), prompt_version=version), "model")


def kept(reply: Reply = REPLY, cost: int = 1_500_000) -> CachedReply:
    return CachedReply.of(reply, model="claude-sonnet-5-5", cost_micros=cost)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    made = Cache(tmp_path / "answers")
    yield made
    made.close()


def test_what_is_kept_is_found_again_whole(cache: Cache, tmp_path: Path):
    assert cache.get(key()) is None
    assert cache.put(key(), kept()) is Kept.KEPT
    other = Cache(tmp_path / "answers")
    for found in (cache.get(key()), other.get(key()), other.get(key())):
        assert found == kept()
        assert found is not None
        assert found.reply() == replace(REPLY, response_id="", request_id="")
    other.close()


def test_no_two_callers_share_the_data_of_an_answer(cache: Cache):
    cache.put(key(), kept())
    first = cache.get(key())
    assert first is not None
    first.reply().data["a"].append(3)
    second = cache.get(key())
    assert second is not None
    assert second.reply().data == {"a": [1, 2]}


@pytest.mark.parametrize("stop", [StopReason.MAX_TOKENS, StopReason.REFUSAL, StopReason.CONTENT_FILTER])
def test_only_whole_answers_are_kept(cache: Cache, stop: StopReason):
    assert cache.put(key(), kept(replace(REPLY, stop=stop))) is Kept.NOT_WHOLE
    assert cache.get(key()) is None


def test_an_answer_without_the_data_its_schema_asks_for_is_not_kept(cache: Cache):
    asked = key(schema=Schema("s", {}))
    assert cache.put(asked, kept(replace(REPLY, data=None))) is Kept.NOT_WHOLE
    assert cache.put(asked, kept()) is Kept.KEPT


def test_an_answer_that_holds_a_credential_is_kept_nowhere(cache: Cache, tmp_path: Path):
    secret = "AKIA" + "ABCDEFGHIJKLMNOP"
    for reply in (replace(REPLY, text=f"use {secret}"), replace(REPLY, data={"key": secret})):
        assert cache.put(key(), kept(reply)) is Kept.SECRET
    assert cache.get(key()) is None
    cache.close()
    for path in (tmp_path / "answers").rglob("*"):
        assert secret.encode() not in path.read_bytes()


def test_the_folder_is_for_this_user_alone(cache: Cache, tmp_path: Path):
    (tmp_path / "answers").mkdir(mode=0o755)
    cache.put(key(), kept())
    assert stat.S_IMODE((tmp_path / "answers").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_used_means_no_disk_and_is_told(tmp_path: Path):
    (tmp_path / "answers").write_text("a file")
    cache = Cache(tmp_path / "answers")
    assert cache.put(key(), kept()) is Kept.FAILED
    assert cache.get(key()) == kept()
    assert "no answers are kept" in cache.notices[0]
    assert len(cache.notices) == 1
    cache.close()
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    linked = Cache(tmp_path / "link")
    assert linked.put(key(), kept()) is Kept.FAILED
    linked.close()


def test_memory_is_bounded(tmp_path: Path):
    cache = Cache(tmp_path / "answers", CacheLimits(memory_bytes=10_000))
    for number in range(50):
        cache.put(key(str(number)), kept(replace(REPLY, text="x" * 500)))
    assert cache._memory_bytes <= 10_000
    assert 0 < len(cache._memory) < 10
    assert cache._memory_bytes == sum(600 + 4 * 500 + 11 for _ in cache._memory)
    assert all(cache.get(key(str(number))) is not None for number in range(50))
    cache.put(key("large"), kept(replace(REPLY, text="x" * 50_000)))
    assert key("large").digest not in cache._memory
    cache.close()


def test_statistics_tell_hits_savings_and_why_it_was_missed(cache: Cache):
    cache.get(key("one"))
    cache.put(key("one"), kept())
    cache.get(key("one"))
    cache.get(key("one"))
    cache.get(key("two"))
    cache.get(key("two", version="2"))
    cache.get(key("one", version="2"))
    cache.get(key("three", agent="spec"))
    cache.get(key("three", agent="spec"), count=False)
    backend, spec = cache.report()
    assert (backend.agent, backend.hits, backend.misses, backend.saved_micros) == ("backend", 2, 4, 3_000_000)
    assert backend.reasons == {"first": 1, "messages": 2, "prompt_version": 1}
    assert backend.hit_rate == pytest.approx(1 / 3)
    assert (spec.hits, spec.misses, dict(spec.reasons)) == (0, 1, {"first": 1})


def test_an_answer_that_was_removed_is_missed_as_not_kept(cache: Cache):
    cache.get(key())
    cache.put(key(), kept())
    assert cache.prune(max_bytes=0) == 1
    cache.get(key())
    assert dict(cache.report()[0].reasons) == {"first": 1, "not-kept": 1}


def test_reasons_are_found_across_processes(tmp_path: Path):
    first = Cache(tmp_path / "answers")
    first.get(key("one"))
    first.close()
    second = Cache(tmp_path / "answers")
    second.get(key("two"))
    assert dict(second.report()[0].reasons) == {"first": 1, "messages": 1}
    second.close()


def test_clearing_forgets_answers_and_statistics(cache: Cache):
    cache.get(key())
    cache.put(key(), kept())
    assert cache.size().answers == 1
    assert cache.clear() == 1
    assert cache.size().answers == 0
    assert cache.get(key(), count=False) is None
    assert cache.report() == ()


def test_pruning_by_age_keeps_what_is_young(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    import time

    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() - 10 * 86_400)
        cache.put(key("old"), kept())
    cache.put(key("new"), kept())
    assert cache.prune(max_age_seconds=20 * 86_400) == 0
    assert cache.prune(max_age_seconds=5 * 86_400) == 1
    assert cache.get(key("old")) is None
    assert cache.get(key("new")) == kept()


def test_looking_at_a_cache_that_was_never_used_makes_no_folder(tmp_path: Path):
    cache = Cache(tmp_path / "answers")
    assert cache.size().answers == 0
    assert cache.report() == ()
    assert cache.prune(max_bytes=0) == cache.clear() == 0
    cache.close()
    assert not (tmp_path / "answers").exists()


async def test_asynchronous_use_finds_the_same(cache: Cache):
    assert await cache.find(key()) is None
    assert await cache.keep(key(), kept()) is Kept.KEPT
    found = await asyncio.gather(*(cache.find(key()) for _ in range(100)))
    assert set(map(repr, found)) == {repr(kept())}
    await cache.aclose()
    again = Cache(cache.folder)
    assert again.report()[0].hits == 100
    again.close()


async def test_a_slow_disk_does_not_hold_up_the_event_loop(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    import time

    await cache.keep(key(), kept())
    store = cache._store
    assert store is not None
    monkeypatch.setattr(store, "put", lambda *_: time.sleep(0.3) or True)
    slow = asyncio.create_task(cache.keep(key("slow"), kept()))
    await asyncio.sleep(0.01)
    begun = time.perf_counter()
    assert await cache.find(key()) is not None
    assert time.perf_counter() - begun < 0.2
    assert not slow.done()
    await slow
