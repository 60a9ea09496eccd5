"""How the code names entities, and whose rows they are."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.names import entity_classes, entity_names, table_name
from qlf.core.spec import Cardinality, Entity, Ownership, Relation, Spec

__all__ = ["Coded", "coded", "owner_chain", "owner_expression", "relation_to"]


@dataclass(frozen=True, slots=True)
class Coded:
    """An entity as the code names it."""

    name: str
    """Module, and part of function names."""
    cls: str
    table: str
    entity: Entity

    @property
    def words(self) -> str:
        """Name in running text."""
        return self.name.replace("_", " ")

    @property
    def words_plural(self) -> str:
        """Several of it in running text."""
        return self.table.replace("_", " ")

    @property
    def resource(self) -> str:
        """Member of the policy's `Resource`."""
        return f"Resource.{self.table.upper()}"


def coded(spec: Spec, entity: str) -> Coded:
    """The names of the entity that the spec calls `entity`."""
    name = entity_names(spec)[entity]
    found = spec.entity(entity)
    return Coded(name, entity_classes(spec)[entity], table_name(name, found.plural), found)


def relation_to(spec: Spec, entity: str, target: str) -> Relation | None:
    """The relation that leads from `entity` to `target`: the whole it is part of, or else the first."""
    found = [
        relation
        for relation in spec.relations_from(entity)
        if relation.to == target and relation.cardinality is not Cardinality.MANY_TO_MANY
    ]
    return next((relation for relation in found if relation.part_of), found[0] if found else None)


def owner_chain(spec: Spec, entity: Entity) -> tuple[str, ...] | None:
    """Relations from a row to the one that holds the owner; `None` where rows belong to nobody."""
    chain: list[str] = []
    seen = {entity.name}
    while entity.ownership is Ownership.PARENT and entity.owner_via:
        relation = next(r for r in spec.relations_from(entity.name) if r.name == entity.owner_via)
        chain.append(relation.name)
        entity = spec.entity(relation.to)
        if entity.account:
            return tuple(chain)
        if entity.name in seen:
            return None
        seen.add(entity.name)
    return tuple(chain) if entity.ownership is Ownership.USER else None


def owner_expression(spec: Spec, entity: Entity) -> str | None:
    """SQLAlchemy expression of the account that owns a row."""
    chain = owner_chain(spec, entity)
    if chain is None:
        return None
    here = coded(spec, entity.name)
    if not chain:
        return f"{here.cls}.owner_id"
    path = [here]
    for name in chain:
        relation = next(r for r in spec.relations_from(path[-1].entity.name) if r.name == name)
        path.append(coded(spec, relation.to))
    if path[-1].entity.account:
        holder, column = path[-2], f"{path[-2].cls}.{chain[-1]}_id"
        links = list(zip(path[:-2], path[1:-1], chain[:-1], strict=True))
    else:
        holder, column = path[-1], f"{path[-1].cls}.owner_id"
        links = list(zip(path[:-1], path[1:], chain, strict=True))
    if holder is here:
        return column
    conditions = ", ".join(f"{to.cls}.id == {of.cls}.{name}_id" for of, to, name in links)
    return f"select({column}).where({conditions}).correlate({here.cls}).scalar_subquery()"
