"""Checks that every pack holds together: types, references and names."""

from __future__ import annotations

import json
from typing import Any

from qlf.brief.pack import Pack, parse_field, parse_relation
from qlf.brief.packstore import Catalogue
from qlf.brief.wordlists import word_list

__all__ = ["check_packs", "pack_problems"]


def check_packs(compiled: bytes) -> None:
    """Check compiled packs.

    Raises:
        ValueError: Naming the first problems.
    """
    data: dict[str, Any] = json.loads(compiled)["data"]
    raw = {name: value for name, value in data.items() if not name.startswith("_")}
    store = Catalogue(raw)
    problems = [problem for name in store.names for problem in pack_problems(store.pack(name))]
    if problems:
        raise ValueError("; ".join(problems[:10]))


def pack_problems(pack: Pack) -> list[str]:
    """What is wrong with a pack, one sentence each; empty when it is right."""
    problems: list[str] = []
    attributes: dict[str, set[str]] = {}
    links: dict[str, dict[str, str]] = {}
    for name, entity in pack.entities.items():
        where = f"{pack.name}.{name}"
        if name in word_list("platform") and name != "user":
            problems.append(f"{where} has a name that the platform uses")
        fields = {key: parse_field(key, text) for key, text in entity.fields.items()}
        relations = {key: parse_relation(name, key, text) for key, text in entity.relations.items()}
        links[name] = {key: item.to for key, item in relations.items()}
        attributes[name] = set(fields) | set(relations)
        problems += [
            f"{where}.{key} leads to {item.to!r}, which the pack does not know"
            for key, item in relations.items()
            if item.to not in pack.entities
        ]
        if entity.label and entity.label not in fields:
            problems.append(f"{where} has the unknown label {entity.label!r}")
        kind, arguments = entity.condition
        if kind not in ("core", "mention", "with", "when") or (kind in ("with", "when")) != bool(arguments):
            problems.append(f"{where} has the unknown inclusion {entity.include!r}")
        if kind == "with" and not set(arguments) <= set(pack.entities):
            problems.append(f"{where} goes with something unknown: {entity.include!r}")
        owner, _, via = entity.ownership.partition(" ")
        if owner not in ("none", "user", "parent") or (owner == "parent" and via not in relations):
            problems.append(f"{where} has the unknown ownership {entity.ownership!r}")
        if name in pack.machines:
            machine = pack.machines[name]
            field = fields.get(machine.field)
            if (
                field is None
                or field.choices != machine.states
                or field.default != machine.states[0]
                or not field.read_only
            ):
                problems.append(
                    f"{where}.{machine.field} must be a readonly enum of the machine's states with the "
                    f"first as default"
                )
            machine.machine(name, pack.source())
    problems += [
        f"{pack.name} has a machine for the unknown {name!r}"
        for name in pack.machines
        if name not in pack.entities
    ]
    problems += _behaviour_problems(pack, attributes, links)
    for role, value in pack.roles.items():
        problems += [
            f"{pack.name}: role {role} names the unknown {name!r}"
            for name in value.grants
            if name != "*" and name not in pack.entities
        ]
    problems += [
        f"{pack.name}: public names the unknown {name!r}" for name in pack.public if name not in pack.entities
    ]
    for name, feature in pack.features.items():
        problems += [
            f"{pack.name}: feature {name} needs the unknown {other!r}"
            for other in feature.needs
            if other not in pack.entities
        ]
    if sum(role.default for role in pack.roles.values()) > 1:
        problems.append(f"{pack.name} has two default roles")
    return problems


def _behaviour_problems(
    pack: Pack, attributes: dict[str, set[str]], links: dict[str, dict[str, str]]
) -> list[str]:
    problems: list[str] = []
    for rule in pack.typed_rules():
        where = f"{pack.name}: rule {rule.name}"
        have = attributes.get(rule.entity)
        if have is None:
            problems.append(f"{where} names the unknown {rule.entity!r}")
            continue
        names = [
            getattr(rule, key, None)
            for key in ("first", "last", "field", "per", "start", "end", "amount", "group")
        ]
        names += [*getattr(rule, "of", ()), *getattr(rule, "factors", ())]
        problems += [
            f"{where} names the unknown {rule.entity}.{name}"
            for name in names
            if name is not None and name not in have
        ]
        for key in ("lines", "rules", "alerts"):
            other = getattr(rule, key, None)
            if other is not None and other not in attributes:
                problems.append(f"{where} names the unknown {other!r}")
        if rule.kind == "total" and rule.entity not in links.get(rule.lines, {}).values():
            problems.append(f"{where}: {rule.lines} does not lead to {rule.entity}")
        if rule.kind == "total" and rule.line_field not in attributes.get(rule.lines, set()):
            problems.append(f"{where} names the unknown {rule.lines}.{rule.line_field}")
        states = set(pack.machines[rule.entity].states) if rule.entity in pack.machines else set()
        problems += [
            f"{where} names the unknown state {state!r}"
            for state in getattr(rule, "states", ())
            if state not in states
        ]
        if rule.kind == "other":
            problems.append(f"{where} is text only; packs hold rules that are enforced")
    for operation in pack.typed_operations():
        if operation.entity not in attributes:
            problems.append(f"{pack.name}: {operation.name} names the unknown {operation.entity!r}")
    for checkout in pack.typed_checkouts():
        old, new = attributes.get(checkout.from_lines, set()), attributes.get(checkout.to_lines, set())
        if (
            not set(checkout.line_copies) <= old & new
            or not set(checkout.snapshots) <= new
            or not set(checkout.inputs) <= attributes.get(checkout.to, set())
        ):
            problems.append(f"{pack.name}: checkout {checkout.name} names something unknown")
    return problems
