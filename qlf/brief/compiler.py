"""The way from a brief to a spec: read, find facts, choose packs, put together, complete, check."""

from __future__ import annotations

from qlf.brief import (
    access,
    assemble,
    entities,
    features,
    fieldset,
    links,
    overlays,
    questions,
    ruleset,
    surroundings,
    wishes,
)
from qlf.brief.choose import Vocabulary, choose
from qlf.brief.consistent import make_consistent
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts
from qlf.brief.foreign import ask_reading, reading
from qlf.brief.grammar import fields, mentions, negation, records, relations, roles, rules, states, tables
from qlf.brief.language import expect_english, is_english
from qlf.brief.naming import slug
from qlf.brief.packstore import catalogue
from qlf.brief.text import clean
from qlf.brief.tokens import Brief, read
from qlf.core.spec import App, Auth, Origin, Source, Spec
from qlf.errors import InputError

__all__ = ["compile_text", "find_facts"]


def find_facts(brief: Brief) -> Facts:
    """Everything that the grammar finds in a brief."""
    facts = Facts()
    negation.find_negations(brief, facts)
    tables.find_tables(brief, facts)
    fields.find_fields(brief, facts)
    mentions.find_mentions(brief, facts)
    records.find_records(brief, facts)
    roles.find_roles(brief, facts)
    relations.find_relations(brief, facts)
    states.find_states(brief, facts)
    rules.find_rules(brief, facts)
    return facts


def compile_text(text: str, *, name: str | None = None) -> Spec:
    """The spec for a brief; see `qlf.brief.compile_brief`.

    Raises:
        InputError: When nothing can be built from it.
    """
    brief = original = read(clean(text))
    language = ""
    if not is_english(brief) and (found := reading(brief.text)) is not None:
        brief, language = read(clean(found[0])), found[1]
    else:
        expect_english(brief)
    facts = find_facts(brief)
    words = choose(brief, facts, catalogue())
    draft = Draft()
    if language:
        ask_reading(language, draft)
    entities.find_entities(brief, facts, words, draft)
    if not draft.entities:
        if language:
            expect_english(original)
        raise InputError(
            (
                f"the brief {brief.quote((0, len(brief.text)))[:60]!r} names nothing that an "
                f"application could keep"
            ),
            hint=(
                "Say in English what it keeps and who uses it, for example: track books with title "
                "and author, and members who borrow them."
            ),
        )
    fieldset.add_fields(facts, words, draft)
    links.add_relations(facts, words, draft)
    assemble.add_states(facts, words, draft)
    assemble.add_behaviour(words, draft)
    ruleset.apply_rules(facts, words, draft)
    make_consistent(draft)
    return _spec(brief, facts, words, draft, name)


def _spec(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft, name: str | None) -> Spec:
    signs_in = surroundings.signs_in(brief)
    allowed = access.build_access(facts, words, draft, enabled=signs_in)
    title = surroundings.title_of(brief, words, draft)
    app = App(
        name=slug(name) if name else slug(title),
        title=title,
        summary=brief.quote((0, min(len(brief.text), 160))),
        kind=surroundings.kind_of(brief, facts),
        domain=words.chosen[0].pack.domain if words.chosen else "general",
        source=_app_source(words),
    )
    auth = Auth(
        enabled=signs_in,
        registration=surroundings.registration_of(brief, facts, words),
        source=surroundings.auth_source(brief, facts),
    )
    chosen = overlays.overlays_of(brief, facts, words, draft)
    guarded = any(item.source is not None and item.source.origin is Origin.BRIEF for item in chosen)
    capabilities = features.features_of(brief, facts, words, draft, auth, kind=app.kind, guarded=guarded)
    wishes.forbid_deletion(brief, allowed)
    wishes.ask_contradictions(brief, facts, draft)
    wishes.ask_stack(brief, facts, draft)
    questions.ask_questions(brief, facts, words, draft, auth)
    return Spec(
        app=app,
        brief=brief.text,
        auth=auth,
        entities=tuple(item.entity() for item in draft.entities.values()),
        relations=tuple(draft.relations),
        roles=tuple(allowed.roles),
        permissions=tuple(allowed.permissions),
        state_machines=tuple(draft.machines.values()),
        operations=tuple(draft.operations),
        checkouts=tuple(draft.checkouts),
        rules=access.settle_approvals(draft.rules, allowed, words),
        features=capabilities,
        overlays=chosen,
        questions=tuple(draft.questions.values()),
        pages=surroundings.pages_of(app, draft),
    )


def _app_source(words: Vocabulary) -> Source:
    if not words.chosen:
        return Source(origin=Origin.DEFAULT, detail="no domain pack fits the brief", confidence=0.5)
    first = words.chosen[0]
    said = ", ".join(repr(word) for word in first.words[:5])
    return Source(
        origin=Origin.PACK,
        detail=f"pack {first.pack.name} because of {said}"[:300],
        span=first.span,
        confidence=min(1.0, 0.4 + first.score / 10),
    )
