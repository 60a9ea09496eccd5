"""Why a spec looks as it does: one row for each part, with the words of the brief behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qlf.core.spec import Source, Spec

__all__ = ["Row", "rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """Where one part of the spec came from."""

    path: str
    """Such as `entities.rental.fields.deposit`."""
    origin: str
    """`brief`, `pack`, `default`, `overlay`, `contract` or `user`."""
    detail: str
    words: str
    """The words of the brief, on one line; empty when none stand behind it."""
    confidence: float


def rows(spec: Spec) -> list[Row]:
    """All parts that say where they came from, in the order of the spec."""
    return [_row(spec, path, source) for path, source in _parts(spec)]


def _row(spec: Spec, path: str, source: Source) -> Row:
    words = ""
    if source.span is not None and 0 <= source.span[0] < source.span[1] <= len(spec.brief):
        words = " ".join(spec.brief[source.span[0] : source.span[1]].split())
        words = words if len(words) <= 160 else words[:157].rstrip() + "..."
    return Row(path, source.origin.value, source.detail, words, source.confidence)


def _parts(spec: Spec) -> Iterator[tuple[str, Source]]:
    for name in ("app", "auth"):
        if getattr(spec, name).source is not None:
            yield name, getattr(spec, name).source
    for entity in spec.entities:
        path = f"entities.{entity.name}"
        yield from _one(path, entity)
        for field in entity.fields:
            yield from _one(f"{path}.fields.{field.name}", field)
        for relation in spec.relations_from(entity.name):
            yield from _one(f"relations.{relation.from_}.{relation.name}", relation)
    for role in spec.roles:
        yield from _one(f"roles.{role.name}", role)
    for permission in spec.permissions:
        yield from _one(
            f"permissions.{permission.role}.{permission.entity}.{permission.scope.value}", permission
        )
    for machine in spec.state_machines:
        yield from _one(f"state_machines.{machine.entity}", machine)
    for kind in (
        "operations",
        "checkouts",
        "rules",
        "features",
        "notifications",
        "jobs",
        "pages",
        "integrations",
        "qualities",
        "overlays",
        "acceptance",
        "questions",
    ):
        for item in getattr(spec, kind):
            yield from _one(f"{kind}.{item.name}", item)
    for item in spec.retention:
        yield from _one(f"retention.{item.entity}", item)


def _one(path: str, item: Any) -> Iterator[tuple[str, Source]]:
    if item.source is not None:
        yield path, item.source
