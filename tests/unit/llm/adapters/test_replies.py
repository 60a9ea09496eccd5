"""Parsers of answers: what they read, and that any JSON at all gives a reply or `Misshapen`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.adapters import bedrock_reply, openai_reply
from qlf.llm.adapters.fields import Misshapen, parse
from qlf.llm.reply import Reply, StopReason

NAMES = [
    *("choices", "message", "content", "refusal", "finish_reason", "usage", "model", "id", "delta", "text"),
    *("prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens", "stop_reason"),
    *("output", "stopReason", "inputTokens", "outputTokens", "cacheReadInputTokens", "toolUse", "input"),
    *("trace", "promptRouter", "invokedModelId"),
]
WORDS = st.sampled_from(["stop", "length", "end_turn", "tool_use", "content_filter", "x", "", "\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**14) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@given(BODIES)
def test_any_openai_answer_is_a_reply_or_misshapen(body):
    try:
        reply = openai_reply.parse_reply(body)
    except Misshapen:
        return
    assert reply is None or isinstance(reply, Reply)


@given(st.lists(BODIES, max_size=4))
def test_any_openai_chunks_are_text_or_misshapen(chunks):
    answer = openai_reply.StreamedReply()
    try:
        texts = [answer.add(chunk) for chunk in chunks]
    except Misshapen:
        return
    assert "".join(texts) == "".join(answer.texts)


@given(BODIES, st.booleans())
def test_any_converse_answer_is_a_reply_or_misshapen(body, tool):
    try:
        reply = bedrock_reply.parse_converse(body, tool=tool)
    except Misshapen:
        return
    assert reply is None or isinstance(reply, Reply)


EVENTS = st.sampled_from(["contentBlockDelta", "messageStop", "metadata", "messageStart", "new", ""])


@given(st.lists(st.tuples(EVENTS, BODIES), max_size=4), st.booleans())
def test_any_converse_events_are_text_or_misshapen(events, tool):
    answer = bedrock_reply.StreamedConverse(tool=tool)
    try:
        for event, body in events:
            assert isinstance(answer.add(event, body), str)
    except Misshapen:
        return
    assert answer.reply() is None or isinstance(answer.reply(), Reply)


@given(st.binary(max_size=50) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_an_object_or_misshapen(data):
    try:
        assert isinstance(parse(data), dict)
    except Misshapen:
        return


def test_a_body_nested_too_deep_is_misshapen():
    with pytest.raises(Misshapen):
        parse(b'{"a":' * 100_000)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", StopReason.END),
        ("length", StopReason.MAX_TOKENS),
        ("content_filter", StopReason.CONTENT_FILTER),
    ],
)
def test_why_an_openai_answer_stopped(formats, reason, stop):
    reply = openai_reply.parse_reply(formats.openai_answer(finish_reason=reason))
    assert reply is not None
    assert reply.stop is stop


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "bored"])
def test_an_unexpected_reason_is_misshapen(formats, reason):
    with pytest.raises(Misshapen):
        openai_reply.parse_reply(formats.openai_answer(finish_reason=reason))


def test_a_refusal_is_one_even_if_it_says_stop(formats):
    reply = openai_reply.parse_reply(formats.openai_answer(None, refusal="I cannot."))
    assert reply is not None
    assert (reply.stop, reply.text) == (StopReason.REFUSAL, "I cannot.")


def test_a_stop_string_that_vllm_names(formats):
    answer = formats.openai_answer()
    answer["choices"][0]["stop_reason"] = "END"
    reply = openai_reply.parse_reply(answer)
    assert reply is not None
    assert reply.stop is StopReason.STOP_SEQUENCE


@pytest.mark.parametrize("count", [-1, 1.5, "7", True, 10**13])
def test_a_count_that_is_none_is_misshapen(formats, count):
    answer = formats.openai_answer(usage={"prompt_tokens": count, "completion_tokens": 1})
    with pytest.raises(Misshapen):
        openai_reply.parse_reply(answer)


def test_more_cached_than_asked_is_misshapen(formats):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}
    with pytest.raises(Misshapen):
        openai_reply.parse_reply(formats.openai_answer(usage=usage))


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.MAX_TOKENS),
        ("guardrail_intervened", StopReason.CONTENT_FILTER),
        ("content_filtered", StopReason.CONTENT_FILTER),
    ],
)
def test_why_a_converse_answer_stopped(formats, reason, stop):
    reply = bedrock_reply.parse_converse(formats.converse_answer(stopReason=reason), tool=False)
    assert reply is not None
    assert reply.stop is stop


def test_every_stop_reason_that_the_sdk_knows_has_a_meaning():
    from botocore.loaders import Loader

    model = Loader().load_service_model("bedrock-runtime", "service-2")
    known = set(model["shapes"]["StopReason"]["enum"])
    assert known <= set(bedrock_reply._STOPS) | bedrock_reply._KNOWN_BAD


def test_converse_input_includes_what_was_cached(formats):
    reply = bedrock_reply.parse_converse(formats.converse_answer(), tool=False)
    assert reply is not None
    assert (reply.usage.input_tokens, reply.usage.cache_read_tokens, reply.usage.cache_write_tokens) == (
        100,
        64,
        6,
    )


def test_the_model_behind_a_prompt_router_is_named(formats):
    trace = {"promptRouter": {"invokedModelId": "arn:aws:bedrock:eu-central-1::model/small"}}
    reply = bedrock_reply.parse_converse(formats.converse_answer(trace=trace), tool=False)
    assert reply is not None
    assert reply.model.endswith("model/small")


def test_a_tool_that_nobody_offered_is_misshapen(formats):
    output = {"message": {"content": [{"toolUse": {"name": "x", "input": {}}}]}}
    with pytest.raises(Misshapen):
        bedrock_reply.parse_converse(formats.converse_answer(output=output), tool=False)


def test_thinking_is_not_part_of_the_answer(formats):
    content = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "a"}, {"text": "b"}]
    reply = bedrock_reply.parse_converse(
        formats.converse_answer(output={"message": {"content": content}}), tool=False
    )
    assert reply is not None
    assert reply.text == "ab"
