"""Makes valid rows: parents first, then the row, by whoever may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qlf.core.finding import Severity
from qlf.core.spec import Checkout, Entity, Relation, Spec
from qlf.mesh.driver.actors import Actors
from qlf.mesh.driver.contract import Contract, Route, Routes
from qlf.mesh.driver.hints import hints_for
from qlf.mesh.driver.probe import Actor, Probe
from qlf.mesh.driver.values import Hint, Sampler

__all__ = ["Row", "Rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was made."""

    id: str
    actor: Actor = field(repr=False)
    sent: dict[str, Any]
    received: dict[str, Any]
    location: str | None = None


class Rows:
    """The maker of rows."""

    def __init__(
        self, spec: Spec, contract: Contract, probe: Probe, actors: Actors, sampler: Sampler
    ) -> None:
        self.spec = spec
        self.probe = probe
        self.actors = actors
        self.sampler = sampler
        self._contract = contract
        self._routes = {entity.name: contract.routes(entity) for entity in spec.entities}

    def routes(self, entity: str) -> Routes:
        """The routes of an entity."""
        return self._routes[entity]

    def resolve(self, schema: Any) -> dict[str, Any]:
        """The schema behind a reference of the contract."""
        return self._contract.resolve(schema)

    def hinted(self, entity: str) -> Mapping[str, Hint]:
        """The fields whose values rules depend on."""
        return hints_for(self.spec, entity)

    def make(
        self, entity: Entity, role: str | None = None, number: int = 0, above: tuple[str, ...] = ()
    ) -> Row | None:
        """Make a row with everything that it needs.

        Args:
            entity: Of what.
            role: Who would best make it; the first who may, by default.
            number: Which account of the role.
            above: The entities whose rows wait for this one.

        Returns:
            The row, or `None` when it could not be made; why is among the findings.
        """
        create = self.routes(entity.name).create
        if create is None:
            return self._by_checkout(entity, number, above)
        roles = self.actors.roles_for(entity.name, "create")
        if not roles:
            self.probe.say(
                "idle", f"nobody may make {entity.name!r}, so its routes were not driven", Severity.NOTE
            )
            return None
        actor = self.actors.get(role if role in roles else roles[0], number)
        if actor is None:
            return None
        body = self.body(entity, create, actor, number, above)
        if body is None:
            return None
        headers = {name: str(self.sampler.value(schema, name)) for name, schema in create.headers}
        answer = self.probe.call(create, actor, (create.success,), "creating", body=body, headers=headers)
        if answer is None:
            return None
        received = answer.json()
        identifier = received.get("id") if isinstance(received, dict) else None
        if not isinstance(identifier, str | int) or isinstance(identifier, bool):
            self.probe.say("body", f"{create.label}: the answer has no id")
            return None
        return Row(str(identifier), actor, body, received, answer.headers.get("location"))

    def body(
        self,
        entity: Entity,
        route: Route,
        actor: Actor,
        number: int = 0,
        above: tuple[str, ...] = (),
        given: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """A valid body with every field that the route takes; `None` when a row it needs cannot be made.

        Args:
            entity: Of what; the other arguments are those of `make`.
            route: The operation that takes the body.
            actor: Who will send it.
            number: As with `make`.
            above: As with `make`.
            given: Ids that are known already, by field name.
        """
        schema = self._contract.resolve(route.body)
        required = set(schema.get("required", ()))
        hints = hints_for(self.spec, entity.name)
        relations = {relation.name: relation for relation in self.spec.relations_from(entity.name)}
        body: dict[str, Any] = dict(given or {})
        for name, part in schema.get("properties", {}).items():
            if name in body:
                continue
            relation = relations.get(name.removesuffix("_id")) or relations.get(name.removesuffix("_ids"))
            if relation is not None and name != relation.name:
                found = self._related(relation, actor, number, (*above, entity.name))
                if found is not None:
                    body[name] = [found] if name.endswith("_ids") else found
                elif name in required:
                    self.probe.say(
                        "idle", f"no {relation.to!r} can be made for {entity.name!r}", Severity.NOTE
                    )
                    return None
            elif self._is_account_id(part):
                if name in required:
                    body[name] = actor.account
            else:
                body[name] = self.sampler.value(part, name, hints.get(name))
        return body

    def _is_account_id(self, part: Any) -> bool:
        part = self._contract.resolve(part)
        options = [self._contract.resolve(one) for one in part.get("anyOf", [part])]
        return any(option.get("format") == "uuid" for option in options)

    def _related(self, relation: Relation, actor: Actor, number: int, above: tuple[str, ...]) -> str | None:
        target = self.spec.entity(relation.to)
        if target.account:
            return actor.account
        # A row cannot wait for itself; what need not be there is left out.
        if relation.to in above:
            return None
        row = self.make(target, actor.role, number, above)
        return row.id if row is not None else None

    def _by_checkout(self, entity: Entity, number: int, above: tuple[str, ...]) -> Row | None:
        """A row that no request makes directly: the outcome of turning another one into it."""
        checkout = next((one for one in self.spec.checkouts if one.to == entity.name), None)
        if checkout is None or checkout.entity in above:
            return None
        source = self._filled(checkout, number, (*above, entity.name))
        verbs = self.routes(checkout.entity).verbs or {}
        route = verbs.get(checkout.name)
        if source is None or route is None:
            return None
        actor = source.actor
        body = self.sampler.object(route.body) if route.body is not None else None
        answer = self.probe.call(route, actor, (route.success,), "checking out", row=source.id, body=body)
        received = answer.json() if answer is not None else None
        if not isinstance(received, dict) or "id" not in received:
            if answer is not None:
                self.probe.say("body", f"{route.label}: the answer is not the new {entity.name!r}")
            return None
        return Row(str(received["id"]), actor, body or {}, received)

    def _filled(self, checkout: Checkout, number: int, above: tuple[str, ...]) -> Row | None:
        """A source row with one line."""
        roles = self.actors.roles_for(checkout.entity, checkout.name)
        source = self.make(self.spec.entity(checkout.entity), roles[0] if roles else None, number, above)
        lines = self.spec.entity(checkout.from_lines)
        create = self.routes(lines.name).create
        if source is None or create is None:
            return None
        links = {
            f"{relation.name}_id": source.id
            for relation in self.spec.relations_from(lines.name)
            if relation.to == checkout.entity
        }
        body = self.body(lines, create, source.actor, number, (*above, checkout.entity), links)
        if body is None:
            return None
        answer = self.probe.call(create, source.actor, (create.success,), "adding a line", body=body)
        return source if answer is not None else None
