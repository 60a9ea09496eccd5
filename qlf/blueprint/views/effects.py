"""What the tests of transitions and operations need to know about the fields that these write."""

from __future__ import annotations

from qlf.blueprint.views.app import AppView
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.values import json_value
from qlf.blueprint.views.verbs import VerbView
from qlf.core.spec import FieldType

__all__ = ["Effects"]


class Effects:
    """The part of the test view about fields that a verb writes."""

    def __init__(self, app: AppView, entity: EntityView) -> None:
        self.app = app
        self.entity = entity

    def looks_at_the_clock(self, verb: VerbView) -> bool:
        """Whether it writes the present moment, so that a test has to stop the clock."""
        return any(value.startswith("clock.") for _, value in verb.sets)

    def unset(self, verb: VerbView) -> str:
        """Arguments for a row on which none of the fields has the value that the verb writes."""
        return "".join(
            f", {name}={other}"
            for name, value in verb.sets
            if (other := _other(self.entity.field(name), value)) is not None
        )

    def set_checks(self, verb: VerbView) -> tuple[str, ...]:
        """Conditions over `stored`, the row afterwards."""
        return tuple(_check(self.entity.field(name), value, verb) for name, value in verb.sets)


def _other(field: FieldView, value: str) -> str | None:
    if not field.required:
        return "None"
    if value in ("True", "False"):
        return "False" if value == "True" else "True"
    if field.is_enum:
        members = [f"{field.enum_class}.{name}" for name, _ in field.choices]
        return next((member for member in members if member != value), None)
    # Days and moments of the factories are not the present one, and their texts are no message.
    return None


def _check(field: FieldView, value: str, verb: VerbView) -> str:
    stored = f"stored.{field.name}"
    if value == "clock.now()":
        return f"{stored} == time.present"
    if value.startswith("clock."):
        return f"{stored} == time.present.date()"
    if value.startswith("data."):
        given = next(item for item in verb.inputs if item.name == value.removeprefix("data."))
        if given.spec.type is FieldType.EMAIL:
            return f"{stored} == {json_value(given)}.lower()"
        return f'as_json({{"it": {stored}}})["it"] == {json_value(given)}'
    return f"{stored} {'is' if value in ('True', 'False') or field.is_enum else '=='} {value}"
