"""YAML from outside: dangerous features refused, data read as YAML 1.2."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.core.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, dump_yaml, load_yaml, plain
from qlf.errors import InputError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "anchor"),
        ("a: *x", "anchor"),
        ("a: !!python/object/apply:os.system [x]", "tag"),
        ("a: !custom 1", "tag"),
        ("a: !!str 1", "tag"),
        ("<<: {b: 1}", "merge key"),
        ("a: 1\na: 2", "twice"),
        ("a: {b: 1, b: 2}", "twice"),
        ("--- \na: 1\n---\nb: 2", "more than one document"),
        ("- a", "mapping"),
        ("just text", "mapping"),
        ("", "mapping"),
        ("a: [", "not valid YAML"),
        ("a: b: c", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: -_", "not valid YAML"),
        ("a: 0o_", "not valid YAML"),
        ("a: " + "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested deeper"),
        ("a: " + "[" * 5000, "nested deeper"),
        ("a: [" + "1," * MAX_NODES + "1]", "more than"),
        ("a: " + "x" * MAX_BYTES, "larger"),
    ],
)
def test_refused_documents(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_yaml(text, name="brief.yaml")
    assert said in caught.value.message
    assert "brief.yaml" in caught.value.message


def test_a_message_names_the_line() -> None:
    with pytest.raises(InputError, match="line 3"):
        load_yaml("a: 1\nb: 2\nc: &x 3\n")


def test_scalars_follow_yaml_1_2() -> None:
    data = plain(
        load_yaml("a: NO\nb: yes\nc: true\nd: 0o14\ne: 1.5\nf: null\ng: '1'\nh: 2024-01-02\ni: 12:30\n")
    )
    assert data["a"] == "NO"
    assert data["b"] == "yes"
    assert data["c"] is True
    assert data["d"] == 12
    assert data["e"] == 1.5
    assert data["f"] is None
    assert data["g"] == "1"
    assert data["h"] == "2024-01-02"
    assert data["i"] == "12:30"


def test_comments_and_order_survive() -> None:
    text = "b: 1 # why\na:\n  - x\n"
    assert dump_yaml(load_yaml(text)) == "b: 1 # why\na:\n  - x\n"


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=30) | st.sampled_from(
    [
        "NO",
        "yes",
        "1",
        "1e3",
        "~",
        "null",
        "<<",
        "- x",
        "a: b",
        "# c",
        "",
        " x ",
        "x\n",
        "\nx",
        "  x\ny",
        "0x1",
        "2024-01-02",
        "=",
        "!x",
        "&x",
        "*x",
        "%x",
        "@x",
        "`x",
    ]
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,6}", fullmatch=True),
        PLAIN | st.integers() | st.booleans() | st.none() | st.lists(PLAIN, max_size=3),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_the_same(data: dict[str, object]) -> None:
    assert plain(load_yaml(dump_yaml(data))) == data


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = load_yaml(text)
    except InputError:
        return
    assert isinstance(value, dict)


@given(st.text(alphabet="ab:-&*!|>[]{}#,?'\"% \n\t<", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_heap_of_yaml_signs_is_read_or_refused(text: str) -> None:
    try:
        load_yaml(text)
    except InputError:
        return


@given(st.text(alphabet="ab:-_[]{}0x1.e+#'\"!&*|> \n\t?,%", max_size=40))
@settings(max_examples=400, deadline=None)
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    # Nothing but a refusal with a sentence may come out.
    with suppress(InputError):
        plain(load_yaml(text))
