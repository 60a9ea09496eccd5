"""Calls in a file of JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.metering import Attribution
from qlf.errors import InputError
from qlf.llm.cache_warm import read_calls
from qlf.llm.request import Call, Message, ModelRequest, Schema

LINE: dict[str, Any] = {
    "model": "fast",
    "request": {
        "messages": [{"role": "user", "text": "hello"}],
        "max_output_tokens": 50,
        "system": "be short",
        "stable_messages": 1,
        "temperature": 0,
        "top_p": 0.5,
        "seed": 0,
        "stop": ["x"],
        "schema": {"name": "s", "document": {"type": "object"}},
    },
    "attribution": {"agent": "backend", "tenant": "t"},
    "prompt_version": "1",
    "overlay_digest": "2",
    "contract_version": "3",
    "deadline_seconds": 5,
}


def write(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n\n".join(json.dumps(line) for line in lines))
    return path


def test_every_field_of_a_call_is_read(tmp_path: Path):
    (call,) = read_calls(write(tmp_path, LINE))
    assert call == Call(
        ModelRequest(
            (Message("user", "hello"),),
            50,
            "be short",
            1,
            0.0,
            0.5,
            0,
            ("x",),
            Schema("s", {"type": "object"}),
        ),
        "fast",
        Attribution(agent="backend", tenant="t"),
        deadline_seconds=5.0,
        prompt_version="1",
        overlay_digest="2",
        contract_version="3",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": None}, "'model' must be a text"),
        ({"model": 3}, "'model' must be a text"),
        ({"request": None}, "'request' must be an object"),
        ({"extra": 1}, "a call has no 'extra'"),
        ({"attribution": {"agnt": "x"}}, "an attribution has no 'agnt'"),
        ({"deadline_seconds": True}, "'deadline_seconds' must be a number"),
        ({"request": {**LINE["request"], "messages": []}}, "'messages' must be a list"),
        (
            {"request": {**LINE["request"], "messages": [{"role": "system", "text": ""}]}},
            "the role of a message",
        ),
        ({"request": {**LINE["request"], "max_output_tokens": 0}}, "at least 1"),
        ({"request": {**LINE["request"], "max_output_tokens": True}}, "at least 1"),
        ({"request": {**LINE["request"], "temprature": 1}}, "a request has no 'temprature'"),
        ({"request": {**LINE["request"], "seed": "x"}}, "'seed' must be a whole number"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, change: dict[str, Any], said: str):
    with pytest.raises(InputError, match="line 3 holds no call") as caught:
        read_calls(write(tmp_path, LINE, {**LINE, **change}))
    assert said in str(caught.value)


def test_files_that_hold_no_calls_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        read_calls(tmp_path / "missing")
    (tmp_path / "bad").write_bytes(b"\xff{")
    with pytest.raises(InputError, match="line 1 holds no call: it is not JSON"):
        read_calls(tmp_path / "bad")
    (tmp_path / "empty").write_text("\n\n")
    assert read_calls(tmp_path / "empty") == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LINE, *LINE["request"]]), inner)
    ),
    max_leaves=10,
)


@given(value=_JSON)
def test_no_json_raises_anything_but_an_input_error(tmp_path_factory: pytest.TempPathFactory, value: object):
    path = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    for line in (value, {**LINE, "request": value}, {**LINE, "attribution": value}):
        path.write_text(json.dumps(line))
        try:
            read_calls(path)
        except InputError:
            continue
