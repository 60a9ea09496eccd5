"""Links between entities: those of the brief first, then those that the packs know."""

from __future__ import annotations

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts
from qlf.brief.naming import field_name
from qlf.brief.pack import parse_relation
from qlf.core.spec import Cardinality, OnDelete, Origin, Relation, Source
from qlf.core.words import plural

__all__ = ["add_relations", "connect", "pack_links"]


def pack_links(draft: Draft, one: str, other: str, *, strong: bool = True) -> bool:
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
    draft: Draft,
    child: str,
    parent: str,
    source: Source,
    *,
    required: bool = True,
    name: str | None = None,
    cardinality: Cardinality = Cardinality.MANY_TO_ONE,
    part_of: bool = False,
) -> None:
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
                "from": child,
                "to": parent,
                "name": safe,
                "inverse": inverse or None,
                "cardinality": cardinality,
                "required": required and not many,
                "part_of": part_of and not many,
                "on_delete": OnDelete.CASCADE
                if part_of and not many
                else OnDelete.RESTRICT
                if required or many
                else OnDelete.SET_NULL,
                "source": source,
            }
        )
    )


def add_relations(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Add the links of the brief, then those of the packs that are still missing."""
    for strong in (True, False):
        for fact in facts.relations:
            if fact.strong is not strong or facts.is_negated(fact.span):
                continue
            child, parent = words.resolve(fact.child), words.resolve(fact.parent)
            if child == parent or child not in draft.entities or parent not in draft.entities:
                continue
            if draft.relation(child, parent) is not None or pack_links(draft, child, parent, strong=strong):
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
