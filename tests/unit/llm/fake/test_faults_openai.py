"""Every fault, as the OpenAI and Azure SDKs meet it."""

from __future__ import annotations

import email.utils
import json
import time
from typing import Any

import httpx2
import openai
import pytest

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]


async def ask(client: Any, **more: Any) -> Any:
    return await client.chat.completions.create(model="gpt-4o", messages=HELLO, **more)


async def read(client: Any, **more: Any) -> list[Any]:
    return [one async for one in await ask(client, stream=True, **more)]


@pytest.mark.parametrize("how", ["seconds", "milliseconds", "date", "none"])
async def test_throttling_with_and_without_a_time_to_wait(serve: Any, openai_of: Any, how: str) -> None:
    fake = await serve(faults=[{"kind": "throttled", "retry_after": how, "seconds": 1.5}])
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(openai_of(fake))
    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    if how == "date":
        moment = email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp()
        assert 0 < moment - time.time() < 3
    else:
        told = {name: headers[name] for name in ("retry-after", "retry-after-ms") if name in headers}
        wanted: dict[str, dict[str, str]] = {
            "seconds": {"retry-after": "2"},
            "milliseconds": {"retry-after": "2", "retry-after-ms": "1500"},
            "none": {},
        }
        assert told == wanted[how]
    assert (fake.log[0].outcome, fake.log[0].billed) == ("throttled", False)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
async def test_error_statuses(serve: Any, openai_of: Any, azure_of: Any, status: int) -> None:
    fake = await serve(faults=[{"kind": "error", "status": status}])
    for client in (openai_of(fake), azure_of(fake)):
        with pytest.raises(openai.InternalServerError) as caught:
            await ask(client)
        assert caught.value.status_code == status
    assert not any(one.billed for one in fake.log)


async def test_an_exhausted_account(serve: Any, openai_of: Any) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(openai_of(await serve(faults=[{"kind": "quota"}])))
    assert caught.value.code == "insufficient_quota"


async def test_an_expired_key_and_a_request_that_is_too_long(serve: Any, azure_of: Any) -> None:
    client = azure_of(await serve(faults=[{"kind": "expired_key", "times": 1}, {"kind": "too_long"}]))
    with pytest.raises(openai.AuthenticationError):
        await ask(client)
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client)
    assert caught.value.code == "context_length_exceeded"


async def test_the_context_of_a_model(serve: Any, openai_of: Any) -> None:
    fake = await serve(defaults={"context_tokens": 50})
    await ask(openai_of(fake), max_tokens=40)
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(openai_of(fake), max_tokens=48)
    assert caught.value.code == "context_length_exceeded"


async def test_azure_filters_the_prompt(serve: Any, azure_of: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(azure_of(await serve(faults=[{"kind": "content_filter"}])))
    body: Any = caught.value.body
    assert body["code"] == "content_filter"
    assert body["innererror"]["code"] == "ResponsibleAIPolicyViolation"


async def test_the_answer_is_filtered(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "content_filter", "at": "answer"}])
    assert (await ask(openai_of(fake))).choices[0].finish_reason == "content_filter"
    assert (await read(openai_of(fake)))[-1].choices[0].finish_reason == "content_filter"
    assert all(one.billed for one in fake.log)


async def test_a_refusal(serve: Any, openai_of: Any) -> None:
    client = openai_of(await serve(faults=[{"kind": "refusal", "text": "No, sorry."}]))
    message = (await ask(client)).choices[0].message
    assert (message.content, message.refusal) == (None, "No, sorry.")
    chunks = await read(client)
    assert "".join(one.choices[0].delta.refusal or "" for one in chunks) == "No, sorry."


async def test_wrong_model_truncation_empty_choices_and_missing_usage(serve: Any, openai_of: Any) -> None:
    kinds = ("wrong_model", "truncated", "empty_choices", "no_usage")
    faults = [{"kind": kind, "requests": [place + 1]} for place, kind in enumerate(kinds)]
    fake = await serve(faults=faults)
    client = openai_of(fake)
    assert (await ask(client)).model == "gpt-3.5-turbo-0125"
    assert (await ask(client)).choices[0].finish_reason == "length"
    assert (await ask(client)).choices == []
    assert (await ask(client)).usage is None
    assert [one.outcome for one in fake.log] == list(kinds)
    assert all(one.billed for one in fake.log)


async def test_an_answer_off_the_schema(serve: Any, openai_of: Any) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = await ask(openai_of(await serve(faults=[{"kind": "off_schema"}])), response_format=wanted)
    assert json.loads(answer.choices[0].message.content) == {"unexpected": [1, 2, 3]}


@pytest.mark.parametrize("stream", [False, True])
async def test_malformed_json(serve: Any, openai_of: Any, stream: bool) -> None:
    client = openai_of(await serve(faults=[{"kind": "malformed_json"}]))
    with pytest.raises(json.JSONDecodeError):
        await (read(client) if stream else ask(client))


async def test_a_malformed_line_in_a_stream(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "malformed_sse"}])
    with pytest.raises(UnicodeDecodeError):
        await read(openai_of(fake))
    assert fake.log[0].billed


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_connection(serve: Any, openai_of: Any, how: str, stream: bool) -> None:
    fake = await serve(faults=[{"kind": "cut", "how": how}])
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        await (read(openai_of(fake)) if stream else ask(openai_of(fake)))
    assert (fake.log[0].outcome, fake.log[0].billed) == ("cut", True)


@pytest.mark.parametrize("where", [{"after_chunks": 2}, {"before_end": True}])
async def test_a_stream_that_just_ends_raises_nothing(serve: Any, openai_of: Any, where: Any) -> None:
    fake = await serve(faults=[{"kind": "cut", "how": "end", **where}])
    chunks = await read(openai_of(fake), stream_options={"include_usage": True})
    assert all(one.choices and one.choices[0].finish_reason is None for one in chunks)
    assert len(chunks) == (3 if "after_chunks" in where else 11)


async def test_an_error_inside_a_stream(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "exception", "name": "throttlingException"}])
    with pytest.raises(openai.APIError) as caught:
        await read(openai_of(fake))
    assert caught.value.code == "rate_limit_exceeded"


async def test_the_page_of_a_proxy(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "html", "requests": [1]}, {"kind": "html", "status": 502}])
    client = openai_of(fake)
    assert "<html>" in await ask(client)
    with pytest.raises(openai.InternalServerError):
        await ask(client)
    assert not any(one.billed for one in fake.log)


async def test_a_dropped_connection_is_not_billed(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "drop"}])
    with pytest.raises(openai.APIConnectionError):
        await ask(openai_of(fake))
    assert not fake.log[0].billed


async def test_nobody_listens_for_a_while(serve: Any, openai_of: Any) -> None:
    fake = await serve()
    client = openai_of(fake)
    await ask(client)
    await fake.refuse()
    with pytest.raises(openai.APIConnectionError):
        await ask(client)
    await fake.accept()
    await ask(client)
    assert len(fake.log) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_hanging_and_slow_answers(serve: Any, openai_of: Any, stream: bool) -> None:
    fake = await serve(
        faults=[{"kind": "hang", "requests": [1]}, {"kind": "slow", "seconds": 0.15, "requests": [2]}]
    )
    client = openai_of(fake, timeout=0.1)
    with pytest.raises(openai.APITimeoutError):
        await ask(client, stream=stream)
    start = time.monotonic()
    patient = openai_of(fake)
    await (read(patient) if stream else ask(patient))
    assert time.monotonic() - start >= 0.15
    assert [one.billed for one in fake.log] == [True, True]
