"""Rate limits, on a clock of the test's own, and the headers that tell of them."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.fake.limiter import Limiter
from qlf.llm.fake.rates import spoken_seconds
from qlf.llm.fake.script import Limits


def limiter(*, refund: bool = False, **limits: Any) -> Limiter:
    return Limiter(Limits.model_validate(limits), refund=refund)


def passes(one: Limiter, now: float, tokens: int = 1, output: int = 0) -> bool:
    return one.admit(now, input_tokens=tokens, max_output=output).passed


@pytest.mark.parametrize("method", ["fixed_window", "sliding_window", "token_bucket"])
@pytest.mark.parametrize("window", [1, 10])
def test_no_more_than_the_share_of_a_window_passes_at_once(method: str, window: int) -> None:
    one = limiter(requests_per_minute=600, window_seconds=window, method=method)
    assert sum(passes(one, 0.0) for _ in range(200)) == 10 * window
    refused = one.admit(0.0, input_tokens=1, max_output=0)
    assert 0 < refused.wait_seconds <= window
    assert passes(one, refused.wait_seconds + 1e-6)


def test_a_bucket_fills_little_by_little() -> None:
    one = limiter(requests_per_minute=600, method="token_bucket")
    assert sum(passes(one, 0.0) for _ in range(11)) == 10
    assert [passes(one, 0.25) for _ in range(3)] == [True, True, False]


def test_refused_requests_count_where_the_provider_does_so() -> None:
    one = limiter(requests_per_minute=60, method="sliding_window", count_refused=True)
    assert [passes(one, now) for now in (0.0, 0.9, 1.5, 2.6)] == [True, False, False, True]


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 400)), max_size=60))
def test_tokens_of_a_sliding_minute_never_pass_the_limit(steps: list[tuple[float, int]]) -> None:
    one = limiter(tokens_per_minute=1000, method="sliding_window", token_window_seconds=5)
    now, passed = 0.0, list[tuple[float, int]]()
    for pause, tokens in steps:
        now += pause
        if passes(one, now, tokens):
            passed.append((now, tokens))
        assert sum(size for at, size in passed if at > now - 5) <= 83


def test_unused_tokens_come_back_only_with_a_refund() -> None:
    for refund in (True, False):
        one = limiter(tokens_per_minute=1000, output_burndown=5, refund=refund)
        assert passes(one, 0.0, 100, 150)
        one.settle(0.0, input_tokens=100, max_output=150, output=10)
        assert passes(one, 0.0, 200, 100) is refund


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0ms"), (0.12, "120ms"), (1.5, "1.5s"), (60, "1m0s"), (361.25, "6m1.25s")]
)
def test_durations_as_openai_writes_them(seconds: float, text: str) -> None:
    assert spoken_seconds(seconds) == text


HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
LIMITS = {"requests_per_minute": 120, "tokens_per_minute": 100_000, "window_seconds": 60}


async def test_headers_and_refusals_of_openai(serve: Any, openai_of: Any) -> None:
    fake = await serve(defaults={"limits": {**LIMITS, "requests_per_minute": 2}})
    client = openai_of(fake)
    raw = client.chat.completions.with_raw_response
    headers = (await raw.create(model="gpt-4o", messages=HELLO, max_tokens=97)).headers
    told = {name: headers[f"x-ratelimit-{name}"] for name in ("limit-requests", "remaining-requests")}
    assert told == {"limit-requests": "2", "remaining-requests": "1"}
    assert (headers["x-ratelimit-limit-tokens"], headers["x-ratelimit-remaining-tokens"]) == (
        "100000",
        "99900",
    )
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    await raw.create(model="gpt-4o", messages=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        await raw.create(model="gpt-4o", messages=HELLO)
    assert float(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert "requests per min" in caught.value.message
    assert [(one.outcome, one.billed) for one in fake.log] == [
        ("answered", True),
        ("answered", True),
        ("rate_limited", False),
    ]


async def test_tokens_run_out_by_what_could_be_answered(serve: Any, azure_of: Any) -> None:
    fake = await serve(defaults={"limits": {"tokens_per_minute": 1000, "token_window_seconds": 60}})
    client = azure_of(fake)
    answer = await client.chat.completions.with_raw_response.create(model="m", messages=HELLO, max_tokens=900)
    assert answer.headers["x-ratelimit-remaining-tokens"] == "97"
    assert "x-ratelimit-reset-tokens" not in answer.headers
    with pytest.raises(openai.RateLimitError, match="token rate limit") as caught:
        await client.chat.completions.create(model="m", messages=HELLO, max_tokens=900)
    assert int(caught.value.response.headers["retry-after-ms"]) > 0


async def test_headers_that_say_nothing(serve: Any, openai_of: Any) -> None:
    for kind, wanted in (("unknown", "-1"), ("none", None)):
        client = openai_of(await serve(defaults={"limits": {**LIMITS, "headers": kind}}))
        answer = await client.chat.completions.with_raw_response.create(model="m", messages=HELLO)
        assert answer.headers.get("x-ratelimit-remaining-requests") == wanted


async def test_bedrock_says_nothing_of_its_limits(serve: Any, bedrock_of: Any) -> None:
    fake = await serve(defaults={"limits": {**LIMITS, "requests_per_minute": 1}})
    client = bedrock_of(fake)
    answer = await client.converse()
    assert not [name for name in answer["ResponseMetadata"]["HTTPHeaders"] if "ratelimit" in name]
    with pytest.raises(client.client.exceptions.ThrottlingException) as caught:
        await client.converse()
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in headers if "retry" in name or "ratelimit" in name]
