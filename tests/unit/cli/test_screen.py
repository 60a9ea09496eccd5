"""What reaches the terminal: result apart from messages, nothing that drives the terminal, 80 columns."""

from __future__ import annotations

import io
import sys

import pytest

from qlf.cli.screen import Screen, visible


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "text", ["\x1b[31mred", "a\rb", "a\nb", "\x9b2J", "\u202egnp.exe", "zero\u200bwidth", "\ufeff", "\x00"]
)
def test_text_that_drives_a_terminal_is_shown_escaped(text: str) -> None:
    shown = visible(text)
    assert "\\" in shown
    assert all(character.isprintable() for character in shown)


def test_plain_text_in_any_language_is_untouched() -> None:
    assert visible("Bücher für Zürich, 図書館, Ελλάδα") == "Bücher für Zürich, 図書館, Ελλάδα"


def test_messages_go_to_stderr_and_the_result_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say("working")
    screen.result("out")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("out\n", "working\n")


def test_a_quiet_screen_shows_warnings_errors_and_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(quiet=True, verbose=True)
    screen.say("no")
    screen.detail("no")
    screen.table(["a"], [["no"]])
    screen.warn("careful")
    screen.fail("broken", "mend it")
    screen.result("out")
    captured = capsys.readouterr()
    assert captured.out == "out\n"
    assert captured.err == "warning: careful\nqlf: broken\n     mend it\n"


@pytest.mark.parametrize(
    ("terminal", "color", "colored"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_colour_follows_the_terminal_unless_the_user_decided(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, color: bool | None, colored: bool
) -> None:
    stream = _Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    Screen(color=color).say("fine", "good")
    assert ("\x1b[32m" in stream.getvalue()) is colored


def test_a_table_keeps_to_80_columns_and_wraps_its_last_one(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(["gate", "n", "why"], [["static", "7", "word " * 60], ["unit", "12", ""]], right=(1,))
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "gate     n  why"
    assert lines[1].startswith("static   7  word word")
    assert lines[2].startswith("            word")
    assert lines[-1] == "unit    12"


def test_a_document_is_json_in_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().document({"name": "Bücher", "n": 1})
    assert capsys.readouterr().out == '{\n  "name": "Bücher",\n  "n": 1\n}\n'
