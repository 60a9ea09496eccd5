"""Merging what the brief says with what the packs know; the brief wins."""

from __future__ import annotations

from typing import Any

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft, EntityDraft
from qlf.brief.facts import Facts, FieldFact, StateFact
from qlf.brief.lexicon import Hints, make_field
from qlf.brief.lives import build_machine
from qlf.brief.naming import field_name
from qlf.brief.pack import parse_field, parse_relation
from qlf.brief.wordlists import word_list
from qlf.core.spec import Cardinality, Field, FieldType, OnDelete, Origin, Ownership, Relation, Source
from qlf.core.words import plural, singular

__all__ = ["add_behaviour", "add_fields", "add_relations", "add_states"]


def add_fields(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Give every entity its fields; members of field lists that are entities themselves become links."""
    for fact in facts.fields:
        owner = words.resolve(fact.owner)
        if owner not in draft.entities or facts.is_negated(fact.span):
            continue
        target = _target(fact, words, draft, owner)
        if target is not None:
            _link(draft, fact, owner, target)
        else:
            _brief_field(draft.entities[owner], fact)
    for entity in draft.entities.values():
        entity.explicit = bool(entity.fields)
        _pack_fields(entity, draft)
        if not entity.fields and not entity.account:
            _guess_fields(entity, words)


def _target(fact: FieldFact, words: Vocabulary, draft: Draft, owner: str) -> str | None:
    """The entity that a list member stands for, if it is one."""
    base = fact.name.removesuffix("_id") if fact.name.endswith("_id") else fact.name
    name = words.resolve(singular(base))
    if name not in draft.entities or name == owner:
        return None
    if fact.explicit and not fact.name.endswith("_id"):
        return None
    known = draft.entities[owner].known
    if known is not None and base in known.fields and not fact.plural:
        return None
    return name


def _link(draft: Draft, fact: FieldFact, owner: str, target: str) -> None:
    source = Source(
        origin=Origin.BRIEF,
        detail="member of a field list that is kept as well",
        span=fact.span,
        confidence=0.85,
    )
    if draft.relation(owner, target) is not None or _pack_links(draft, owner, target):
        return
    if fact.plural:
        connect(draft, target, owner, source, required=True)
    else:
        name = fact.name.removesuffix("_id")
        connect(
            draft,
            owner,
            target,
            source,
            required=fact.field.required,
            name=name if fact.name.endswith("_id") else None,
        )


def _pack_links(draft: Draft, one: str, other: str, *, strong: bool = True) -> bool:
    """Whether a pack links the two, so that its better-named relation will be added."""
    for child, parent in ((one, other), (other, one)):
        known = draft.entities[child].known
        if known is not None and any(parent in text.split() for text in known.relations.values()):
            return True
    # Lines of an order, or loans of books, already stand between the two.
    for between in draft.entities.values():
        if between.known is not None and between.name not in (one, other):
            texts = between.known.relations.values()
            targets = {word for text in texts for word in text.split()}
            if {one, other} <= targets and (not strong or any(text.startswith("part_of") for text in texts)):
                return True
    return False


def connect(
    draft: Draft, child: str, parent: str, source: Source, *, required: bool = True, name: str | None = None,
    cardinality: Cardinality = Cardinality.MANY_TO_ONE, part_of: bool = False,
) -> None:  # fmt: skip
    """Add a link unless its name is taken."""
    name = name or (plural(parent) if cardinality is Cardinality.MANY_TO_MANY else parent)
    safe = field_name(name)
    if safe is None or child == parent:
        return
    taken = {item.name for item in draft.relations if item.from_ == child} | {
        item.inverse for item in draft.relations if item.to == child
    }
    if safe in taken:
        return
    fields = draft.entities[child].fields
    fields.pop(safe, None)
    inverse = plural(child)
    used = {item.name for item in draft.relations if item.from_ == parent} | {
        item.inverse for item in draft.relations if item.to == parent
    }
    if inverse in used or inverse in draft.entities[parent].fields:
        inverse = ""
    many = cardinality is Cardinality.MANY_TO_MANY
    draft.relations.append(
        Relation.model_validate(
            {
                "from": child, "to": parent, "name": safe, "inverse": inverse or None, "cardinality": cardinality,
                "required": required and not many, "part_of": part_of and not many,
                "on_delete": OnDelete.CASCADE if part_of and not many else OnDelete.RESTRICT if required or many else OnDelete.SET_NULL,
                "source": source,
            }
        )
    )  # fmt: skip


_SAME = tuple(
    frozenset(group.split())
    for group in (
        "start starts start_time start_date starts_at starts_on start_at started_at begin begins_at from_date beginning",
        "end ends end_time end_date ends_at ends_on end_at ended_at until to_date ending",
        "due due_date due_on due_at deadline",
        "phone phone_number telephone mobile mobile_number telephone_number",
        "birth_date birthday date_of_birth dob",
        "license_plate plate plate_number licence_plate number_plate registration_number",
    )
)
"""Names for the same thing; the one that a pack's rules use is taken."""


def _brief_field(entity: EntityDraft, fact: FieldFact) -> None:
    field = fact.field
    if entity.account and field.name in (
        "email",
        "role",
        "password",
        "username_email",
        "is_active",
        "active",
    ):
        return
    if entity.known is not None and field.name not in entity.known.fields:
        same = next((group for group in _SAME if field.name in group), frozenset())
        twins = [name for name in entity.known.fields if name in same]
        if len(twins) == 1:
            # "start time" is what the pack, and its rules, call `starts_at`.
            entity.fields.setdefault(
                twins[0], parse_field(twins[0], entity.known.fields[twins[0]], field.source)
            )
            return
    if entity.known is not None and not fact.explicit:
        # The pack knows the field better than its name tells; the place in the brief stays.
        text = entity.known.fields.get(field.name) or entity.known.fields.get(fact.name)
        name = field.name if field.name in entity.known.fields else fact.name
        if text is not None:
            field = parse_field(name, text, field.source)
    if (
        field.name in word_list("state_fields")
        and field.type is not FieldType.ENUM
        and entity.known is not None
    ):
        return
    entity.fields.setdefault(field.name, field)


def _pack_fields(entity: EntityDraft, draft: Draft) -> None:
    if entity.known is None or entity.pack is None:
        return
    source = entity.pack.source("" if entity.explicit else f"usual for {entity.name}", 0.8)
    needed = _structural(entity, draft)
    related = {item.name for item in draft.relations if item.from_ == entity.name}
    for name, text in entity.known.fields.items():
        if name in entity.fields or name in related or (entity.explicit and name not in needed):
            continue
        entity.fields[name] = parse_field(name, text, source)


def _structural(entity: EntityDraft, draft: Draft) -> set[str]:
    """Fields of a pack's entity that its rules, lives and operations depend on."""
    pack = entity.pack
    assert pack is not None
    needed: set[str] = set()
    if entity.name in pack.machines:
        needed.add(pack.machines[entity.name].field)
    for part in (*pack.rules, *pack.operations, *pack.checkouts):
        involved = {
            str(part.get(key))
            for key in ("entity", "lines", "to", "from_lines", "to_lines", "rules", "alerts")
            if part.get(key)
        }
        if not involved <= set(draft.entities):
            continue
        texts = set(_strings(part))
        if (
            entity.name in involved
            or any(text.startswith(f"{entity.name}.") for text in texts)
            or entity.name in texts
        ):
            needed |= {
                name
                for name in (entity.known.fields if entity.known else ())
                if name in texts or f"{entity.name}.{name}" in texts
            }
    return needed


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


_GUESSES: dict[str, tuple[str, ...]] = {
    "person": ("name", "email", "phone", "notes"),
    "event": ("title", "starts_at", "location", "description"),
    "request": ("title", "description", "requested_on"),
    "document": ("title", "content"),
    "thing": ("name", "code", "description", "is_active"),
}
_KINDS = {
    "request": "report request application claim inquiry complaint ticket issue log note entry submission feedback suggestion proposal",
    "event": "event meeting class lesson visit trip session tour workshop appointment activity match game training shift",
    "document": "post article page document template story news announcement message comment faq recipe question answer review",
}


def _guess_fields(entity: EntityDraft, words: Vocabulary) -> None:
    """Fields for an entity of which the brief says no more than its name."""
    elsewhere = words.elsewhere(entity.name)
    if elsewhere is not None:
        pack, known = elsewhere
        source = pack.source(f"what a {entity.name.replace('_', ' ')} usually holds", 0.5)
        for name, text in known.fields.items():
            field = parse_field(name, text, source)
            entity.fields[name] = field.model_copy(update={"read_only": False}) if field.read_only else field
        entity.label, entity.description, entity.plural = known.label, known.description, known.plural
        return
    head = entity.name.rpartition("_")[2]
    kind = (
        "person"
        if head in word_list("persons")
        else next((kind for kind, nouns in _KINDS.items() if head in nouns.split()), "thing")
    )
    source = Source(
        origin=Origin.DEFAULT, detail=f"usual for a {kind}; the brief names no fields", confidence=0.4
    )
    for name in _GUESSES[kind]:
        field = make_field(
            name,
            hints=Hints(required=None if name in ("name", "title") else False),
            person=kind == "person",
            source=source,
        )
        entity.fields[field.name] = field


def add_relations(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Add the links of the brief, then those of the packs that are still missing."""
    for strong in (True, False):
        for fact in facts.relations:
            if fact.strong is not strong or facts.is_negated(fact.span):
                continue
            child, parent = words.resolve(fact.child), words.resolve(fact.parent)
            if child == parent or child not in draft.entities or parent not in draft.entities:
                continue
            if draft.relation(child, parent) is not None or _pack_links(draft, child, parent, strong=strong):
                continue
            if draft.entities[parent].account or (not strong and draft.entities[child].account):
                continue
            source = Source(
                origin=Origin.BRIEF,
                detail="the brief links the two",
                span=fact.span,
                confidence=0.95 if strong else 0.6,
            )
            connect(
                draft,
                child,
                parent,
                source,
                required=fact.required and strong,
                cardinality=fact.cardinality,
                part_of=fact.part_of,
            )
    for entity in list(draft.entities.values()):
        if entity.known is None or entity.pack is None:
            continue
        for name, text in entity.known.relations.items():
            relation = parse_relation(
                entity.name, name, text, entity.pack.source(f"how {entity.name} is linked", 0.8)
            )
            if relation.to in draft.entities and name not in draft.attributes(entity.name):
                draft.relations.append(_without_clash(draft, relation))


def _without_clash(draft: Draft, relation: Relation) -> Relation:
    used = {item.name for item in draft.relations if item.from_ == relation.to} | {
        item.inverse for item in draft.relations if item.to == relation.to
    }
    used |= set(draft.entities[relation.to].fields)
    return relation.model_copy(update={"inverse": None}) if relation.inverse in used else relation


def add_states(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Turn lists of states into lives, other lists of values into enums, and add the lives that packs know."""
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
