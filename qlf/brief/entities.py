"""Which nouns become entities: each needs evidence, in the brief or in a pack that the brief calls for."""

from __future__ import annotations

from collections import defaultdict

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.draft import Draft, EntityDraft
from qlf.brief.facts import Facts, Mention
from qlf.brief.grammar.mentions import TOPIC
from qlf.brief.grammar.roles import is_person
from qlf.brief.lexicon import is_known
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.spec import Cardinality, Origin, Source
from qlf.core.words import singular

__all__ = ["find_entities"]

_UNKNOWN = 0.95
"""The weight from which a noun that no pack knows becomes an entity."""
_GUESS = 0.5
_KNOWN_ELSEWHERE = 0.3
"""The weight from which a noun is kept that is a thing to keep in some other domain."""
_MAX_ENTITIES = 60
_FEW = 2
_CLEAR = 4.0
"""The score from which the usual parts of a domain are added to a brief that is more than a line."""
_SHORT = 160
"""Characters up to which a brief leaves the usual parts of its domain unsaid, whatever it names."""
_LONG = 900
"""Characters from which a brief is taken to name all that it needs."""


def find_entities(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Fill the draft with entities, those of the brief first and in its order."""
    evidence = _evidence(facts, words)
    listed = {words.resolve(fact.owner) for fact in facts.fields}
    for name in list(evidence):
        # "greenhouse plants" are the plants of which the fields are listed.
        plain = name.partition("_")[2]
        if plain in listed and name not in listed and words.home(name) is None:
            words.alias(name, plain)
            evidence[plain] = [*evidence.get(plain, []), *evidence.pop(name)]
    for fact in facts.fields:
        one = singular(fact.name)
        several = fact.plural and not fact.explicit and not is_known(fact.name) and one != fact.owner
        if several and (words.home(words.resolve(one)) or words.elsewhere(one)):
            # "exams with questions": many of one thing are kept beside it, not in it.
            evidence.setdefault(words.resolve(one), []).append(
                Mention(one, fact.span, 1.0, f"many of them belong to one {fact.owner}", plural=True)
            )
    _short_forms(evidence, words, listed)
    order = sorted(evidence, key=lambda name: min(item.span for item in evidence[name]))
    for name in order:
        best = max(evidence[name], key=lambda item: (item.weight, -item.span[0]))
        home = words.home(name)
        if home is not None:
            if home[1].condition[0] == "never" or not _named_well(name, best):
                continue
        elif not _convincing(
            name, best, evidence[name], listed=name in listed, known=words.elsewhere(name) is not None
        ):
            continue
        if len(draft.entities) >= _MAX_ENTITIES:
            break
        source = Source(
            origin=Origin.BRIEF, detail=best.why, span=best.span, confidence=min(1.0, 0.5 + best.weight / 3)
        )
        _add(draft, name, source, words, explicit=name in listed)
    _implied(brief, facts, words, draft)
    if not draft.entities:
        _best_guess(evidence, words, draft)


def _short_forms(evidence: dict[str, list[Mention]], words: Vocabulary, listed: set[str]) -> None:
    """`the cart` is the shopping cart that was spoken of: one thing, under its short name."""
    longer: dict[str, list[str]] = defaultdict(list)
    for name, items in evidence.items():
        head = name.rpartition("_")[2]
        if head != name and max(item.weight for item in items) >= _KNOWN_ELSEWHERE:
            longer[head].append(name)
    for head, names in longer.items():
        if head not in evidence or len(names) != 1 or names[0] in listed or words.home(names[0]):
            continue
        if head in word_list("noise") or is_known(head) or is_person(head):
            continue
        if max(item.weight for item in evidence[names[0]]) < _GUESS and words.elsewhere(names[0]) is None:
            continue
        words.alias(names[0], head)
        evidence[head] = [*evidence[head], *evidence.pop(names[0])]


def _best_guess(evidence: dict[str, list[Mention]], words: Vocabulary, draft: Draft) -> None:
    """The noun that something is done to, when nothing better was found."""
    candidates = [
        (-item.weight, item.span, name, item)
        for name, items in evidence.items()
        for item in items
        if (item.why == TOPIC or (item.weight >= _GUESS and not is_known(name)))
        and name not in word_list("noise") | word_list("app_nouns")
    ]
    for _, _, name, item in sorted(candidates)[:1]:
        source = Source(origin=Origin.BRIEF, detail=item.why, span=item.span, confidence=0.4)
        _add(draft, name, source, words)


def _named_well(name: str, best: Mention) -> bool:
    if name == "user":
        return best.weight >= 1.0
    return best.weight >= 0.25


def _evidence(facts: Facts, words: Vocabulary) -> dict[str, list[Mention]]:
    evidence: dict[str, list[Mention]] = defaultdict(list)
    for mention in facts.mentions:
        if facts.is_negated(mention.span):
            continue
        evidence[words.resolve(mention.name)].append(mention)
    for relation in facts.relations:
        if not relation.strong or facts.is_negated(relation.span):
            continue
        for side in (relation.child, relation.parent):
            # What many things share, such as categories, is a thing of its own.
            shared = relation.cardinality is Cardinality.MANY_TO_MANY and side == relation.child
            if (shared or not is_known(side)) and side not in word_list("noise"):
                evidence[words.resolve(side)].append(
                    Mention(
                        side,
                        relation.span,
                        1.0 if shared else 0.8,
                        "shared by many" if shared else "linked to something else",
                    )
                )
    return dict(evidence)


def _convincing(name: str, best: Mention, all_of: list[Mention], *, listed: bool, known: bool) -> bool:
    """Whether a noun that no pack knows is something to keep."""
    head = name.rpartition("_")[2]
    if best.why == "one of the things in a list" and name in word_list("listable"):
        return True
    if name in word_list("noise") or (
        (head in word_list("noise") or head in word_list("app_nouns")) and not listed
    ):
        return False
    if head.endswith("ing") and head not in word_list("things") and not listed:
        return False
    if listed and best.weight >= 0.9:
        return True
    if is_known(name) and best.weight < 1.0 and not best.why.startswith("shared"):
        return False
    if is_person(name):
        # People who merely act are roles; they are kept when something says what is kept about them.
        return best.weight >= 1.0
    if known and best.why == "named as a part of the application":
        return True
    if known and best.plural and best.weight >= _KNOWN_ELSEWHERE:
        return True
    repeated = 0.1 * min(4, sum(1 for item in all_of if item.weight >= 0.5) - 1)
    return best.weight + max(0.0, repeated) >= _UNKNOWN


def _add(draft: Draft, name: str, source: Source, words: Vocabulary, *, explicit: bool = False) -> None:
    if name in draft.entities:
        return
    home = words.home(name)
    entity = EntityDraft(name, source, explicit=explicit)
    if home is not None:
        entity.pack, entity.known = home
        entity.plural, entity.label, entity.description = home[1].plural, home[1].label, home[1].description
        entity.routes, entity.append_only = home[1].routes, home[1].append_only
    entity.account = name == "user"
    draft.entities[name] = entity


def _implied(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Entities that a pack adds: the core of the domain, parts of what is there, and what words call for."""
    detailed = sum(1 for item in draft.entities.values() if item.explicit) >= 2 or len(brief.text) > _LONG
    said = sum(not item.account for item in draft.entities.values())
    detailed = detailed or (said > _FEW and len(brief.text) > _SHORT)
    nothing = not draft.entities
    negated = {
        words.resolve(singular(mention.name)) for mention in facts.mentions if facts.is_negated(mention.span)
    }
    for rank, item in enumerate(words.chosen):
        reason = f"the brief says {item.words[0]!r}" if item.words else "the domain"
        for name, value in item.pack.entities.items():
            kind, arguments = value.condition
            sure = item.score >= _CLEAR or len(brief.text) <= _SHORT
            if kind == "core" and rank == 0 and ((sure and not detailed) or nothing) and name not in negated:
                _add(draft, name, item.pack.source(reason, 0.8), words)
            elif kind in ("when", "core") and arguments and (rank == 0 or not detailed):
                found = next((word for word in arguments if first_match(brief, facts, word)), None)
                if found is not None:
                    source = Source(
                        origin=Origin.PACK,
                        detail=f"pack {item.pack.name}: the brief says {found!r}",
                        span=first_match(brief, facts, found),
                        confidence=0.8,
                    )
                    _add(draft, name, source, words)
        changed = True
        while changed:
            changed = False
            for name, value in item.pack.entities.items():
                kind, arguments = value.condition
                if name in draft.entities or name in negated:
                    continue
                if kind == "with" and any(other in draft.entities for other in arguments):
                    _add(draft, name, item.pack.source(f"goes with {arguments[0]}", 0.85), words)
                    changed = True
            for name in list(draft.entities):
                other = draft.entities[name].pack is not words.chosen[0].pack
                for needed in _required(draft, name, detailed=detailed or other):
                    if needed not in draft.entities and words.home(needed) is not None:
                        _add(draft, needed, item.pack.source(f"{name} needs it", 0.75), words)
                        changed = True


def _required(draft: Draft, name: str, *, detailed: bool) -> list[str]:
    """Entities that the pack's entity cannot be without.

    A brief that names what it needs is not widened: only the whole of which something is a part is added.
    """
    entity = draft.entities[name]
    if entity.known is None or entity.explicit:
        return []
    needed = []
    for text in entity.known.relations.values():
        parts = text.split()
        target = parts[1] if parts[0] in ("part_of", "many", "one") else parts[0]
        if "optional" not in parts and parts[0] != "many" and (not detailed or parts[0] == "part_of"):
            needed.append(target)
    return needed
