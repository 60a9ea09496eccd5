"""Bedrock: what is asked is what boto3 asks, and what is its own in answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging

import boto3
import pytest
from botocore.config import Config

from qlf.errors import ProviderError
from qlf.llm.adapters.bedrock_errors import error_class, meaning
from qlf.llm.adapters.bedrock_signer import Signer
from qlf.llm.adapters.make import make_adapter
from qlf.llm.credential import ApiKey, AwsKeys
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.reply import StopReason, TextDelta
from qlf.llm.request import Message, ModelRequest, Schema

ARN = "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.small-1:0"
REQUEST = ModelRequest(messages=(Message("user", "Hi é"),), max_output_tokens=50)
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ENV = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    for name in ENV:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def asked(ask):
    return ask("bedrock")


async def body_of(asked, wire, formats, request):
    wire.answers(formats.converse_answer('{"name": "Ada"}'))
    await asked.adapter.complete(asked.deployment, request, 5.0)
    return wire.seen[-1][2]


async def failure_of(asked, deployment=None):
    with pytest.raises(Failure) as caught:
        await asked.adapter.complete(deployment or asked.deployment, REQUEST, 5.0)
    return caught.value


@pytest.mark.parametrize("remote", ["small-1", "eu.maker.small-1-v1:0", ARN])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_request_is_the_one_that_boto3_sends(asked, wire, formats, monkeypatch, remote, stream):
    moment = dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))
    deployment = Deployment("dep", asked.deployment.provider, "small", remote)
    if stream:
        wire.streams([*formats.begun("bedrock", "x"), *formats.ended("bedrock")], formats.mime("bedrock"))
        async for _ in asked.adapter.stream(deployment, REQUEST, 5.0):
            continue
    else:
        wire.answers(formats.converse_answer())
        await asked.adapter.complete(deployment, REQUEST, 5.0)
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=wire.url,
        aws_access_key_id="AKIACANARY4711",
        aws_secret_access_key="secret-canary-4711",
        aws_session_token="token-canary-4711",
        config=Config(retries={"total_max_attempts": 1}),
    )
    operation = client.converse_stream if stream else client.converse
    arguments = {
        "modelId": remote,
        "messages": [{"role": "user", "content": [{"text": "Hi é"}]}],
        "inferenceConfig": {"maxTokens": 50},
    }
    answer = await asyncio.to_thread(operation, **arguments)
    if stream:
        answer["stream"].close()
    client.close()
    (path, ours, body), (their_path, theirs, their_body) = wire.seen
    assert (path, body) == (their_path, their_body)
    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "Content-Type", "Host"):
        assert ours[name] == theirs[name]


async def test_a_full_request_says_all(ask, wire, formats):
    asked = ask("bedrock", cache_points=True)
    request = ModelRequest(
        messages=(Message("user", "stable"), Message("assistant", "yes"), Message("user", "Go")),
        max_output_tokens=9,
        system="Be brief.",
        stable_messages=2,
        temperature=0.0,
        top_p=0.5,
        stop=("END",),
        schema=Schema("person", PERSON),
    )
    body = await body_of(asked, wire, formats, request)
    point = {"cachePoint": {"type": "default"}}
    assert body["system"] == [{"text": "Be brief."}, point]
    contents = [message["content"] for message in body["messages"]]
    assert contents == [[{"text": "stable"}], [{"text": "yes"}, point], [{"text": "Go"}]]
    assert body["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 0.0,
        "topP": 0.5,
        "stopSequences": ["END"],
    }
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "person"}}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": PERSON}


async def test_a_model_that_takes_schemas_gets_its_own(ask, wire, formats):
    asked = ask("bedrock", native_schema=True)
    body = await body_of(asked, wire, formats, ModelRequest((), 9, schema=Schema("person", PERSON)))
    definition = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert definition["name"] == "person"
    assert "toolConfig" not in body


async def test_a_streamed_tool_input_is_the_answer(asked, wire, formats):
    deltas = ['{"na', 'me": "Ada"}']
    frames = [
        *formats.text_frames("Let me see. "),
        formats.frame("contentBlockStart", {"start": {"toolUse": {"name": "person", "toolUseId": "t"}}}),
        *(formats.frame("contentBlockDelta", {"delta": {"toolUse": {"input": d}}}) for d in deltas),
        formats.frame("messageStop", {"stopReason": "tool_use"}),
        formats.ended("bedrock")[-1],
    ]
    wire.streams(frames, formats.mime("bedrock"))
    request = ModelRequest(REQUEST.messages, 50, schema=Schema("person", PERSON))
    *pieces, reply = [item async for item in asked.adapter.stream(asked.deployment, request, 5.0)]
    assert pieces == [TextDelta(delta) for delta in deltas]
    assert (reply.data, reply.stop) == ({"name": "Ada"}, StopReason.END)


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("ThrottlingException", 429, FailureKind.THROTTLED),
        ("ModelNotReadyException", 429, FailureKind.UNAVAILABLE),
        ("ModelTimeoutException", 408, FailureKind.TIMEOUT),
        ("ModelErrorException", 424, FailureKind.UNAVAILABLE),
        ("InternalServerException", 500, FailureKind.UNAVAILABLE),
        ("ServiceUnavailableException", 503, FailureKind.UNAVAILABLE),
        ("AccessDeniedException", 403, FailureKind.AUTH),
        ("UnrecognizedClientException", 403, FailureKind.AUTH),
        ("ExpiredTokenException", 403, FailureKind.AUTH),
        ("InvalidSignatureException", 403, FailureKind.AUTH),
        ("ResourceNotFoundException", 404, FailureKind.NOT_FOUND),
        ("ValidationException", 400, FailureKind.BAD_REQUEST),
    ],
)
@pytest.mark.parametrize("where", ["header", "type", "namespace"])
async def test_classes_of_errors_say_what_may_be_done(asked, wire, name, status, kind, where):
    headers = {"x-amzn-requestid": "req-3"}
    body = {"message": "no"}
    if where == "header":
        headers["x-amzn-errortype"] = f"{name}:http://internal.amazon.com/coral/com.amazon/"
    else:
        body["__type"] = f"com.amazon#{name}" if where == "namespace" else name
    wire.answers(body, status, headers)
    failure = await failure_of(asked)
    assert (failure.kind, failure.status, failure.sent) == (kind, status, False)
    assert failure.request_id == "req-3"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Input is too long for requested model.", FailureKind.TOO_LONG),
        ("input length and `max_tokens` exceed context limit: 9", FailureKind.TOO_LONG),
        ("The provided model identifier is invalid.", FailureKind.NOT_FOUND),
        ("Invocation with on-demand throughput isn't supported.", FailureKind.NOT_FOUND),
        ("Output blocked by content filtering policy", FailureKind.FILTERED),
        ("max_tokens: must be greater than 0", FailureKind.BAD_REQUEST),
    ],
)
def test_a_validation_error_is_told_apart_by_its_words(message, kind):
    assert meaning("validation", 400, message).kind is kind


def test_every_error_of_the_service_has_a_meaning():
    from botocore.loaders import Loader

    model = Loader().load_service_model("bedrock-runtime", "service-2")
    for operation in ("Converse", "ConverseStream"):
        for error in model["operations"][operation]["errors"]:
            shape = model["shapes"][error["shape"]]
            found = meaning(error_class(error["shape"], {}), None, "")
            assert found.kind is not FailureKind.UNAVAILABLE or shape["error"]["httpStatusCode"] in {
                424,
                429,
                500,
                503,
            }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", FailureKind.THROTTLED),
        ("modelStreamErrorException", FailureKind.UNAVAILABLE),
        ("internalServerException", FailureKind.UNAVAILABLE),
        ("validationException", FailureKind.BAD_REQUEST),
        ("newException", FailureKind.UNAVAILABLE),
    ],
)
async def test_an_exception_inside_a_stream_may_have_been_charged(asked, wire, formats, name, kind):
    frames = [*formats.begun("bedrock", "Hi"), formats.frame(name, {"message": "canary"}, "exception")]
    wire.streams(frames, formats.mime("bedrock"), headers={"x-amzn-requestid": "req-4"})
    stream = asked.adapter.stream(asked.deployment, REQUEST, 5.0)
    assert await anext(stream) == TextDelta("Hi")
    with pytest.raises(Failure) as caught:
        await anext(stream)
    failure = caught.value
    assert (failure.kind, failure.sent, failure.request_id) == (kind, True, "req-4")
    assert "canary" not in str(failure)


@pytest.mark.parametrize("damage", [b"\x00" * 40, b"HTTP/1.1 500"])
async def test_damaged_frames_are_malformed(asked, wire, formats, damage):
    wire.streams([*formats.begun("bedrock", "Hi"), damage], formats.mime("bedrock"))
    stream = asked.adapter.stream(asked.deployment, REQUEST, 5.0)
    assert await anext(stream) == TextDelta("Hi")
    with pytest.raises(Failure) as caught:
        await anext(stream)
    assert caught.value.kind is FailureKind.MALFORMED


async def test_without_any_credential_the_failure_says_so(ask, wire):
    failure = await failure_of(ask("bedrock", key=None))
    assert (failure.kind, failure.sent) == (FailureKind.AUTH, False)
    assert "credential" in failure.message
    assert not wire.seen


async def test_without_a_named_key_the_chain_of_the_sdk_is_used(ask, wire, formats, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")
    asked = ask("bedrock", key=None)
    wire.answers(formats.converse_answer())
    await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert "Credential=AKIAENV/" in wire.seen[-1][1]["Authorization"]


async def test_a_named_key_wins_over_a_bearer_token_of_the_environment(ask, wire, formats, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer-canary")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    asked = ask("bedrock")
    wire.answers(formats.converse_answer())
    await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert "Credential=AKIACANARY4711/" in wire.seen[-1][1]["Authorization"]


@pytest.mark.parametrize("region", [None, "", "not a region!"])
def test_a_region_that_is_none_is_refused(region):
    with pytest.raises(ProviderError, match="region"):
        make_adapter(Provider("mine", "bedrock", region=region), AwsKeys("AKIA", "secret"))


def test_an_api_key_of_bedrock_is_sent_as_bearer(monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "env-canary")
    signer = Signer(Provider("mine", "bedrock", region="eu-central-1"), ApiKey("bedrock-key"))
    signed = signer.sign({"modelId": "small-1", "messages": []}, stream=False)
    signer.close()
    assert signed.url == "https://bedrock-runtime.eu-central-1.amazonaws.com/model/small-1/converse"
    assert dict(signed.headers)["Authorization"] == "Bearer bedrock-key"


def test_an_api_key_of_bedrock_is_not_sent_without_tls():
    with pytest.raises(ProviderError, match="without TLS"):
        make_adapter(Provider("mine", "bedrock", endpoint="http://h", region="eu-central-1"), ApiKey("sk"))


async def test_the_sdk_writes_no_prompt_into_a_debug_log(ask, wire, formats, caplog):
    logging.getLogger("botocore").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        asked = ask("bedrock")
        wire.answers(formats.converse_answer())
        await asked.adapter.complete(asked.deployment, REQUEST, 5.0)
    assert "token-canary" not in caplog.text
    assert "Hi é" not in caplog.text
