"""Capabilities in one word each: asked for in the brief, brought by a pack, or shown by the spec."""

from __future__ import annotations

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.demands import SHORT, asks_for_own_rows, asks_for_records, asks_for_roles, asks_for_sign_in
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts
from qlf.brief.packstore import words_data
from qlf.brief.surroundings import NO_SIGN_IN, opens_registration
from qlf.brief.tokens import Brief
from qlf.core.spec import (
    AppKind,
    Auth,
    Capacity,
    Cardinality,
    Checkout,
    Feature,
    FieldType,
    NoOverlap,
    Origin,
    Registration,
    Source,
    Total,
)

__all__ = ["features_of"]


def features_of(
    brief: Brief,
    facts: Facts,
    words: Vocabulary,
    draft: Draft,
    auth: Auth,
    *,
    kind: AppKind,
    guarded: bool,
) -> tuple[Feature, ...]:
    """Capabilities in one word each: asked for, brought by a pack, or following from the spec."""
    found: dict[str, Feature] = {}

    # In "damage report" the word "report" names a thing that is kept, not a capability.
    phrases = tuple(
        mention.span
        for mention in facts.mentions
        if (entity := words.resolve(mention.name)) in draft.entities and "_" in entity
    )

    def add(name: str, source: Source) -> None:
        found.setdefault(name, Feature(name=name, source=source))

    for name, asked in words_data("features").items():
        if name == "no_auth":
            continue
        # What is excluded asks for features whose name begins with `no_`.
        read = Facts() if name.startswith("no_") else facts
        span = next(
            (
                place
                for place in (first_match(brief, read, str(word), outside=phrases) for word in asked)
                if place
            ),
            None,
        )
        if span is not None:
            add(name, Source(origin=Origin.BRIEF, detail="asked for", span=span, confidence=0.85))
    for item in words.chosen[:2]:
        for name, feature in item.pack.features.items():
            if name in ("auth", "rbac", "session_timeout", "mfa") and len(brief.text) > SHORT:
                continue
            span = next(
                (place for place in (first_match(brief, facts, word) for word in feature.when) if place), None
            )
            if (not feature.when or span) and all(entity in draft.entities for entity in feature.needs):
                add(name, item.pack.source("usual in the domain", 0.7))
    for name, why in _following(brief, facts, words, draft, auth, kind=kind, guarded=guarded):
        add(name, Source(origin=Origin.DEFAULT, detail=why, confidence=0.8))
    place = opens_registration(brief, facts)
    if place is not None:
        add("registration", Source(origin=Origin.BRIEF, detail="asked for", span=place, confidence=0.85))
        add("auth", Source(origin=Origin.BRIEF, detail="asked for", span=place, confidence=0.85))
    own = asks_for_own_rows(brief, facts, draft, words)
    if own is not None and auth.enabled:
        add(
            "ownership",
            Source(origin=Origin.BRIEF, detail="rows belong to accounts", span=own, confidence=0.8),
        )
    if {"ownership", "rbac"} & set(found) and auth.enabled:
        add("auth", Source(origin=Origin.DEFAULT, detail="roles and owners need sign-in", confidence=0.8))
    if not auth.enabled:
        for name in ("auth", "registration", "rbac", "ownership"):
            found.pop(name, None)
        match = NO_SIGN_IN.search(brief.text)
        add(
            "no_auth",
            Source(
                origin=Origin.BRIEF, detail="asked for", span=match.span() if match else None, confidence=0.9
            ),
        )
    return tuple(found.values())


def _following(
    brief: Brief,
    facts: Facts,
    words: Vocabulary,
    draft: Draft,
    auth: Auth,
    *,
    kind: AppKind,
    guarded: bool,
) -> list[tuple[str, str]]:
    """Features that the spec shows by itself."""
    signs_in = asks_for_sign_in(brief, facts, words, guarded=guarded)
    entities = list(draft.entities.values())
    checks: list[tuple[str, bool, str]] = [
        (
            "crud",
            any(entity.routes for entity in entities) and asks_for_records(facts, words),
            "every entity has its routes",
        ),
        ("auth", auth.enabled and signs_in is not None, signs_in or ""),
        (
            "registration",
            auth.enabled
            and auth.registration is Registration.OPEN
            and any(entity.account for entity in entities)
            and len(brief.text) <= SHORT,
            "people register themselves",
        ),
        (
            "openapi",
            kind is AppKind.API and any(entity.account for entity in entities),
            "the contract is published",
        ),
        (
            "rbac",
            asks_for_roles(brief, facts, words),
            "the roles may do different things",
        ),
        (
            "state_machine",
            any(len(machine.states) > 3 and _asked(machine.source) for machine in draft.machines.values()),
            "rows go through states",
        ),
        (
            "enum_status",
            any(_asked(machine.source) for machine in draft.machines.values())
            or any(
                field.type is FieldType.ENUM and _asked(field.source) and field.name != "category"
                for entity in entities
                for field in entity.fields.values()
            ),
            "rows have a status",
        ),
        (
            "checkout",
            any(isinstance(item, Checkout) for item in draft.checkouts),
            "a row with lines is turned into another",
        ),
        (
            "no_overlap",
            any(isinstance(rule, NoOverlap) and _asked(rule.source) for rule in draft.rules),
            "periods do not overlap",
        ),
        (
            "totals",
            any(isinstance(rule, Total) and _asked(rule.source) for rule in draft.rules),
            "totals are computed",
        ),
        (
            "unique_constraints",
            any(fact.kind in ("unique", "unique_in", "unique_together") for fact in facts.rules)
            or any(fact.field.unique and fact.explicit for fact in facts.fields),
            "values are unique",
        ),
        ("validation_rules", sum(fact.kind == "bounds" for fact in facts.rules) > 0, "values have bounds"),
        (
            "many_to_many",
            any(
                item.cardinality is Cardinality.MANY_TO_MANY and _asked(item.source)
                for item in draft.relations
            ),
            "both sides have many",
        ),
        (
            "limit_rule",
            any(isinstance(rule, Capacity) and _asked(rule.source) for rule in draft.rules),
            "numbers of rows are limited",
        ),
    ]
    return [(name, why) for name, holds, why in checks if holds]


def _asked(source: Source | None) -> bool:
    return source is not None and source.origin is Origin.BRIEF
