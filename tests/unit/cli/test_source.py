"""What may stand for BRIEF|FILE|-, and how everything else is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from qlf.cli.source import MAX_BYTES, read_source
from qlf.errors import InputError

SPEC = "version: 1\napp:\n  name: books\n  title: Books\nentities:\n  - name: book\n"


def test_words_are_a_brief() -> None:
    source = read_source("A list of books. With authors.")
    assert (source.kind, source.text) == ("brief", "A list of books. With authors.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("b.md", "brief"), ("b.txt", "brief"), ("b", "brief"), ("b.yaml", "spec"), ("b.yml", "spec")],
)
def test_the_suffix_of_a_file_says_what_it_is(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.write_text("books with authors")
    assert read_source(str(path)).kind == kind


def test_a_file_that_has_the_keys_of_a_spec_is_one(tmp_path: Path) -> None:
    path = tmp_path / "noname"
    path.write_text(SPEC)
    assert read_source(str(path)).kind == "spec"


@pytest.mark.parametrize(
    "text", [SPEC, '{"version": 1, "app": {"name": "b"},\n "entities": []}', SPEC.replace("\n", "\r\n")]
)
def test_a_spec_on_standard_input_is_known_by_its_keys(text: str) -> None:
    source = read_source("-", io.BytesIO(text.encode()))
    assert (source.kind, source.name) == ("spec", "standard input")
    assert "\r" not in source.text


@pytest.mark.parametrize("text", ["The app: a list of entities.", "app: books", "entities: a, b"])
def test_a_brief_that_speaks_of_apps_and_entities_stays_a_brief(text: str) -> None:
    assert read_source("-", io.BytesIO(text.encode())).kind == "brief"


def test_a_byte_order_mark_is_dropped() -> None:
    assert read_source("-", io.BytesIO(b"\xef\xbb\xbfbooks")).text == "books"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n", "is empty"),
        (b"\x7fELF\x02\x01\x01\x00", "is binary"),
        (b"\xff\xfeb\x00", "UTF-16"),
        (b"abc\xff", r"not UTF-8 text \(byte 4\)"),
        (b"a" * (MAX_BYTES + 1), "larger than 1024 KiB"),
    ],
)
def test_what_is_no_text_of_a_sensible_size_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_source("-", io.BytesIO(data))


def test_an_empty_argument_is_refused() -> None:
    with pytest.raises(InputError, match="the brief is empty"):
        read_source("")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_source(str(tmp_path))


@pytest.mark.parametrize("argument", ["brief.md", "./brief", "../x.yaml", "/no/such/file", "APP.YAML"])
def test_a_path_that_leads_nowhere_is_no_brief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        read_source(argument)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match="cannot be read"):
        read_source(str(path))


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(InputError, match="larger than"):
        read_source("/dev/zero")


def test_a_pipe_is_read(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"books with authors")
    os.close(writer)
    assert read_source(f"/dev/fd/{reader}").text == "books with authors"
    os.close(reader)


def test_bytes_of_the_command_line_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(InputError, match="not valid UTF-8"):
        read_source(os.fsdecode(b"books \xff"))


@pytest.mark.parametrize("argument", ["a" * 5_000, "books\nwith\nlines", "books \0"])
def test_no_argument_makes_the_look_for_a_file_fail(argument: str) -> None:
    if "\0" in argument:
        with pytest.raises(InputError, match="binary"):
            read_source(argument)
    else:
        assert read_source(argument).kind == "brief"
