from __future__ import annotations

import json
import re
from typing import Any

from qlf.core.tree import Tree
from qlf.engine.report import (
    data_model_artifact,
    files_artifact,
    gates_artifact,
    overview_artifact,
    spec_artifact,
)

GATES = [
    {"name": "static", "status": "passed", "seconds": 0.5, "checks": 12, "findings": []},
    {
        "name": "unit",
        "status": "failed",
        "seconds": 3.0,
        "checks": 40,
        "findings": [{"rule": "unit.test", "severity": "error", "message": "test_list fails"}],
    },
    {
        "name": "runtime",
        "status": "not-run",
        "seconds": 0,
        "checks": 0,
        "findings": [],
        "reason": "no sandbox",
    },
]


def test_the_spec_shows_what_was_understood_and_what_was_left_open(spec_with: Any) -> None:
    text = spec_artifact(spec_with().to_data())["data"]
    assert text.startswith("# Rental\n")
    assert "| How high? | None | set deposit |" in text
    assert "| car | plate: string |" in text


def test_words_of_the_brief_never_become_markup(spec_with: Any) -> None:
    hostile = "<img src=x onerror=alert(1)> | [x](javascript:1) `a` **b**"
    app = {"name": "x", "title": hostile, "summary": hostile}
    text = spec_artifact(spec_with(app=app).to_data())["data"]
    assert not re.search(r"(?<!\\)[<>|`\[]", text.split("## Open")[0])


def test_the_data_model_is_a_table_and_a_diagram(spec_with: Any) -> None:
    text = data_model_artifact(spec_with().to_data())["data"]
    assert "| booking | car | car | many to one |" in text
    diagram = text.split("```mermaid\n")[1].split("```")[0]
    assert diagram.startswith("erDiagram\n    car ||--o{ booking : car\n")
    assert "    car {\n        string plate\n    }\n" in diagram


def test_the_gates_are_a_table_with_remarks() -> None:
    artifact = gates_artifact(GATES)
    assert artifact["type"] == "table"
    rows = json.loads(artifact["data"])
    assert [(row["gate"], row["status"], row["remarks"]) for row in rows] == [
        ("static", "passed", ""),
        ("unit", "failed", "test_list fails"),
        ("runtime", "not-run", "no sandbox"),
    ]


def test_the_files_are_a_table_with_their_authors(tree: Tree) -> None:
    rows = json.loads(files_artifact(tree)["data"])
    assert [row["path"] for row in rows] == list(tree)
    assert {row["agent"] for row in rows} == {"backend", "engine"}


def test_the_overview_holds_all_of_it(spec_with: Any, tree: Tree) -> None:
    text = overview_artifact(spec_with().to_data(), GATES, tree)["data"]
    for part in ("# Rental", "## Gates", "erDiagram", "## Files", r"app/main.py"):
        assert part in text


def test_keys_are_what_prefect_accepts(spec_with: Any, tree: Tree) -> None:
    data = spec_with().to_data()
    artifacts = [
        spec_artifact(data),
        data_model_artifact(data),
        gates_artifact(GATES),
        files_artifact(tree),
        overview_artifact(data, GATES, tree),
    ]
    assert all(re.fullmatch(r"[a-z0-9-]+", artifact["key"]) for artifact in artifacts)
    assert len({artifact["key"] for artifact in artifacts}) == len(artifacts)
