"""Which domain packs a brief calls for, and what its nouns mean in them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from qlf.brief.facts import Facts, Span
from qlf.brief.grammar.roles import is_person
from qlf.brief.lexicon import is_known
from qlf.brief.naming import safe_entity
from qlf.brief.pack import Pack, PackEntity
from qlf.brief.packstore import Catalogue, word_pattern, word_start
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.words import singular

__all__ = ["Chosen", "Vocabulary", "choose", "first_match"]

_RENTAL = re.compile(r"(?<![\w-])([a-z]{3,20}) (?:rentals?|hire)\b")
_PRIMARY = 2.2
"""The score from which a pack counts as the domain of the brief."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pack with how strongly the brief calls for it, and by which words."""

    pack: Pack
    score: float
    words: tuple[str, ...]
    span: Span | None


@dataclass
class Vocabulary:
    """The nouns of the chosen packs."""

    chosen: tuple[Chosen, ...]
    catalogue: Catalogue
    _names: dict[str, str] = field(default_factory=dict)
    _home: dict[str, tuple[Pack, PackEntity]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in self.chosen:
            for entity, value in item.pack.entities.items():
                self._home.setdefault(entity, (item.pack, value))
        for item in self.chosen:
            for entity in item.pack.entities:
                self._names.setdefault(entity, entity)
        for item in self.chosen:
            for entity, value in item.pack.entities.items():
                for word in value.words:
                    self._names.setdefault(singular(word), entity)

    def resolve(self, name: str) -> str:
        """The entity that a noun means; the noun itself when no pack knows it."""
        return safe_entity(self._meaning(singular(name)))

    def _meaning(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        head = name.rpartition("_")[2]
        rest = name.partition("_")[2]
        # "spare part" is a part, "customer order" an order: a longer phrase means what its end means.
        if rest and rest in self._names:
            return self._names[rest]
        if (
            head in self._names
            and head != name
            and self._names[head] in self._home
            and len(name.split("_")) <= 2
        ):
            return self._names[head] if name.partition("_")[0] in word_list("qualifiers") else name
        return name

    def alias(self, noun: str, entity: str) -> None:
        """Let a noun mean an entity that exists."""
        self._names.setdefault(noun, entity)

    def home(self, entity: str) -> tuple[Pack, PackEntity] | None:
        """The pack that knows an entity."""
        return self._home.get(entity)

    def elsewhere(self, entity: str) -> tuple[Pack, PackEntity] | None:
        """An entity of that very name in a pack that was not chosen: its fields are a fair guess.

        Of several packs, the one to whose core it belongs knows it best, then the one that says least that is
        special.
        """
        name = self.catalogue.best_home(entity)
        if name is None:
            return None
        pack = self.catalogue.pack(name)
        return pack, pack.entities[entity]


def first_match(
    brief: Brief,
    facts: Facts,
    word: str,
    *,
    outside: tuple[Span, ...] = (),
    verbs: frozenset[int] = frozenset(),
) -> Span | None:
    """The first place where the brief uses a word: not excluded, not a mere part of the phrases `outside`.

    Places where it is a verb, as in "book a slot", start at one of `verbs` and do not count.
    """
    if word_start(word) not in brief.lower:
        return None
    for match in word_pattern(word).finditer(brief.lower):
        start, end = match.span()
        inside = any(first <= start and end <= last and last - first > end - start for first, last in outside)
        if not inside and start not in verbs and not facts.is_negated((start, end)):
            return start, end
    return None


def choose(brief: Brief, facts: Facts, catalogue: Catalogue) -> Vocabulary:
    """The packs that the brief calls for, the strongest first."""
    scores: list[tuple[float, str, tuple[str, ...], Span | None]] = []
    mentioned = {mention.name for mention in facts.mentions} | {fact.owner for fact in facts.fields}
    start = max(160, brief.sentences[0].end) if brief.sentences else 160
    verbs = frozenset(facts.verbs)
    for name in catalogue.names:
        score = 0.0
        words: list[tuple[float, str, Span]] = []
        for word, weight in sorted(catalogue.words(name).items(), key=lambda pair: (-len(pair[0]), pair[0])):
            span = first_match(brief, facts, word, verbs=verbs if word in word_list("both") else frozenset())
            if span is not None:
                # A word inside a longer one that counted already adds little.
                covered = any(span[0] >= other[0] and span[1] <= other[1] for _, _, other in words)
                # What the brief is about stands at its start.
                score += weight * (0.3 if covered else 1.0) * (1.5 if span[0] < start else 1.0)
                words.append((weight, word, span))
        nouns = {entity for word, entity in catalogue.entity_words(name).items() if word in mentioned}
        score += 0.3 * min(len(nouns), 6)
        if words and score >= 1.0:
            best = max(words, key=lambda item: item[0])
            scores.append((round(score, 3), name, tuple(word for _, word, _ in words), best[2]))
    scores.sort(key=lambda item: (-item[0], item[1]))
    if not scores or scores[0][0] < _PRIMARY:
        return Vocabulary((), catalogue)
    best_score = scores[0][0]
    chosen = [
        Chosen(catalogue.pack(name, _renames(name, brief, facts, catalogue)), score, words, span)
        for index, (score, name, words, span) in enumerate(scores)
        if index == 0 or (score >= 2.5 and score >= best_score * 0.45)
    ]
    return Vocabulary(tuple(chosen[:3]), catalogue)


def _renames(name: str, brief: Brief, facts: Facts, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Entities of a pack for which the brief only uses another noun: its noun becomes the name."""
    nouns = catalogue.entity_words(name)
    said: dict[str, Counter[str]] = {}
    owners = {fact.owner for fact in facts.fields}
    for mention in facts.mentions:
        noun = singular(mention.name)
        if noun in nouns and mention.weight >= 0.25 and not facts.is_negated(mention.span):
            said.setdefault(nouns[noun], Counter())[noun] += 5 if noun in owners else 1
    renames = _by_deeds(name, brief, facts, catalogue, said)
    for entity, counts in sorted(said.items()):
        noun = max(counts, key=lambda word: (counts[word], word))
        if (
            entity not in counts
            and not noun.endswith(f"_{entity}")
            and noun not in entity.split("_")
            and noun not in catalogue.pack(name).entities
            and safe_entity(noun) == noun
            and entity != "user"
            and not _is_line(catalogue, name, entity)
        ):
            renames.append((entity, noun))
    return tuple(renames)


def _by_deeds(
    name: str, brief: Brief, facts: Facts, catalogue: Catalogue, said: dict[str, Counter[str]]
) -> list[tuple[str, str]]:
    """What people rent is the item of a rental pack, whatever the brief calls it."""
    nouns = catalogue.entity_words(name)
    renames: list[tuple[str, str]] = []
    for entity, verbs in catalogue.objects_of(name).items():
        if entity in said:
            continue
        counts: Counter[str] = Counter()
        for deed in facts.deeds:
            noun = singular(deed.target)
            if (
                deed.verb in verbs
                and noun not in nouns
                and noun.rpartition("_")[2] not in word_list("noise") | word_list("bookings")
                and noun not in word_list("app_nouns")
                and safe_entity(noun) == noun
                and not is_person(noun)
                and not is_known(noun)
                and not facts.is_negated(deed.span)
            ):
                counts[noun] += 1
        if not counts and "rent" in verbs:
            # "bike rental": what stands before it is what is rented out.
            counts.update(
                noun
                for noun in (singular(match[1]) for match in _RENTAL.finditer(brief.lower))
                if noun not in nouns
                and noun not in word_list("noise") | word_list("app_nouns") | word_list("class_adj")
                and safe_entity(noun) == noun
                and not is_known(noun)
            )
        if counts:
            noun = max(counts, key=lambda word: (counts[word], word))
            renames.append((entity, noun))
    return renames


def _is_line(catalogue: Catalogue, name: str, entity: str) -> bool:
    """Lines keep their names: "labour" stands for many lines of labour, not for one thing."""
    return any(
        text.startswith("part_of") for text in catalogue.pack(name).entities[entity].relations.values()
    )
