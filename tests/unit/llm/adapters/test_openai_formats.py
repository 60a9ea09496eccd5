"""Azure OpenAI and OpenAI-compatible servers: what is asked, and what is theirs alone in answers."""

from __future__ import annotations

import pytest

from qlf.errors import ProviderError
from qlf.llm.adapters.make import make_adapter
from qlf.llm.credential import AwsKeys
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import StopReason, TextDelta
from qlf.llm.request import Message, ModelRequest, Schema

KINDS = ["openai_compatible", "azure_openai"]
REQUEST = ModelRequest(messages=(Message("user", "Hi"),), max_output_tokens=50)
LOOSE = {"type": "object", "properties": {"a": {"type": "integer"}}}
STRICT = {**LOOSE, "required": ["a"], "additionalProperties": False}


@pytest.fixture(params=KINDS)
def openai(request, ask):
    return ask(request.param)


async def body_of(asked, wire, formats, request):
    wire.answers(formats.openai_answer('{"a": 1}'))
    await asked.adapter.complete(asked.deployment, request, 5.0)
    return wire.seen[-1][2]


async def failure_of(asked, stream=False):
    async def last():
        async for item in asked.adapter.stream(asked.deployment, REQUEST, 5.0):
            seen = item
        return seen

    complete = asked.adapter.complete
    with pytest.raises(Failure) as caught:
        await (last() if stream else complete(asked.deployment, REQUEST, 5.0))
    return caught.value


async def test_a_short_request_says_nothing_that_was_not_asked(openai, wire, formats):
    body = await body_of(openai, wire, formats, REQUEST)
    assert body == {"model": "small-1", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}


async def test_a_full_request_says_all(openai, wire, formats):
    request = ModelRequest(
        messages=(Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Go")),
        max_output_tokens=9,
        system="Be brief.",
        temperature=0.0,
        top_p=0.5,
        seed=7,
        stop=("END",),
        schema=Schema("answer", STRICT),
    )
    body = await body_of(openai, wire, formats, request)
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert (body["temperature"], body["top_p"], body["seed"], body["stop"]) == (0.0, 0.5, 7, ["END"])
    form = {"name": "answer", "schema": STRICT, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": form}


async def test_a_schema_that_strict_mode_refuses_is_sent_as_it_is(openai, wire, formats):
    body = await body_of(openai, wire, formats, ModelRequest((), 9, schema=Schema("answer", LOOSE)))
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": LOOSE, "strict": False}


@pytest.mark.parametrize("kind", KINDS)
async def test_reasoning_models_are_asked_in_their_own_words(ask, wire, formats, kind):
    asked = ask(kind, max_completion_tokens=True, sampling=False)
    request = ModelRequest(REQUEST.messages, 50, temperature=0.0, top_p=0.1)
    body = await body_of(asked, wire, formats, request)
    assert body["max_completion_tokens"] == 50
    assert {"max_tokens", "temperature", "top_p"}.isdisjoint(body)


async def test_a_stream_asks_for_its_usage(openai, wire, formats):
    wire.streams(formats.begun("x", "a") + formats.ended("x"))
    async for _ in openai.adapter.stream(openai.deployment, REQUEST, 5.0):
        continue
    assert wire.seen[-1][2]["stream_options"] == {"include_usage": True}


async def test_a_key_is_sent_where_it_belongs(ask, wire, formats):
    wire.answers(formats.openai_answer())
    for kind in KINDS:
        asked = ask(kind)
        await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    (path, compatible, _), (azure_path, azure, _) = wire.seen
    assert (path, compatible["Authorization"]) == ("/v1/chat/completions", "Bearer sk-canary-4711")
    assert azure_path == "/openai/deployments/small-1/chat/completions?api-version=2024-10-21"
    assert azure["api-key"] == "azure-canary-4711"
    assert "Authorization" not in azure
    assert compatible["Content-Type"] == azure["Content-Type"] == "application/json"


async def test_without_a_key_none_is_sent_whatever_the_environment_holds(ask, wire, formats, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "env-canary")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    wire.answers(formats.openai_answer())
    asked = ask("openai_compatible", key=None)
    await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    headers = wire.seen[-1][1]
    assert "Authorization" not in headers
    assert "env-canary" not in str(headers)


async def test_the_name_of_an_azure_deployment_cannot_leave_its_place(ask, wire, formats):
    asked = ask("azure_openai")
    odd = Deployment("dep", asked.deployment.provider, "small", "../../x?y=1#")
    wire.answers(formats.openai_answer())
    await asked.adapter.complete(odd, REQUEST, 5.0)
    assert wire.seen[-1][0].startswith("/openai/deployments/..%2F..%2Fx%3Fy%3D1%23/chat/completions?api-")


async def test_an_azure_stream_begins_without_choices(openai, wire, formats):
    first = formats.openai_chunk(None, prompt_filter_results=[{"prompt_index": 0}]).replace(b"small-1", b"")
    wire.streams([first, *formats.begun("x", "Hi"), *formats.ended("x")])
    *pieces, reply = [item async for item in openai.adapter.stream(openai.deployment, REQUEST, 5.0)]
    assert pieces == [TextDelta("Hi")]
    assert (reply.model, reply.text, reply.response_id) == ("small-1", "Hi", "chatcmpl-1")


async def test_a_streamed_refusal_is_one(openai, wire, formats):
    parts = [formats.openai_chunk({"refusal": "I "}), formats.openai_chunk({"refusal": "cannot"})]
    wire.streams(parts + formats.ended("x"))
    *_, reply = [item async for item in openai.adapter.stream(openai.deployment, REQUEST, 5.0)]
    assert (reply.stop, reply.text) == (StopReason.REFUSAL, "I cannot")


async def test_a_stream_that_says_done_without_usage_is_whole_but_not_counted(openai, wire, formats):
    done = [formats.openai_chunk({}, "stop"), b": bye\n\n", b"data: [DONE]\n\n"]
    wire.streams(formats.begun("x", "Hi") + done)
    *_, reply = [item async for item in openai.adapter.stream(openai.deployment, REQUEST, 5.0)]
    assert (reply.text, reply.usage_reported) == ("Hi", False)


async def test_comments_are_no_sign_of_life(openai, wire):
    wire.streams([b": wait\n\n"] * 20, pause=0.1)
    with pytest.raises(Failure) as caught:
        await anext(openai.adapter.stream(openai.deployment, REQUEST, 0.4))
    assert caught.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "x", "type": "server_error", "code": None}, FailureKind.UNAVAILABLE),
        ({"message": "x", "code": "rate_limit_exceeded"}, FailureKind.THROTTLED),
        ({"message": "x", "code": 429}, FailureKind.THROTTLED),
        ({"message": "x", "code": "content_filter"}, FailureKind.FILTERED),
        ({"message": "x", "code": 500}, FailureKind.UNAVAILABLE),
        ("overloaded", FailureKind.UNAVAILABLE),
    ],
)
async def test_an_error_inside_a_stream_may_have_been_charged(openai, wire, formats, error, kind):
    import json

    frame = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    wire.streams([*formats.begun("x", "Hi"), frame])
    failure = await failure_of(openai, stream=True)
    assert (failure.kind, failure.sent) == (kind, True)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, "filtered"),
        (400, {"code": "context_length_exceeded"}, "too_long"),
        (400, {"code": 400, "type": "exceed_context_size_error"}, "too_long"),
        (400, {"type": "BadRequestError", "message": "the model's maximum context length is 8"}, "too_long"),
        (404, {"code": "DeploymentNotFound"}, "not_found"),
        (404, {"code": "model_not_found"}, "not_found"),
        (400, {"code": "model_not_found"}, "not_found"),
        (400, {"code": "unsupported_parameter", "param": "max_tokens"}, "bad_request"),
        (422, {"message": "no"}, "bad_request"),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "auth"),
        (429, {"type": "tokens", "code": "rate_limit_exceeded"}, "throttled"),
        (500, {"message": "context length", "code": "content_filter"}, "unavailable"),
        (409, {}, "unavailable"),
        (425, {}, "unavailable"),
    ],
)
async def test_codes_tell_more_than_the_status(openai, wire, status, error, kind):
    wire.answers({"error": error}, status)
    failure = await failure_of(openai)
    assert failure.kind == kind
    assert failure.sent is False


async def test_a_wait_in_milliseconds_and_limits_come_with_a_429(openai, wire):
    headers = {"retry-after-ms": "250", "x-ratelimit-limit-tokens": "1000"}
    wire.answers({"error": {}}, 429, headers)
    failure = await failure_of(openai)
    assert (failure.retry_after_seconds, failure.rates.tokens_limit) == (0.25, 1000)


async def test_an_error_with_status_200_is_one(openai, wire):
    wire.answers({"error": {"message": "no", "code": "model_not_found"}})
    assert (await failure_of(openai)).kind is FailureKind.NOT_FOUND


async def test_a_schema_that_is_none_is_refused_before_it_is_sent(openai, wire):
    request = ModelRequest((), 9, schema=Schema("answer", {"type": "wish"}))
    with pytest.raises(Failure) as caught:
        await openai.adapter.complete(openai.deployment, request, 5.0)
    assert (caught.value.kind, caught.value.sent) == (FailureKind.BAD_REQUEST, False)
    assert not wire.seen


@pytest.mark.parametrize(
    "endpoint",
    [
        *(None, "", "host/v1", "ftp://host/v1", "file:///etc/passwd", "http://", "http://h/v1?x=1"),
        *(
            "http://user:pass-canary@host/v1",
            "http://h:99999/",
            "http://h/a b",
            "http://h/\n",
            "https://[::1",
        ),
        "http://h:0/",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_that_is_no_address_is_refused(kind, endpoint):
    with pytest.raises(ProviderError) as caught:
        make_adapter(Provider("mine", kind, endpoint=endpoint))
    assert "'mine'" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_credential_of_another_kind_is_refused():
    keys = AwsKeys("AKIA", "secret")
    for kind in KINDS:
        with pytest.raises(ProviderError, match="API key"):
            make_adapter(Provider("mine", kind, endpoint="http://h/v1"), keys)
    with pytest.raises(ProviderError, match="API key"):
        make_adapter(Provider("mine", "azure_openai", endpoint="https://h"))
