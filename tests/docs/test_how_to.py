"""The YAML in the how-to guides is a spec that loads."""

from __future__ import annotations

import re
from pathlib import Path

from qlf.core.spec import parse_spec
from qlf.core.yaml import load_yaml, plain

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "edit-the-spec.md"
# What the snippets lean on and do not show themselves.
STUB = {"version": 1, "app": {"name": "shop", "title": "Shop"}}
FIELDS = {
    "rental": [
        {"name": "start_date", "type": "date"},
        {"name": "end_date", "type": "date"},
        {
            "name": "status",
            "type": "enum",
            "read_only": True,
            "choices": ["reserved", "picked_up", "returned", "cancelled"],
        },
    ]
}
RELATIONS = [{"from": "rental", "to": "item", "name": "item"}]


def test_the_snippets_together_are_a_valid_spec():
    spec: dict = {**STUB, "relations": list(RELATIONS)}
    for block in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        for key, value in plain(load_yaml(block)).items():
            spec.setdefault(key, []).extend(value)
    named = {entity["name"] for entity in spec["entities"]}
    for name in ("customer", "order", "product", "rental"):
        if name not in named:
            entity = {"name": name, "fields": FIELDS.get(name, [])}
            spec["entities"].append(entity | ({"ownership": "user"} if name == "order" else {}))
    spec["state_machines"].append(
        {
            "entity": "order",
            "field": "state",
            "initial": "placed",
            "states": ["placed", "cancelled"],
            "transitions": [{"name": "cancel", "from": ["placed"], "to": "cancelled"}],
        }
    )
    order = next(entity for entity in spec["entities"] if entity["name"] == "order")
    order["fields"] = [
        {"name": "state", "type": "enum", "read_only": True, "choices": ["placed", "cancelled"]}
    ]
    assert parse_spec(spec).entity("item").field("daily_rate").minimum == 0
