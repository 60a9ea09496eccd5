"""The table of gates and the findings below it, from the plain data of `GateResult.to_json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qlf.cli.screen import Screen, Style, one_line

__all__ = ["failed", "show_gates"]

_STYLES: dict[str, Style] = {"passed": "good", "failed": "bad", "not-run": "warn"}
_SHOWN_FINDINGS = 20


def failed(gates: Sequence[dict[str, Any]]) -> list[str]:
    """The names of the gates that failed."""
    return [gate["name"] for gate in gates if gate["status"] == "failed"]


def show_gates(screen: Screen, gates: Sequence[dict[str, Any]]) -> None:
    """Print one line for each gate, why gates did not run, and the worst findings."""
    if not gates:
        screen.say("gates: none were asked for, nothing is verified", "warn")
        return
    rows = [
        [
            gate["name"],
            gate["status"],
            str(gate.get("checks", 0)),
            f"{gate['seconds']:.2f}",
            str(len(gate["findings"])),
            gate.get("reason") or "",
        ]
        for gate in gates
    ]
    screen.table(
        ["gate", "status", "checks", "seconds", "findings", ""], rows, right=(2, 3, 4), styles=_STYLES
    )
    found = [(gate["name"], finding) for gate in gates for finding in gate["findings"]]
    # Errors first; within one severity as the gates reported them.
    found.sort(key=lambda pair: {"error": 0, "warning": 1}.get(pair[1]["severity"], 2))
    limit = len(found) if screen.verbose else _SHOWN_FINDINGS
    for name, finding in found[:limit]:
        place = ":".join(str(finding[key]) for key in ("path", "line") if key in finding)
        where = f"{place}: " if place else ""
        style: Style | None = "bad" if finding["severity"] == "error" else None
        screen.say(
            f"{finding['severity']}: {name}: {where}{one_line(finding['message'])} [{finding['rule']}]", style
        )
    if len(found) > limit:
        screen.say(f"{len(found) - limit} more findings; -v or --json shows all")
