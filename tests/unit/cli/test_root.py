"""The root command: help, lazy loading, and how every error ends."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from qlf import __version__
from qlf.cli.group import COMMANDS, Command
from qlf.errors import InputError, QlfError

HEAVY = ("prefect", "boto3", "openai", "pydantic", "rich", "jinja2", "docker", "ruamel")


def test_help_fits_80_columns_and_names_every_command(cli: Callable[..., Any]) -> None:
    answer = cli("--help")
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert all(f"\n  {name} " in answer.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_in_its_help_what_the_root_says_of_it(cli: Callable[..., Any], name: str) -> None:
    answer = cli(name, "--help")
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    assert COMMANDS[name] in " ".join(answer.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_common_options(name: str) -> None:
    command = getattr(importlib.import_module(f"qlf.cli.{name}"), name)
    for one in command.commands.values() if isinstance(command, click.Group) else [command]:
        assert isinstance(one, Command)
        assert {"--debug", "--quiet", "--verbose"} <= {
            option for param in one.params for option in param.opts
        }
        assert all(param.help for param in one.params if isinstance(param, click.Option)), one.name


@pytest.mark.parametrize("arguments", [(), ("cache",), ("deploy",)])
def test_a_command_that_lacks_its_word_shows_its_help_as_an_error(
    cli: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    answer = cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Usage: qlf")
    assert "\nCommands:\n" in answer.err


def test_version(cli: Callable[..., Any]) -> None:
    assert cli("--version").out == f"qlf {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genrate", "x"], "did you mean `qlf generate`?"),
        (["quux"], "there is no command 'quux'"),
        (["plan", "books", "--josn"], "--json"),
        (["plan"], "BRIEF|FILE|-"),
        (["generate", "books", "--port", "0"], "--port"),
        (["generate", "books", "--verify", "some"], "--verify"),
        (["generate", "books", "--provider", "x"], "--provider"),
        (["generate", "books", "--async"], "--async"),
        (["generate", "books", "--name", "../../x"], "no application name"),
        (["up", "--port", "70000"], "--port"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_one_sentence(
    cli: Callable[..., Any], arguments: list[str], message: str
) -> None:
    answer = cli(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert message in answer.err
    assert answer.err.startswith("qlf: ")
    assert "--help`" in answer.err
    assert "Traceback" not in answer.err


def _broken(error: BaseException) -> Callable[..., Any]:
    def fail(*arguments: object, **options: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize("kind", QlfError.__subclasses__())
def test_each_family_of_errors_has_its_exit_code(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: type[QlfError]
) -> None:
    monkeypatch.setattr("qlf.cli.source.read_source", _broken(kind("it broke", hint="mend it")))
    answer = cli("plan", "books")
    assert answer.code == kind.exit_code
    assert (answer.out, answer.err) == ("", "qlf: it broke\n     mend it\n")


def test_an_unexpected_error_is_one_sentence(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlf.cli.source.read_source", _broken(RuntimeError("what\x1b[2J")))
    answer = cli("plan", "books")
    assert answer.code == 7
    assert answer.err == (
        "qlf: internal error: RuntimeError: what\\x1b[2J\n"
        "     run it again with --debug and report what it prints\n"
    )


@pytest.mark.parametrize("arguments", [("--debug", "plan", "books"), ("plan", "books", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("qlf.cli.source.read_source", _broken(InputError("it broke")))
    answer = cli(*arguments)
    assert answer.code == 3
    assert "Traceback (most recent call last)" in answer.err
    assert answer.err.endswith("qlf: it broke\n")


def test_ctrl_c_ends_with_130_and_a_sentence(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlf.cli.source.read_source", _broken(KeyboardInterrupt()))
    answer = cli("plan", "books")
    assert answer.code == 130
    assert answer.err.strip() == "qlf: interrupted; nothing half-written was left behind"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_waiting_for_input_ends_cleanly(
    program: Callable[..., subprocess.Popen[bytes]], number: signal.Signals, code: int
) -> None:
    process = program("plan", "-", stdin=subprocess.PIPE)
    # The read of standard input is where it must be; Linux shows that as a sleeping process.
    stat = Path(f"/proc/{process.pid}/wchan")
    deadline = time.monotonic() + 10
    while "pipe" not in stat.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (code, b"")
    assert err.lstrip().startswith(b"qlf: ")
    assert b"Traceback" not in err


def test_a_reader_that_goes_away_is_no_error(program: Callable[..., subprocess.Popen[bytes]]) -> None:
    with program("schema") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_wrong_variable_is_named_but_help_still_works(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QLF_THREADS", "many")
    assert cli("--help").code == 0
    answer = cli("cache", "stats")
    assert answer.code == 2
    assert "QLF_THREADS is 'many'" in answer.err


def test_an_unknown_variable_is_a_warning(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLF_HOEM", "x")
    answer = cli("cache", "stats", "--json")
    assert answer.code == 0
    assert "warning: the environment variable QLF_HOEM means nothing" in answer.err


def _loaded(*arguments: str) -> set[str]:
    code = (
        "import sys, json\nfrom qlf.cli import main\n"
        f"main({list(arguments)!r})\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("generate", "--help"), ("deploy", "--help")]
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not _loaded(*arguments) & set(HEAVY)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(cli: Callable[..., Any], shell: str) -> None:
    answer = cli("completion", shell)
    assert answer.code == 0
    assert "_QLF_COMPLETE" in answer.out
    assert answer.out.endswith("\n")


def test_completion_offers_commands(program: Callable[..., subprocess.Popen[bytes]], own_home: Path) -> None:
    # The command line itself is read from the environment by the completion of click.
    environ = {
        "_QLF_COMPLETE": "bash_complete",
        "COMP_WORDS": "qlf ge",
        "COMP_CWORD": "1",
        "HOME": str(own_home),
    }
    out, _ = program(env=environ).communicate(timeout=20)
    assert b"generate" in out


def test_schema_is_one_json_document(cli: Callable[..., Any]) -> None:
    answer = cli("schema")
    assert (answer.code, answer.err) == (0, "")
    assert {"app", "entities", "relations"} <= set(answer.document["properties"])
