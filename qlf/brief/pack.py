"""The domain packs as typed values: what applications of a kind usually keep and do.

A pack is data (`packs/*.yaml`). Fields are written as one line each:
`price: money min=0 search`; relations as `cart: part_of cart inverse=items`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic import Field as F

from qlf.core.spec import (
    Cardinality,
    Checkout,
    Classification,
    Field,
    FieldType,
    OnDelete,
    Operation,
    Origin,
    Relation,
    Rule,
    Source,
    StateMachine,
    Transition,
)
from qlf.core.spec.base import Name, Word

__all__ = ["Pack", "PackEntity", "PackMachine", "parse_field", "parse_relation"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackEntity(_Model):
    """An entity as a pack knows it."""

    words: tuple[str, ...] = ()
    """Other nouns for it, singular, as snake_case: `article`, `order_line`."""
    objects_of: tuple[str, ...] = ()
    """Verbs of which it is the object: whatever people rent is the item of a rental."""
    include: str = "mention"
    """`core`, `mention`, `with <entity>` or `when <word>, <word>`."""
    description: str = ""
    plural: Name | None = None
    label: Name | None = None
    ownership: str = "none"
    """`none`, `user` or `parent <relation>`."""
    routes: bool = True
    append_only: bool = False
    fields: dict[Name, str] = {}
    relations: dict[Name, str] = {}

    @property
    def condition(self) -> tuple[str, tuple[str, ...]]:
        """The kind of the inclusion rule and its arguments."""
        kind, _, rest = self.include.partition(" ")
        return kind, tuple(part.strip() for part in rest.split(",") if part.strip())


class PackMachine(_Model):
    """A state machine as a pack knows it; transitions as `name: from, from > to`."""

    field: Name = "status"
    states: tuple[Word, ...]
    transitions: dict[Word, str | dict[str, Any]]

    def machine(self, entity: str, source: Source) -> StateMachine:
        """The machine for the spec."""
        steps = []
        for name, value in self.transitions.items():
            text, effects = (
                (value, ()) if isinstance(value, str) else (value["step"], value.get("effects", ()))
            )
            before, _, after = text.partition(">")
            steps.append(
                Transition.model_validate(
                    {
                        "name": name,
                        "from": [part.strip() for part in before.split(",")],
                        "to": after.strip(),
                        "effects": list(effects),
                        "source": source,
                    }
                )
            )
        return StateMachine(
            entity=entity,
            field=self.field,
            initial=self.states[0],
            states=self.states,
            transitions=tuple(steps),
            source=source,
        )


class PackRole(_Model):
    """A role of the domain."""

    title: str | None = None
    description: str = ""
    default: bool = False
    words: tuple[str, ...] = ()
    include: str = "core"
    grants: dict[str, str] = {}
    """Entity to `[own] action, action`; `all` stands for every action, `*` for every entity not named."""


class PackQuestion(_Model):
    """Something that briefs of the domain leave open."""

    text: str
    assumption: str
    change: str
    needs: tuple[Name, ...] = ()


class PackFeature(_Model):
    """A capability, and when it counts."""

    when: tuple[str, ...] = ()
    """Words of the brief; empty means always."""
    needs: tuple[Name, ...] = ()
    """Entities that must be there."""


class Pack(_Model):
    """What applications of one kind usually keep and do."""

    name: Name
    domain: Name
    title: str
    words: Annotated[dict[str, float], F(min_length=1)]
    """Words and phrases that call for the pack, with their weight."""
    registration: Literal["open", "closed"] = "closed"
    process: bool = False
    """Rows are the trace of a process, such as payments; nobody edits them like records."""
    entities: Annotated[dict[Name, PackEntity], F(min_length=1)]
    machines: dict[Name, PackMachine] = {}
    rules: tuple[dict[str, Any], ...] = ()
    operations: tuple[dict[str, Any], ...] = ()
    checkouts: tuple[dict[str, Any], ...] = ()
    roles: dict[Name, PackRole] = {}
    public: dict[Name, str] = {}
    features: dict[Name, PackFeature] = {}
    questions: dict[Name, PackQuestion] = {}
    overlays: dict[str, float] = {}
    """Overlays that the domain itself suggests, with how sure that is."""

    def source(self, why: str = "", confidence: float = 0.8) -> Source:
        """The provenance of what the pack adds."""
        return Source(
            origin=Origin.PACK,
            detail=f"pack {self.name}{': ' + why if why else ''}"[:300],
            confidence=confidence,
        )

    def typed_rules(self) -> list[Any]:
        """The rules as spec rules."""
        return [_RULE.validate_python(dict(rule)) for rule in self.rules]

    def typed_operations(self) -> list[Operation]:
        """The operations as spec operations."""
        return [Operation.model_validate(item) for item in self.operations]

    def typed_checkouts(self) -> list[Checkout]:
        """The checkouts as spec checkouts."""
        return [Checkout.model_validate(item) for item in self.checkouts]


_RULE: TypeAdapter[Any] = TypeAdapter(Rule)
_LENGTHS = {
    FieldType.STRING: 200,
    FieldType.TEXT: 4000,
    FieldType.EMAIL: 254,
    FieldType.PHONE: 32,
    FieldType.URL: 500,
}
_NUMERIC = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.DURATION)


def parse_field(name: str, text: str, source: Source | None = None) -> Field:
    """A field from its one-line form.

    The first word is the type; then any of `optional`, `unique`, `readonly`, `search`, `filter`, a data class
    (`personal`, `health`, ...), and `min=`, `max=`, `pattern=`, `default=`, `unit=`, `scale=`; an enum lists
    its values in brackets: `enum[low|medium|high] default=low`.

    Raises:
        ValueError: For a word that is none of these.
    """
    first, *rest = text.split()
    choices: tuple[str, ...] = ()
    if match := re.fullmatch(r"enum\[([\w|]+)\]", first):
        kind, choices = FieldType.ENUM, tuple(match[1].split("|"))
    else:
        kind = FieldType(first)
    values: dict[str, Any] = {"required": True, "classification": Classification.INTERNAL}
    numeric = kind in _NUMERIC
    if kind in _LENGTHS:
        values["max_length"] = _LENGTHS[kind]
    if kind in (FieldType.MONEY, FieldType.DURATION):
        values["minimum"] = Decimal(0)
    if kind in (FieldType.EMAIL, FieldType.PHONE):
        values["classification"] = Classification.PERSONAL
    for word in rest:
        key, sign, value = word.partition("=")
        if not sign:
            flags: dict[str, dict[str, Any]] = {
                "optional": {"required": False},
                "unique": {"unique": True},
                "readonly": {"read_only": True},
                "search": {"searchable": True},
                "filter": {"filterable": True},
            }
            values.update(flags[word] if word in flags else {"classification": Classification(word)})
        elif key in ("min", "max"):
            prefix = "imum" if numeric else "_length"
            values[key + prefix] = Decimal(value) if numeric else int(value)
        elif key == "default":
            values["default"] = {"true": True, "false": False}.get(
                value, int(value) if re.fullmatch(r"-?\d+", value) else value
            )
        elif key in ("pattern", "unit"):
            values[key] = value
        elif key == "scale":
            values["scale"] = int(value)
        else:
            raise ValueError(f"the field {name!r} has the unknown word {word!r}")
    if kind is FieldType.BOOLEAN:
        values.setdefault("default", False)
    if kind in (FieldType.ENUM, FieldType.BOOLEAN):
        values["filterable"] = True
    values["sortable"] = kind not in (FieldType.TEXT, FieldType.URL)
    return Field(name=name, type=kind, choices=choices, source=source, **values)


def parse_relation(entity: str, name: str, text: str, source: Source | None = None) -> Relation:
    """A relation from its one-line form: `[part_of|many|one] TARGET`, then words about it.

    The words are `optional`, `set_null`, `cascade`, `restrict`, `readonly` and `inverse=NAME`.

    Raises:
        ValueError: For a word that is none of these.
    """
    values: dict[str, Any] = {"from": entity, "name": name, "source": source}
    words = text.split()
    if words[0] in ("part_of", "many", "one"):
        kind = words.pop(0)
        if kind == "part_of":
            values |= {"part_of": True, "on_delete": OnDelete.CASCADE}
        else:
            values["cardinality"] = Cardinality.MANY_TO_MANY if kind == "many" else Cardinality.ONE_TO_ONE
            if kind == "many":
                values["required"] = False
    values["to"] = words.pop(0)
    for word in words:
        if word == "optional":
            values |= {"required": False}
            values.setdefault("on_delete", OnDelete.SET_NULL)
        elif word in ("set_null", "cascade", "restrict"):
            values["on_delete"] = OnDelete(word)
        elif word == "readonly":
            values["read_only"] = True
        elif word.startswith("inverse="):
            values["inverse"] = word.removeprefix("inverse=")
        else:
            raise ValueError(f"the relation {entity}.{name} has the unknown word {word!r}")
    return Relation.model_validate(values)
