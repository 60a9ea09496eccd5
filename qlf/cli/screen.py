"""What a person sees: messages and tables on stderr, the result and nothing else on stdout.

Written by hand and without `rich`, because a run that was seen before prints its table in a few
milliseconds; only live progress (`qlf.cli.progress`) needs the library.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, Literal, TextIO

__all__ = ["Screen", "Style", "one_line", "visible"]

Style = Literal["good", "bad", "warn", "dim", "bold"]

_CODES: dict[str, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}
# C0 and C1 controls drive terminals; bidirectional and zero-width characters change how text reads
# (Unicode TR36 2.8). A brief or a test's output must do neither.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_WIDTH = 80


def visible(text: str) -> str:
    """`text` on one line, with every control and invisible character shown as an escape."""
    return _UNSEEN.sub(_escape, text)


def one_line(text: str) -> str:
    """`text` as `visible` shows it, with line ends and runs of spaces as one space."""
    return visible(" ".join(text.split()))


class Screen:
    """Output of one run."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, color: bool | None = None) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self._color = color

    @property
    def live(self) -> bool:
        """True where a progress display may move: stderr is a terminal and wants colour."""
        return not self.quiet and self._color is not False and _is_terminal(sys.stderr)

    def say(self, text: str, style: Style | None = None) -> None:
        """One line about what happens, unless the run is quiet."""
        if not self.quiet:
            self._line(sys.stderr, visible(text), style)

    def detail(self, text: str) -> None:
        """One line that only `-v` shows."""
        if self.verbose and not self.quiet:
            self._line(sys.stderr, visible(text), "dim")

    def warn(self, text: str) -> None:
        """One line that is shown even when the run is quiet."""
        self._line(sys.stderr, f"warning: {visible(text)}", "warn")

    def fail(self, message: str, hint: str | None = None) -> None:
        """The sentence that ends a run: what happened, and what to do."""
        self._line(sys.stderr, f"qlf: {one_line(message)}", "bad")
        if hint:
            self._line(sys.stderr, f"     {one_line(hint)}")

    def raw(self, text: str) -> None:
        """Several lines as they are, for a traceback."""
        sys.stderr.write("".join(f"{visible(line)}\n" for line in text.splitlines()))
        sys.stderr.flush()

    def result(self, text: str) -> None:
        """The result of the command, on stdout."""
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")

    def document(self, value: Any) -> None:
        """The result as one JSON document, on stdout."""
        self.result(json.dumps(value, indent=2, ensure_ascii=False))

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        right: Sequence[int] = (),
        styles: dict[str, Style] | None = None,
        result: bool = False,
    ) -> None:
        """A table of at most 80 columns; its last column is wrapped.

        Args:
            heads: Titles of the columns.
            rows: The cells.
            right: Numbers of the columns that are set flush right.
            styles: Style of a cell by its text.
            result: Print on stdout, because the table is what the command is for.
        """
        if self.quiet and not result:
            return
        stream = sys.stdout if result else sys.stderr
        cells = [[one_line(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in [list(heads), *cells]) for column in range(len(heads))]
        room = max(20, _WIDTH - sum(widths[:-1]) - 2 * (len(heads) - 1))
        self._row(stream, list(heads), widths, right, room, dict.fromkeys(heads, "dim"))
        for row in cells:
            self._row(stream, row, widths, right, room, styles or {})

    def _row(
        self,
        stream: TextIO,
        row: list[str],
        widths: list[int],
        right: Sequence[int],
        room: int,
        styles: dict[str, Style],
    ) -> None:
        parts = []
        for column, cell in enumerate(row[:-1]):
            padded = cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            parts.append(self._paint(stream, padded, styles.get(cell)))
        last = len(row) - 1
        lines = _wrap(row[last], room) if last not in right else [row[last].rjust(widths[last])]
        indent = " " * (sum(widths[:-1]) + 2 * len(parts))
        first = self._paint(stream, lines[0], styles.get(row[last]))
        stream.write("  ".join([*parts, first]).rstrip() + "\n")
        stream.writelines(f"{indent}{line}\n" for line in lines[1:])

    def _line(self, stream: TextIO, text: str, style: Style | None = None) -> None:
        stream.write(self._paint(stream, text, style) + "\n")
        stream.flush()

    def _paint(self, stream: TextIO, text: str, style: str | None) -> str:
        colored = _is_terminal(stream) if self._color is None else self._color
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and colored and text else text


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def _wrap(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    import textwrap

    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False) or [""]


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
