"""The application while it is being put together: entities with their fields, links and lives."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlf.brief.pack import Pack, PackEntity
from qlf.core.spec import (
    Checkout,
    Entity,
    Field,
    Operation,
    Ownership,
    Question,
    Relation,
    Source,
    StateMachine,
)
from qlf.core.spec.behaviour import Rule

__all__ = ["Draft", "EntityDraft"]


@dataclass
class EntityDraft:
    """One entity that will be in the spec."""

    name: str
    source: Source
    pack: Pack | None = None
    known: PackEntity | None = None
    explicit: bool = False
    """The brief lists its fields; what a pack knows is then added only where something depends on it."""
    fields: dict[str, Field] = field(default_factory=dict)
    label: str | None = None
    plural: str | None = None
    description: str = ""
    account: bool = False
    ownership: Ownership = Ownership.NONE
    owner_via: str | None = None
    routes: bool = True
    append_only: bool = False

    def entity(self) -> Entity:
        """The entity for the spec."""
        return Entity(
            name=self.name,
            plural=self.plural,
            description=self.description,
            fields=tuple(self.fields.values()),
            label=self.label if self.label in self.fields else None,
            account=self.account,
            ownership=self.ownership,
            owner_via=self.owner_via,
            routes=self.routes,
            append_only=self.append_only,
            source=self.source,
        )


@dataclass
class Draft:
    """The parts that the grammar, the packs and the defaults have agreed on so far."""

    entities: dict[str, EntityDraft] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    machines: dict[str, StateMachine] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)

    def relation(self, child: str, parent: str) -> Relation | None:
        """The link between two entities in either direction, if there is one."""
        for item in self.relations:
            if {item.from_, item.to} == {child, parent}:
                return item
        return None

    def attributes(self, entity: str) -> set[str]:
        """Names of the fields and relations that rows of an entity hold."""
        names = set(self.entities[entity].fields) if entity in self.entities else set()
        return names | {item.name for item in self.relations if item.from_ == entity}

    def ask(self, question: Question) -> None:
        """Add a question once."""
        self.questions.setdefault(question.name, question)
