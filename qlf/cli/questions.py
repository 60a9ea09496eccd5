"""Open questions on the command line: answered by a file, or asked where somebody is there to answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qlf.errors import InputError, UsageError

if TYPE_CHECKING:
    from qlf.brief.answers import Answer
    from qlf.cli.screen import Screen
    from qlf.cli.source import Source

__all__ = ["answered", "answers_option", "may_ask"]

_MAX_BYTES = 262_144

answers_option = click.option(
    "--answers",
    "answers_file",
    type=click.Path(path_type=Path),
    help="YAML file with answers to open questions: id, then the answer.",
)


def may_ask(screen: Screen, *, as_json: bool) -> bool:
    """Whether somebody sits at a terminal who may be asked."""
    return not as_json and not screen.quiet and _terminal(sys.stdin) and _terminal(sys.stderr)


def _terminal(stream: object) -> bool:
    check = getattr(stream, "isatty", None)
    try:
        return bool(check and check())
    except ValueError:
        return False


def answered(
    source: Source, path: Path | None, screen: Screen, *, as_json: bool, name: str | None, detect: bool
) -> Source:
    """The source with its open questions answered: a spec then, else the source as it was.

    Args:
        source: What the user named.
        path: The file of `--answers`.
        screen: Where questions are shown.
        as_json: Whether the result is for a program.
        name: Name of the application.
        detect: Whether overlays are taken from the words of the brief.

    Raises:
        InputError: If an answer names no open question or cannot be honoured.
        UsageError: If answers are given for a spec, which holds them itself.
    """
    if path is None and (source.kind != "brief" or not may_ask(screen, as_json=as_json)):
        return source
    if source.kind != "brief":
        raise UsageError(
            "--answers goes with a brief, and this is a spec",
            hint="edit the spec: its `questions` say what to change",
        )
    from qlf.brief.answers import parse_answers, settle

    answers = parse_answers(_read(path), repr(str(path))) if path is not None else {}
    if path is None:
        answers = _ask(source.text, screen, name=name)
        if not answers:
            return source
    spec = settle(source.text, answers, name=name)
    if not detect:
        kept = tuple(item for item in spec.overlays if item.source and item.source.origin.value == "user")
        spec = spec.model_copy(update={"overlays": kept})
    from qlf.cli.source import Source as Given
    from qlf.core.spec import dump_spec

    return Given(dump_spec(spec), "spec", f"{source.name}, with answers")


def _ask(text: str, screen: Screen, *, name: str | None) -> dict[str, Answer]:
    """Ask each open question; an empty line takes the assumption."""
    from qlf.brief import compile_brief
    from qlf.brief.answers import settle

    questions = compile_brief(text, name=name).questions
    answers: dict[str, Answer] = {}
    if questions:
        screen.say("the brief leaves something open; Enter takes what is assumed", "bold")
    for question in questions:
        while True:
            screen.say(f"{question.text}  [{question.name}]")
            screen.say(f"  assumed: {question.assumption}", "dim")
            reply = click.prompt(
                "  answer", default="", show_default=False, err=True, prompt_suffix=": "
            ).strip()
            if not reply:
                break
            try:
                settle(text, {question.name: reply}, name=name)
            except InputError as error:
                screen.say(f"  {error}", "warn")
                continue
            answers[question.name] = reply
            break
    return answers


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the answers {str(path)!r} cannot be read: {error.strerror or error}", hint="check the path"
        ) from error
    if len(data) > _MAX_BYTES:
        raise InputError(
            f"the answers {str(path)!r} are larger than {_MAX_BYTES // 1024} KiB", hint="shorten them"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"the answers {str(path)!r} are not UTF-8 text", hint="save them as UTF-8"
        ) from error
