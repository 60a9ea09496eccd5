"""The table of `qlf plan --explain`: each part of a spec, and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlf.cli.screen import Screen

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["explain_spec"]

_QUOTED = 60
"""Characters of the brief that are quoted at most."""


def explain_spec(screen: Screen, spec: Spec) -> None:
    """Print one row for each part that says where it came from, then the open questions."""
    from qlf.brief import explain

    rows = []
    for row in explain(spec):
        words = f"{row.words[:_QUOTED]}…" if len(row.words) > _QUOTED else row.words
        reasons = [f"“{words}”" if words else "", row.detail]
        because = "; ".join(reason for reason in reasons if reason)
        rows.append([_part(row.path), row.origin, f"{row.confidence:.0%}", because])
    screen.table(["part", "from", "sure", "because"], rows, right=(2,), result=True)
    for question in spec.questions:
        screen.result(
            f"\nopen: {question.text}  [{question.name}]\n"
            f"  taken:  {question.assumption}\n  change: {question.change}"
        )


def _part(path: str) -> str:
    # Entities and their fields are most of the rows; their short form leaves room for the reasons.
    return path.removeprefix("entities.").replace(".fields.", ".")
