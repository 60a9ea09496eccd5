"""`--answers` and questions at a terminal: what was answered lands in the spec."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.cli import questions
from qlf.core.spec import Registration, load_spec

pytestmark = pytest.mark.usefixtures("gates")

BRIEF = "Track gadgets with name and price, and trophies. Managers can add trophies."


@pytest.fixture
def answers() -> Path:
    path = Path("answers.yaml")
    path.write_text("registration: open\ncurrency: EUR\nfields_of_trophy: [awarded on, notes]\n")
    return path


def test_plan_takes_answers_from_a_file(cli: Callable[..., Any], answers: Path) -> None:
    answer = cli("plan", BRIEF, "--answers", str(answers))
    assert answer.code == 0, answer.err
    spec = load_spec(answer.out)
    assert spec.auth.registration is Registration.OPEN
    assert spec.entity("gadget").field("price").unit == "EUR"
    assert [field.name for field in spec.entity("trophy").fields] == ["awarded_on", "notes"]


def test_generate_makes_the_application_of_the_answers(cli: Callable[..., Any], answers: Path) -> None:
    answer = cli("generate", BRIEF, "--answers", str(answers), "-o", "out")
    assert answer.code == 0, answer.err
    assert load_spec(Path("out/app.yaml").read_text()).auth.registration is Registration.OPEN


def test_explain_names_the_questions(cli: Callable[..., Any]) -> None:
    assert "[registration]" in cli("plan", BRIEF, "--explain").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red\n", "no question 'colour'"),
        ("- a\n", "must be a mapping"),
        ("registration: perhaps\n", "yes or no"),
    ],
)
def test_wrong_answers_are_refused(cli: Callable[..., Any], text: str, said: str) -> None:
    Path("answers.yaml").write_text(text)
    answer = cli("plan", BRIEF, "--answers", "answers.yaml")
    assert answer.code != 0
    assert said in answer.err


def test_a_file_that_is_not_there_is_named(cli: Callable[..., Any]) -> None:
    answer = cli("plan", BRIEF, "--answers", "nowhere.yaml")
    assert answer.code != 0
    assert "nowhere.yaml" in answer.err


def test_answers_do_not_go_with_a_spec(cli: Callable[..., Any], answers: Path) -> None:
    Path("app.yaml").write_text(cli("plan", BRIEF).out)
    answer = cli("plan", "app.yaml", "--answers", str(answers))
    assert answer.code != 0
    assert "this is a spec" in answer.err


def test_nobody_is_asked_without_a_terminal(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions.click, "prompt", lambda *_, **__: pytest.fail("asked"))
    assert cli("plan", BRIEF, stdin=b"open\n").code == 0


@pytest.mark.parametrize(("option", "asked"), [("--json", False), ("--explain", True)])
def test_only_somebody_at_a_terminal_is_asked(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, option: str, asked: bool
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(questions, "_terminal", lambda _: True)
    monkeypatch.setattr(questions.click, "prompt", lambda text, **_: heard.append(text) or "")
    assert cli("plan", BRIEF, option).code == 0
    assert bool(heard) is asked


def test_an_answer_at_the_terminal_lands_in_the_spec(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = iter(["perhaps", "open"])
    monkeypatch.setattr(questions, "_terminal", lambda _: True)
    monkeypatch.setattr(questions.click, "prompt", lambda *_, **__: next(replies, ""))
    answer = cli("plan", BRIEF)
    assert answer.code == 0, answer.err
    assert "yes or no" in answer.err
    assert load_spec(answer.out).auth.registration is Registration.OPEN


def test_no_terminal_is_taken_for_one_when_it_is_closed() -> None:
    class Closed:
        def isatty(self) -> bool:
            raise ValueError("closed")

    assert not questions._terminal(Closed())
    assert not questions._terminal(sys)
