"""One run of the command line: the only place that turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from qlf.cli.group import ROOT
from qlf.cli.interruption import Terminated, interruptions
from qlf.cli.run import Run
from qlf.errors import QlfError

__all__ = ["run"]

_INTERRUPTED = 130
_TERMINATED = 143
_PIPE_CLOSED = 141


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but `SystemExit` of the caller's own leaves."""
    state = Run()
    for stream in (sys.stdout, sys.stderr):
        # The same bytes whatever the locale; what is no text is shown escaped.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        with interruptions():
            code = _invoke(state, arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`qlf plan … | head`). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED


def _invoke(state: Run, arguments: Sequence[str] | None) -> int:
    stdout = sys.stdout
    try:
        result = ROOT.main(
            args=None if arguments is None else list(arguments),
            prog_name="qlf",
            standalone_mode=False,
            obj=state,
        )
        return result if isinstance(result, int) else 0
    except (click.Abort, KeyboardInterrupt) as error:
        _trace(state, error)
        state.screen.fail("interrupted; nothing half-written was left behind")
        return _INTERRUPTED
    except Terminated as error:
        _trace(state, error)
        state.screen.fail("terminated; nothing half-written was left behind")
        return _TERMINATED
    except click.exceptions.NoArgsIsHelpError as error:
        state.screen.raw(error.format_message())
        return 2
    except click.ClickException as error:
        return _usage(state, error)
    except QlfError as error:
        _trace(state, error)
        state.screen.fail(error.message, error.hint)
        return error.exit_code
    except BrokenPipeError:
        raise
    except SystemExit:
        # When the reader of stdout went away click puts a silenced stream in its place and exits.
        if sys.stdout is not stdout:
            return _PIPE_CLOSED
        raise
    except MemoryError as error:
        _trace(state, error)
        state.screen.fail("there is not enough memory for this", "give it less input or a larger machine")
        return 7
    except Exception as error:  # noqa: BLE001 - the one place where everything ends as a sentence
        _trace(state, error)
        state.screen.fail(
            f"internal error: {type(error).__name__}: {error}",
            None if state.debug else "run it again with --debug and report what it prints",
        )
        return 7


def _usage(state: Run, error: click.ClickException) -> int:
    message = " ".join(error.format_message().split())
    message = message[:1].lower() + message[1:] if message[1:2].islower() else message
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "qlf"
    _trace(state, error)
    state.screen.fail(message.rstrip("."), f"see `{path} --help`")
    return 2


def _trace(state: Run, error: BaseException) -> None:
    if state.debug:
        import traceback

        state.screen.raw("".join(traceback.format_exception(error)))
