"""Merging what the brief says with what the packs know; the brief wins."""

from __future__ import annotations

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, StateFact
from qlf.brief.lexicon import Hints, make_field
from qlf.brief.lives import build_machine
from qlf.brief.wordlists import word_list
from qlf.core.spec import Field, FieldType, Origin, Ownership, Source

__all__ = ["add_behaviour", "add_states"]


def add_states(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Turn lists of states into lives, other lists of values into enums; add the lives of the packs."""
    for fact in facts.states:
        owner = _state_owner(fact, words, draft)
        if owner is None or facts.is_negated(fact.span):
            continue
        source = Source(
            origin=Origin.BRIEF, detail="values that the brief lists", span=fact.span, confidence=0.9
        )
        if fact.field in word_list("state_fields"):
            _live(draft, owner, fact.field, fact.states, source, fact.steps)
        else:
            entity = draft.entities[owner]
            if fact.field in draft.attributes(owner) - set(entity.fields):
                continue
            entity.fields[fact.field] = make_field(
                fact.field, hints=Hints(choices=fact.states), source=source
            )
    for name, entity in draft.entities.items():
        for field in list(entity.fields.values()):
            if (
                field.name in word_list("state_fields")
                and field.choices
                and field.source is not None
                and field.source.origin is Origin.BRIEF
            ):
                _live(draft, name, field.name, field.choices, field.source)
        if entity.pack is not None and name in entity.pack.machines and name not in draft.machines:
            known = entity.pack.machines[name]
            machine = known.machine(name, entity.pack.source(f"the usual life of {name}", 0.8))
            if known.field in entity.fields and entity.fields[known.field].choices == machine.states:
                draft.machines[name] = machine


def _state_owner(fact: StateFact, words: Vocabulary, draft: Draft) -> str | None:
    if fact.owner is not None:
        name = words.resolve(fact.owner)
        if name in draft.entities:
            return name
    if fact.field not in word_list("state_fields"):
        return None
    living = [
        name
        for name, entity in draft.entities.items()
        if fact.field in entity.fields or (entity.pack and name in entity.pack.machines)
    ]
    if len(living) == 1:
        return living[0]
    return next(iter(draft.entities)) if len(draft.entities) == 1 else None


def _live(
    draft: Draft,
    name: str,
    field: str,
    states: tuple[str, ...],
    source: Source,
    steps: tuple[tuple[str, str], ...] = (),
) -> None:
    entity = draft.entities[name]
    if name in draft.machines or field in {item.name for item in draft.relations if item.from_ == name}:
        return
    known = entity.pack.machines.get(name) if entity.pack is not None else None
    transitions = known.machine(name, source).transitions if known is not None else ()
    machine = build_machine(name, field, states, source, steps, transitions)
    if machine is None:
        return
    if known is not None and known.field != field:
        entity.fields.pop(known.field, None)
    entity.fields[field] = Field(
        name=field,
        type=FieldType.ENUM,
        choices=machine.states,
        default=machine.initial,
        read_only=True,
        filterable=True,
        source=source,
    )
    draft.machines[name] = machine


def add_behaviour(words: Vocabulary, draft: Draft) -> None:
    """Add rules, operations, checkouts and ownership of the packs, where all that they need is there."""
    for item in words.chosen:
        source = item.pack.source("rule of the domain", 0.8)
        names = {rule.name for rule in draft.rules}
        draft.rules += [
            rule.model_copy(update={"source": source})
            for rule in item.pack.typed_rules()
            if rule.name not in names
        ]
        draft.operations += [
            part.model_copy(update={"source": source}) for part in item.pack.typed_operations()
        ]
        draft.checkouts += [
            part.model_copy(update={"source": source}) for part in item.pack.typed_checkouts()
        ]
    for entity in draft.entities.values():
        if entity.known is None:
            continue
        kind, _, via = entity.known.ownership.partition(" ")
        if kind == "user":
            entity.ownership = Ownership.USER
        elif kind == "parent" and via in {item.name for item in draft.relations if item.from_ == entity.name}:
            entity.ownership, entity.owner_via = Ownership.PARENT, via
