"""The fields of every entity: of the brief, of its pack, or usual for things of its kind."""

from __future__ import annotations

from typing import Any

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft, EntityDraft
from qlf.brief.facts import Facts, FieldFact
from qlf.brief.lexicon import Hints, make_field
from qlf.brief.links import connect, pack_links
from qlf.brief.pack import parse_field
from qlf.brief.wordlists import word_list
from qlf.core.spec import FieldType, Origin, Source
from qlf.core.words import singular

__all__ = ["add_fields"]


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
    if draft.relation(owner, target) is not None or pack_links(draft, owner, target):
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


_SAME = tuple(
    frozenset(group.split())
    for group in (
        (
            "start starts start_time start_date starts_at starts_on start_at started_at begin "
            "begins_at from_date beginning"
        ),
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
    "booking": ("starts_at", "ends_at", "notes"),
    "money": ("description", "amount", "due_on", "notes"),
    "thing": ("name", "code", "description", "is_active"),
}


_ALWAYS = ("name", "title", "starts_at", "ends_at")
"""Guessed fields that every row has."""
_KINDS = {
    "request": (
        "report request application claim inquiry complaint ticket issue log note entry "
        "submission feedback suggestion proposal"
    ),
    "event": (
        "event meeting class lesson visit trip session tour workshop appointment activity "
        "match game training shift"
    ),
    "money": "salary deduction fee cost bonus tax allowance contribution toll subsidy tip surcharge",
    "document": (
        "post article page document template story news announcement message comment faq "
        "recipe question answer review"
    ),
}


def _guess_fields(entity: EntityDraft, words: Vocabulary) -> None:
    """Fields for an entity of which the brief says no more than its name."""
    elsewhere = words.elsewhere(entity.name)
    # What is booked differs from domain to domain; that it has a beginning and an end does not.
    timed = entity.name in ("booking", "reservation")
    if elsewhere is not None and not timed:
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
        else "booking"
        if timed
        else next((kind for kind, nouns in _KINDS.items() if head in nouns.split()), "thing")
    )
    source = Source(
        origin=Origin.DEFAULT, detail=f"usual for a {kind}; the brief names no fields", confidence=0.4
    )
    for name in _GUESSES[kind]:
        field = make_field(
            name,
            hints=Hints(required=None if name in _ALWAYS else False),
            person=kind == "person",
            source=source,
        )
        entity.fields[field.name] = field
