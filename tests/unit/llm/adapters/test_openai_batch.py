"""Foreign bytes in files and answers of the batch API."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.llm.adapters.openai_batch import OpenAIBatches, _batch, _result
from qlf.llm.deployment import BatchOffer, Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.request import Message, ModelRequest

DEPLOYMENT = Deployment(
    "d", Provider("p", "openai_compatible"), "m", "remote", batch=BatchOffer("many", price=1)
)
GOOD = {
    "custom_id": "x-1",
    "response": {
        "status_code": 200,
        "request_id": "req_1",
        "body": {
            "id": "c1",
            "model": "m",
            "choices": [{"finish_reason": "stop", "message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        },
    },
    "error": None,
}
FILTERED = {"response": {"status_code": 400, "body": {"error": {"code": "content_filter"}}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*GOOD, *GOOD["response"], "code", "id", "status"]), inner)
    ),
    max_leaves=8,
)


def test_a_line_is_a_request_under_the_name_of_the_batch_deployment():
    made = OpenAIBatches(None, {}, "/v1/chat/completions").line(
        DEPLOYMENT, "x-1", ModelRequest((Message("user", "line\nbreak"),), 5)
    )
    assert b"\n" not in made
    line = json.loads(made)
    assert (line["custom_id"], line["method"], line["url"]) == ("x-1", "POST", "/v1/chat/completions")
    assert line["body"]["model"] == "many"


def test_a_result_is_read():
    found = _result(DEPLOYMENT, json.dumps(GOOD).encode())
    assert found.failure is None
    assert (found.id, found.reply.text, found.reply.request_id) == ("x-1", "hi", "req_1")
    assert found.reply.usage.input_tokens == 3


@pytest.mark.parametrize(
    ("change", "kind", "sent"),
    [
        ({"response": None, "error": {"code": "batch_expired"}}, FailureKind.UNAVAILABLE, False),
        ({"response": None, "error": {"code": "batch_cancelled"}}, FailureKind.UNAVAILABLE, False),
        ({"response": {"status_code": 429, "body": {}}}, FailureKind.THROTTLED, False),
        (
            {"response": {"status_code": 400, "body": {"error": {"code": "content_filter"}}}},
            FailureKind.FILTERED,
            False,
        ),
        ({"response": {"status_code": 200, "body": {}}}, FailureKind.MALFORMED, True),
        ({"response": {"status_code": 200, "body": {"choices": [{"message": {}}]}}}, FailureKind.CUT, True),
    ],
)
def test_a_line_without_an_answer_says_why_and_whether_it_is_charged(change, kind, sent):
    failure = _result(DEPLOYMENT, json.dumps({**GOOD, **change}).encode()).failure
    assert (failure.kind, failure.sent) == (kind, sent)


@given(data=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_of_a_file_raise(data):
    _result(DEPLOYMENT, data)


@given(change=JSON, field=st.sampled_from(["response", "error", "custom_id"]))
def test_no_field_of_a_result_raises(change, field):
    _result(DEPLOYMENT, json.dumps({**GOOD, field: change}).encode())


@given(
    value=st.dictionaries(
        st.sampled_from(["id", "status", "errors", "request_counts", "output_file_id"]), JSON
    )
)
def test_a_batch_of_another_form_is_a_failure(value):
    kind = FailureKind.MALFORMED
    try:
        assert _batch(DEPLOYMENT, value).id
    except Failure as failure:
        kind = failure.kind
    assert kind is FailureKind.MALFORMED


def test_a_status_that_is_not_known_is_a_failure():
    with pytest.raises(Failure, match="'status' is not known"):
        _batch(DEPLOYMENT, {"id": "b", "status": "resting"})
