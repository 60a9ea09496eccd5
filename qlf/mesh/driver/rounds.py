"""One round per entity: make a row, find it again, change it, be refused where one must be, delete it."""

from __future__ import annotations

from typing import Any

from qlf.core.finding import Severity
from qlf.core.spec import Entity, Ordered, Ownership, Scope
from qlf.mesh.driver.compare import differing
from qlf.mesh.driver.contract import Route
from qlf.mesh.driver.probe import ANYBODY, Actor
from qlf.mesh.driver.rows import Row, Rows

__all__ = ["drive_entity"]

UNKNOWN = "ffffffff-ffff-4fff-bfff-ffffffffffff"
"""An id that no row has."""


def drive_entity(rows: Rows, entity: Entity) -> None:
    """Do the whole round; what goes wrong is left in the probe."""
    routes = rows.routes(entity.name)
    for route, sample in ((routes.list, None), (routes.create, None), (routes.read, UNKNOWN)):
        _refused_without_token(rows, route, sample)
    for route in (routes.update, routes.delete):
        _refused_without_token(rows, route, UNKNOWN)
    _unknown(rows, entity)
    row = rows.make(entity)
    if row is None:
        return
    if routes.create is not None:
        _made(rows, row, routes.create)
        _refuses_nonsense(rows, row, routes.create)
    _found(rows, entity, row)
    if entity.ownership is not Ownership.NONE:
        _hidden(rows, entity, row)
    _changed(rows, entity, row)
    _deleted(rows, entity, row)


def _refused_without_token(rows: Rows, route: Route | None, row: str | None) -> None:
    if route is None or not route.secured:
        return
    answer = rows.probe.call(route, ANYBODY, (401,), "without a token", row=row, body=_some(route))
    if answer is not None:
        named = "www-authenticate" in answer.headers
        rows.probe.require(
            named, "challenge", f"{route.label}: the 401 has no WWW-Authenticate (RFC 9110 15.5.2)"
        )


def _unknown(rows: Rows, entity: Entity) -> None:
    routes = rows.routes(entity.name)
    for action, route in (("read", routes.read), ("delete", routes.delete)):
        actor = _actor(rows, entity, action) if route is not None else None
        if route is not None and actor is not None:
            rows.probe.call(route, actor, (404,), "for an unknown id", row=UNKNOWN)


def _made(rows: Rows, row: Row, create: Route) -> None:
    if create.success == 201:
        rows.probe.require(
            bool(row.location), "location", f"{create.label}: the 201 has no Location (RFC 9110 15.3.2)"
        )
    wrong = differing(row.sent, row.received)
    rows.probe.require(
        not wrong, "value", f"{create.label}: the answer differs from what was sent in {wrong}"
    )


def _refuses_nonsense(rows: Rows, row: Row, create: Route) -> None:
    if row.sent and create.body is not None:
        rows.probe.call(create, row.actor, (400, 422), "with a body of the wrong form", body=[])


def _found(rows: Rows, entity: Entity, row: Row) -> None:
    routes, probe = rows.routes(entity.name), rows.probe
    if routes.read is not None and (actor := _actor(rows, entity, "read", row)) is not None:
        answer = probe.call(routes.read, actor, (200,), "reading the new row", row=row.id)
        if answer is not None:
            body = answer.json()
            same = isinstance(body, dict) and not differing(_lasting(row.received), body)
            probe.require(same, "value", f"{routes.read.label}: not the row that creating answered with")
    if routes.list is not None and (actor := _actor(rows, entity, "list", row)) is not None:
        answer = probe.call(
            routes.list, actor, (200,), "listing", query="limit=100" if "limit" in routes.list.queries else ""
        )
        found = _items(answer.json()) if answer is not None else None
        if answer is not None:
            listed = found is not None and any(str(item.get("id")) == row.id for item in found)
            probe.require(listed, "list", f"{routes.list.label}: the new row is not in the list")


def _hidden(rows: Rows, entity: Entity, row: Row) -> None:
    """A row is nobody else's business (OWASP API1:2023)."""
    role = row.actor.role
    routes = rows.routes(entity.name)
    for action, route in (("read", routes.read), ("update", routes.update), ("delete", routes.delete)):
        if route is None or rows.actors.scope(role, entity.name, action) is not Scope.OWN:
            continue
        other = rows.actors.get(role, 1)
        if other is not None:
            body = _change(rows, entity, route)[1] if action == "update" else None
            rows.probe.call(
                route, other, (404, 403), f"to {action} the row of another {role}", row=row.id, body=body
            )


def _changed(rows: Rows, entity: Entity, row: Row) -> None:
    routes, probe = rows.routes(entity.name), rows.probe
    actor = _actor(rows, entity, "update", row) if routes.update is not None else None
    if routes.update is None or actor is None:
        return
    name, body = _change(rows, entity, routes.update)
    if routes.update.method == "put" and name is not None:
        body = {**row.sent, **body}
    if name is None:
        probe.say("idle", f"{routes.update.label} takes nothing that could be changed blindly", Severity.NOTE)
        return
    answer = probe.call(
        routes.update,
        actor,
        (200,),
        f"changing {name!r}",
        row=row.id,
        body=body,
        headers=_match(rows, row, routes.read),
    )
    changed = answer.json() if answer is not None else None
    if isinstance(changed, dict):
        probe.require(
            not differing(body, changed), "value", f"{routes.update.label}: {name!r} keeps its old value"
        )
        if routes.read is not None:
            again = probe.call(routes.read, actor, (200,), "reading the changed row", row=row.id)
            stored = again.json() if again is not None else None
            if isinstance(stored, dict):
                probe.require(
                    not differing(body, stored), "value", f"{routes.read.label}: the change was not stored"
                )


def _deleted(rows: Rows, entity: Entity, row: Row) -> None:
    routes = rows.routes(entity.name)
    actor = _actor(rows, entity, "delete", row) if routes.delete is not None else None
    if routes.delete is None or actor is None:
        return
    headers = _match(rows, row, routes.read)
    answer = rows.probe.call(routes.delete, actor, (204, 200), "deleting", row=row.id, headers=headers)
    if answer is not None and routes.read is not None:
        rows.probe.call(routes.read, actor, (404,), "reading the deleted row", row=row.id)


def _change(rows: Rows, entity: Entity, route: Route) -> tuple[str | None, dict[str, Any]]:
    """One field with another value: the first that no rule, relation or sign-in depends on."""
    schema = rows.resolve(route.body)
    bound = {rule.last for rule in rows.spec.rules if isinstance(rule, Ordered)}
    bound |= {rule.first for rule in rows.spec.rules if isinstance(rule, Ordered)}
    bound |= set(rows.hinted(entity.name)) | {"email", "role", "is_active", "version"}
    for name, part in schema.get("properties", {}).items():
        if name in bound or name.endswith(("_id", "_ids")):
            continue
        return name, {name: rows.sampler.value(part, name, turn=1)}
    return None, {}


def _actor(rows: Rows, entity: Entity, action: str, row: Row | None = None) -> Actor | None:
    """Who may do it: whoever made the row, if they may, else the first who may with all rows."""
    roles = rows.actors.roles_for(entity.name, action)
    if row is not None:
        if row.actor.role in roles:
            return row.actor
        roles = [role for role in roles if rows.actors.scope(role, entity.name, action) is not Scope.OWN]
    return rows.actors.get(roles[0]) if roles else None


def _match(rows: Rows, row: Row, read: Route | None) -> dict[str, str]:
    """`If-Match` for applications that guard against lost updates."""
    answer = rows.probe.peek(read, row.actor, row.id) if read is not None else None
    tag = answer.headers.get("etag") if answer is not None else None
    return {"if-match": tag} if tag else {}


def _lasting(received: dict[str, Any]) -> dict[str, Any]:
    """What of a row does not change by itself: another row may add to a total, and moves its time."""
    return {name: value for name, value in received.items() if name != "updated_at"}


def _some(route: Route) -> Any:
    return {} if route.body is not None else None


def _items(body: Any) -> list[dict[str, Any]] | None:
    found = body.get("items") if isinstance(body, dict) else body
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else None
