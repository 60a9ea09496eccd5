"""What a run shows in the Prefect UI, as plain data: the spec, the data model, the gates and the files.

Prefect keeps an artifact as a type with data; these functions make exactly that form, so that a flow and
the plain REST recorder show the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from qlf.core.tree import Tree
from qlf.engine.manifest import MANIFEST_PATH, content_digest

__all__ = [
    "Artifact",
    "data_model_artifact",
    "files_artifact",
    "gates_artifact",
    "overview_artifact",
    "spec_artifact",
]

Artifact = dict[str, Any]
"""`key` (lower-case letters, digits and dashes), `type`, `description` and `data`."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")


def spec_artifact(spec: Mapping[str, Any]) -> Artifact:
    """The spec for a person: what was understood, and what was left open."""
    return _artifact("spec", "markdown", "What was understood from the brief", _spec_text(spec))


def data_model_artifact(spec: Mapping[str, Any]) -> Artifact:
    """Entities and relations as a table, and as a Mermaid diagram for viewers that draw it."""
    return _artifact("data-model", "markdown", "Entities and how they hang together", _model_text(spec))


def gates_artifact(gates: Sequence[Mapping[str, Any]]) -> Artifact:
    """One row a gate, with its first findings in words."""
    return _artifact("gates", "table", "What was proven, and what was not", json.dumps(_gate_rows(gates)))


def files_artifact(tree: Tree) -> Artifact:
    """One row a file: who wrote it, its size and digest."""
    rows = _file_rows(tree)
    title = f"All {len(rows)} files, tree {content_digest(tree)[:12]}"
    return _artifact("files", "table", title, json.dumps(rows))


def overview_artifact(spec: Mapping[str, Any], gates: Sequence[Mapping[str, Any]], tree: Tree) -> Artifact:
    """All of the above in one, for a run that is shown with as few requests as possible."""
    parts = [_spec_text(spec), "## Gates\n", _table(_gate_rows(gates)), _model_text(spec)]
    parts += ["## Files\n", _table(_file_rows(tree))]
    return _artifact("application", "markdown", f"Tree {content_digest(tree)[:12]}", "\n".join(parts))


def _spec_text(spec: Mapping[str, Any]) -> str:
    app = spec["app"]
    lines = [f"# {_text(app['title'])}", ""]
    if app.get("summary"):
        lines += [_text(app["summary"]), ""]
    questions = spec.get("questions", [])
    lines += ["## Open questions", ""]
    if questions:
        lines += ["| question | assumption taken | how to change it |", "|---|---|---|"]
        lines += [_row(item["text"], item["assumption"], item["change"]) for item in questions]
    else:
        lines.append("None: the brief left nothing open.")
    lines += ["", "## Entities", "", "| entity | fields |", "|---|---|"]
    for entity in spec["entities"]:
        fields = ", ".join(
            f"{field['name']}: {field.get('type', 'string')}" for field in entity.get("fields", [])
        )
        lines.append(_row(entity["name"], fields or "none of its own"))
    lines += _listing("Roles", spec.get("roles", []), "description")
    lines += _listing("Overlays", spec.get("overlays", []), "reason")
    lines += _listing("Features", spec.get("features", []), "description")
    return "\n".join(lines) + "\n"


def _model_text(spec: Mapping[str, Any]) -> str:
    relations = spec.get("relations", [])
    lines = ["## Relations", ""]
    if relations:
        lines += ["| from | to | as | cardinality |", "|---|---|---|---|"]
        for item in relations:
            cardinality = item.get("cardinality", "many_to_one").replace("_", " ")
            lines.append(_row(item["from"], item["to"], item["name"], cardinality))
    else:
        lines.append("The entities stand alone.")
    lines += ["", "## Diagram", "", "```mermaid", "erDiagram"]
    for item in relations:
        lines.append(f"    {item['to']} {_edge(item)} {item['from']} : {item['name']}")
    for entity in spec["entities"]:
        lines.append(f"    {entity['name']} {{")
        lines += [
            f"        {field.get('type', 'string')} {field['name']}" for field in entity.get("fields", [])
        ]
        lines.append("    }")
    lines.append("```")
    return "\n".join(lines) + "\n"


def _gate_rows(gates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "gate": gate["name"],
            "status": gate["status"],
            "seconds": gate["seconds"],
            "checks": gate.get("checks", 0),
            "findings": len(gate["findings"]),
            "remarks": gate.get("reason") or "; ".join(found["message"] for found in gate["findings"][:3]),
        }
        for gate in gates
    ]


def _file_rows(tree: Tree) -> list[dict[str, Any]]:
    authors = json.loads(tree.text(MANIFEST_PATH))["files"]
    return [
        {
            "path": path,
            "agent": authors.get(path, {}).get("agent", "engine"),
            "bytes": len(file.data),
            "sha256": file.sha256[:12],
        }
        for path, file in tree.items()
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "None.\n"
    head = list(rows[0])
    lines = [_row(*head), "|" + "---|" * len(head)]
    return "\n".join([*lines, *(_row(*(str(row[name]) for name in head)) for row in rows)]) + "\n"


def _artifact(key: str, kind: str, description: str, data: str) -> Artifact:
    return {"key": key, "type": kind, "description": description, "data": data}


def _listing(title: str, items: Sequence[Mapping[str, Any]], words: str) -> list[str]:
    if not items:
        return []
    rows = [f"- **{_text(item['name'])}** {_text(item.get(words, ''))}".rstrip() for item in items]
    return ["", f"## {title}", "", *rows]


def _row(*cells: str) -> str:
    return "| " + " | ".join(_text(cell) for cell in cells) + " |"


def _text(value: str) -> str:
    # The words of a brief are data: no character of them may act as markup.
    return _SPECIAL.sub(r"\\\1", " ".join(value.split()))


def _edge(relation: Mapping[str, Any]) -> str:
    cardinality = relation.get("cardinality", "many_to_one")
    if cardinality == "many_to_many":
        return "}o--o{"
    near = "||" if relation.get("required", True) else "|o"
    return f"{near}--o|" if cardinality == "one_to_one" else f"{near}--o{{"
