"""What the grammar found in a brief, each with the place where it stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from qlf.core.spec import Cardinality, Field

__all__ = [
    "ActFact",
    "DeedFact",
    "Facts",
    "FieldFact",
    "Mention",
    "OtherRuleFact",
    "RelationFact",
    "RoleFact",
    "RuleFact",
    "Span",
    "StateFact",
]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """A noun phrase that may be an entity, with how strongly its surroundings say so."""

    name: str
    span: Span
    weight: float
    why: str
    plural: bool = False


@dataclass(frozen=True, slots=True)
class FieldFact:
    """A member of a field list. Whether it is a field or another entity shows later."""

    owner: str
    name: str
    plural: bool
    field: Field
    span: Span
    explicit: bool = False
    """It has a type or a constraint beside it, so it is a field even if an entity has that name."""


@dataclass(frozen=True, slots=True)
class RelationFact:
    """`child` holds the link to `parent`, or both sides have many."""

    child: str
    parent: str
    span: Span
    cardinality: Cardinality = Cardinality.MANY_TO_ONE
    required: bool = True
    part_of: bool = False
    strong: bool = True
    """False when a verb suggests it; both sides must then be entities for other reasons."""


@dataclass(frozen=True, slots=True)
class RoleFact:
    """Somebody who uses the application."""

    name: str
    span: Span
    description: str = ""
    listed: bool = False


@dataclass(frozen=True, slots=True)
class ActFact:
    """Somebody does something to something."""

    role: str
    verb: str
    target: str
    span: Span
    own: bool = False


@dataclass(frozen=True, slots=True)
class DeedFact:
    """Something is done to something, whoever does it."""

    verb: str
    target: str
    span: Span


@dataclass(frozen=True, slots=True)
class StateFact:
    """Values that a field goes through."""

    owner: str | None
    field: str
    states: tuple[str, ...]
    span: Span
    steps: tuple[tuple[str, str], ...] = ()
    """Steps that were written as arrows."""


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A rule that the spec has a kind for; the arguments are phrases that still need resolving."""

    kind: str
    span: Span
    text: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OtherRuleFact:
    """A sentence that states a rule of no known kind."""

    text: str
    span: Span
    nouns: tuple[str, ...]


@dataclass
class Facts:
    """Everything that was found."""

    mentions: list[Mention] = field(default_factory=list)
    fields: list[FieldFact] = field(default_factory=list)
    relations: list[RelationFact] = field(default_factory=list)
    roles: list[RoleFact] = field(default_factory=list)
    acts: list[ActFact] = field(default_factory=list)
    deeds: list[DeedFact] = field(default_factory=list)
    verbs: set[int] = field(default_factory=set)
    """Places where a verb begins."""
    states: list[StateFact] = field(default_factory=list)
    rules: list[RuleFact] = field(default_factory=list)
    others: list[OtherRuleFact] = field(default_factory=list)
    negated: list[Span] = field(default_factory=list)
    """Sorted, without overlaps."""

    def is_negated(self, span: Span) -> bool:
        """Whether the place lies inside something that the brief says it does not want."""
        place = bisect_right(self.negated, (span[0], 1 << 60)) - 1
        return place >= 0 and self.negated[place][0] <= span[0] and span[1] <= self.negated[place][1]
