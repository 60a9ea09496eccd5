"""The whole spec of an application, checked as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field as F
from pydantic import model_validator

from qlf.core.canonical import digest_value
from qlf.core.spec.access import ADMIN, PUBLIC, Action, Auth, Permission, Role
from qlf.core.spec.base import Element, Name, Slug, Text, Title
from qlf.core.spec.behaviour import Checkout, Operation, Rule, StateMachine
from qlf.core.spec.data import Entity, Relation
from qlf.core.spec.surroundings import (
    Criterion,
    Feature,
    Integration,
    Job,
    Notification,
    OverlayChoice,
    Page,
    Quality,
    Question,
    Retention,
)

__all__ = ["App", "AppKind", "Spec", "Stack"]


class AppKind(StrEnum):
    """What is built."""

    API = "api"
    WEB = "web"
    """An API with a front end."""


class Stack(Element):
    """The technology. Only what a blueprint exists for is accepted."""

    language: Literal["python"] = "python"
    framework: Literal["fastapi"] = "fastapi"
    database: Literal["sqlite", "postgresql"] = "sqlite"
    """The default database; the other one is always a matter of `DATABASE_URL`."""


class App(Element):
    """The application as a whole."""

    name: Slug
    title: Title
    summary: Text = ""
    kind: AppKind = AppKind.API
    domain: Name = "general"
    language: Annotated[str, F(pattern=r"^[a-z]{2}$")] = "en"
    port: Annotated[int, F(ge=1, le=65_535)] = 8000
    stack: Stack = Stack()


class Spec(Element):
    """Everything that decides what an application is. Equal specs give equal applications."""

    version: Literal[1] = 1
    app: App
    brief: Annotated[str, F(max_length=200_000)] = ""
    """The words it was made from, as given."""
    auth: Auth = Auth()
    entities: Annotated[tuple[Entity, ...], F(min_length=1)]
    relations: tuple[Relation, ...] = ()
    roles: tuple[Role, ...] = ()
    permissions: tuple[Permission, ...] = ()
    state_machines: tuple[StateMachine, ...] = ()
    operations: tuple[Operation, ...] = ()
    checkouts: tuple[Checkout, ...] = ()
    rules: tuple[Rule, ...] = ()
    features: tuple[Feature, ...] = ()
    notifications: tuple[Notification, ...] = ()
    jobs: tuple[Job, ...] = ()
    retention: tuple[Retention, ...] = ()
    pages: tuple[Page, ...] = ()
    integrations: tuple[Integration, ...] = ()
    qualities: tuple[Quality, ...] = ()
    overlays: tuple[OverlayChoice, ...] = ()
    acceptance: tuple[Criterion, ...] = ()
    questions: tuple[Question, ...] = ()

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems[:5]))
        return self

    def entity(self, name: str) -> Entity:
        """The entity of that name.

        Raises:
            KeyError: If there is none.
        """
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(name)

    def relations_from(self, entity: str) -> tuple[Relation, ...]:
        """The relations that the rows of `entity` hold."""
        return tuple(relation for relation in self.relations if relation.from_ == entity)

    def relations_to(self, entity: str) -> tuple[Relation, ...]:
        """The relations that lead to `entity`."""
        return tuple(relation for relation in self.relations if relation.to == entity)

    def machine(self, entity: str) -> StateMachine | None:
        """The state machine of `entity`, if it has one."""
        return next((machine for machine in self.state_machines if machine.entity == entity), None)

    def to_data(self) -> dict[str, Any]:
        """Plain JSON data with the names of the published schema; defaults are left out."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        # The tag of a union is a default of each member, and nothing can be read back without it.
        for part, rule in zip(data.get("rules", ()), self.rules, strict=True):
            _tag(part, rule.kind)
        for part, machine in zip(data.get("state_machines", ()), self.state_machines, strict=True):
            for step, transition in zip(part["transitions"], machine.transitions, strict=True):
                for effect, of in zip(step.get("effects", ()), transition.effects, strict=True):
                    _tag(effect, of.kind)
        for part, operation in zip(data.get("operations", ()), self.operations, strict=True):
            for effect, of in zip(part["effects"], operation.effects, strict=True):
                _tag(effect, of.kind)
        return {"version": self.version, **data}

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the whole spec."""
        return digest_value(self.model_dump(mode="json", by_alias=True))


def _tag(data: dict[str, Any], kind: str) -> None:
    rest = dict(data)
    data.clear()
    data.update(kind=kind, **rest)


def _problems(spec: Spec) -> Iterator[str]:
    names = [entity.name for entity in spec.entities]
    yield from _twice("entity", names)
    yield from _twice("role", [role.name for role in spec.roles])
    for kind in ("features", "overlays", "questions", "acceptance", "rules", "jobs", "notifications"):
        yield from _twice(kind.rstrip("s"), [item.name for item in getattr(spec, kind)])
    known = set(names)
    if sum(entity.account for entity in spec.entities) > 1:
        yield "more than one entity is marked as the account"
    if sum(role.default for role in spec.roles) > 1:
        yield "more than one role is the default"
    yield from _relation_problems(spec, known)
    roles = {role.name for role in spec.roles} | {ADMIN, PUBLIC}
    for permission in spec.permissions:
        if permission.role not in roles:
            yield f"a permission names the role {permission.role!r}, which is not defined"
        if permission.entity not in known:
            yield f"a permission names the entity {permission.entity!r}, which is not defined"
            continue
        allowed = set(Action) | _verbs(spec, permission.entity)
        for action in permission.actions:
            if action not in allowed:
                yield f"{permission.entity!r} has no action {action!r}, which a permission names"
    for part in (
        *spec.state_machines,
        *spec.operations,
        *spec.checkouts,
        *spec.rules,
        *spec.notifications,
        *spec.retention,
    ):
        if part.entity not in known:
            yield f"{type(part).__name__} names the entity {part.entity!r}, which is not defined"
    for machine in spec.state_machines:
        if machine.entity in known and machine.field not in {
            f.name for f in spec.entity(machine.entity).fields
        }:
            yield f"the state field {machine.entity}.{machine.field} is not defined"
    for rule in spec.rules:
        yield from _rule_problems(spec, rule, known)


def _verbs(spec: Spec, entity: str) -> set[str]:
    machine = spec.machine(entity)
    verbs = {transition.name for transition in machine.transitions} if machine else set()
    verbs |= {operation.name for operation in spec.operations if operation.entity == entity}
    return verbs | {checkout.name for checkout in spec.checkouts if checkout.entity == entity}


def _relation_problems(spec: Spec, known: set[str]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for relation in spec.relations:
        for end in (relation.from_, relation.to):
            if end not in known:
                yield f"the relation {relation.from_}.{relation.name} names {end!r}, which is not defined"
        for key in ((relation.from_, relation.name), (relation.to, relation.inverse or "")):
            if key[1] and key in seen:
                yield f"{key[0]!r} has two relations called {key[1]!r}"
            seen.add(key)
        if relation.from_ in known and relation.name in {f.name for f in spec.entity(relation.from_).fields}:
            yield f"{relation.from_}.{relation.name} is both a field and a relation"
    for entity in spec.entities:
        if entity.owner_via and entity.owner_via not in {r.name for r in spec.relations_from(entity.name)}:
            yield f"{entity.name!r} gets its owner via {entity.owner_via!r}, which is none of its relations"


def _rule_problems(spec: Spec, rule: Any, known: set[str]) -> Iterator[str]:
    if rule.entity not in known:
        return
    attributes = {f.name for f in spec.entity(rule.entity).fields} | {
        r.name for r in spec.relations_from(rule.entity)
    }
    for key in ("first", "last", "field", "per", "start", "end", "amount", "group"):
        value = getattr(rule, key, None)
        if value is not None and value not in attributes:
            yield f"the rule {rule.name!r} names {rule.entity}.{value}, which is not defined"
    for key in ("lines", "rules", "alerts"):
        value = getattr(rule, key, None)
        if value is not None and value not in known:
            yield f"the rule {rule.name!r} names the entity {value!r}, which is not defined"
    for value in (*getattr(rule, "of", ()), *getattr(rule, "factors", ())):
        if value not in attributes:
            yield f"the rule {rule.name!r} names {rule.entity}.{value}, which is not defined"


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name!r} is defined twice"
        seen.add(name)
