"""What a brief demands without the word for it: people who sign in, roles that differ, rows of one's own.

Every application with accounts has sign-in and deny-by-default; here it only counts when the brief, or the
domain of a brief too short to say more, asks for it.
"""

from __future__ import annotations

import re

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, Span
from qlf.brief.grammar.roles import is_person, role_name
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.words import singular

__all__ = [
    "SHORT",
    "asks_for_own_rows",
    "asks_for_records",
    "asks_for_roles",
    "asks_for_sign_in",
    "said_roles",
]

SHORT = 120
"""Characters up to which a brief leaves everything to its domain."""
_BUILDERS = frozenset(["developer", "engineer", "designer", "stakeholder"])
"""People whom briefs speak to, not of."""
_OWN = re.compile(
    r"\b(?:(?:my|their|his|her)(?:\s+own)?\s+(?:upcoming |past |current |personal |previous |saved |open )?"
    r"(?P<noun>[a-z]+s?)|for (?:myself|themselves)|(?:assigned|belonging|related) to (?:them|me|him|her)\b|"
    r"only (?:see|view|edit|access|read|manage)[\w ]{0,30}(?:own|assigned))",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"\b(?:status code|endpoints?|request body|JSON (?:object|body|response))\b", re.IGNORECASE
)


def said_roles(brief: Brief, facts: Facts) -> set[str]:
    """The different kinds of people that the brief lets act, under their plain names."""
    names: set[str] = set()
    for fact in facts.roles:
        if facts.is_negated(fact.span):
            continue
        name = singular(fact.name)
        if name.endswith("_user"):
            name = "user"
        if name not in _BUILDERS:
            names.add(name)
    if first_match(brief, facts, "administrator") or first_match(brief, facts, "admin"):
        names.add("admin")
    for mention in facts.mentions:
        name = role_name(singular(mention.name)) or ""
        acts = mention.plural and mention.weight < 1.0 and name in word_list("outsiders") - {"user"}
        if acts and is_person(name) and not facts.is_negated(mention.span):
            names.add(name)
    return names


def asks_for_roles(brief: Brief, facts: Facts, words: Vocabulary) -> bool:
    """Whether different people may do different things."""
    names = said_roles(brief, facts)
    if len(names - {"user"}) >= 2 or (len(names) >= 2 and bool(names & word_list("senior"))):
        return True
    if len(names) >= 2 and "admin" in names:
        return True
    return len(brief.text) <= SHORT and any(
        "rbac" in item.pack.features and _called(brief, facts, item.pack.features["rbac"].when)
        for item in words.chosen[:1]
    )


def _called(brief: Brief, facts: Facts, when: tuple[str, ...]) -> bool:
    return not when or any(first_match(brief, facts, word) for word in when)


def asks_for_own_rows(brief: Brief, facts: Facts, draft: Draft, words: Vocabulary) -> Span | None:
    """The words that say that people only see or change what is theirs."""
    kept = set(draft.entities)
    for match in _OWN.finditer(brief.text):
        if facts.is_negated(match.span()):
            continue
        noun = match["noun"]
        if noun is None or words.resolve(singular(noun.lower())) in kept:
            return match.span()
        head = re.match(r"[\w-]+(?: [\w-]+)?", brief.text[match.start("noun") :])
        phrase = head.group().lower().replace(" ", "_") if head else ""
        if words.resolve(singular(phrase)) in kept:
            return match.span()
    return None


def asks_for_sign_in(brief: Brief, facts: Facts, words: Vocabulary, *, guarded: bool) -> str | None:
    """Why people must sign in, although the brief has no word for it; `None` when nothing says so.

    Args:
        guarded: Whether an overlay was named or implied by the brief.
    """
    if asks_for_roles(brief, facts, words):
        return "different people may do different things"
    calls = len(_CALLS.findall(brief.text)) >= 3
    names = said_roles(brief, facts)
    acting = [act for act in facts.acts if act.verb not in word_list("see_verbs") | _FEEBLE]
    if guarded and not calls:
        return "what is kept is protected by law"
    if calls:
        return None
    if any(act.own for act in facts.acts):
        return "people have rows of their own"
    if names and any(singular(act.role) not in _BUILDERS for act in acting):
        return "people do more than look"
    if len(brief.text) <= SHORT and any("auth" in item.pack.features for item in words.chosen[:1]):
        return "usual in the domain"
    return None


_FEEBLE = frozenset(["use", "want", "need", "click", "know", "go", "select", "choose", "operate", "help"])


def asks_for_records(facts: Facts, words: Vocabulary) -> bool:
    """Whether rows are kept for their own sake, not merely as the trace of a process such as a payment."""
    if not any(item.pack.process for item in words.chosen[:1]):
        return True
    return any(
        act.verb in word_list("keep_verbs") | word_list("edit") | {"create", "add", "post"}
        for act in facts.acts
    ) or any(mention.why == "named as something to manage" for mention in facts.mentions)
