"""A relation as the generated code spells it: the column with its key, or the table between two."""

from __future__ import annotations

from dataclasses import dataclass

from qlf.blueprint.views.field import FilterView
from qlf.core.spec import Cardinality, OnDelete, Relation

__all__ = ["EntityRef", "RelationView"]


@dataclass(frozen=True, slots=True)
class EntityRef:
    """What is needed to name an entity."""

    name: str
    cls: str
    table: str

    @property
    def many(self) -> str:
        """Plural in a sentence."""
        return self.table.replace("_", " ")


@dataclass(frozen=True, slots=True)
class RelationView:
    """A relation seen from the entity that holds it."""

    spec: Relation
    source: EntityRef
    to: EntityRef
    late: bool = False
    """Whether the other table comes later, because the two refer to each other in a circle."""

    @property
    def name(self) -> str:
        """Attribute on the holding side."""
        return self.spec.name

    @property
    def column(self) -> str:
        """Column that holds the key; for many-to-many the attribute with the keys."""
        return f"{self.spec.name}_ids" if self.many else f"{self.spec.name}_id"

    @property
    def target(self) -> str:
        """Class of the other side."""
        return self.to.cls

    @property
    def target_name(self) -> str:
        """Name of the other side in the code: its module."""
        return self.to.name

    @property
    def required(self) -> bool:
        """Whether every row has one."""
        return self.spec.required and not self.many

    @property
    def read_only(self) -> bool:
        """Whether only the application sets it."""
        return self.spec.read_only

    @property
    def many(self) -> bool:
        """Whether it is many-to-many."""
        return self.spec.cardinality is Cardinality.MANY_TO_MANY

    @property
    def itself(self) -> bool:
        """Whether both sides are the same entity."""
        return self.source == self.to

    @property
    def on_delete(self) -> str:
        """What the database does when the other row goes."""
        return {
            OnDelete.RESTRICT: "RESTRICT",
            OnDelete.CASCADE: "CASCADE",
            OnDelete.SET_NULL: "SET NULL",
        }[self.spec.on_delete]

    @property
    def unique(self) -> bool:
        """Whether at most one row has it."""
        return self.spec.cardinality is Cardinality.ONE_TO_ONE

    @property
    def mapped(self) -> str:
        """Declaration of the column after its name."""
        kind = "UUID" if self.required else "UUID | None"
        late = ", use_alter=True" if self.late else ""
        key = f'ForeignKey("{self.to.table}.id", ondelete="{self.on_delete}"{late})'
        return f"Mapped[{kind}] = mapped_column({key}, {'unique' if self.unique else 'index'}=True)"

    @property
    def create(self) -> str:
        """Type and default in the form of a new row."""
        if self.many:
            return "Keys = Field(default_factory=list)"
        return "UUID" if self.required else "UUID | None = None"

    @property
    def update(self) -> str:
        """The type in the form of a change."""
        if self.many:
            return "Keys"
        return "UUID" if self.required else "UUID | None"

    @property
    def output(self) -> str:
        """The type in forms that go out."""
        return "list[UUID]" if self.many else self.update

    # Many-to-many only

    @property
    def link_table(self) -> str:
        """The table between the two."""
        return f"{self.source.table}_{self.name}"

    @property
    def near_column(self) -> str:
        """Column of that table with the key of this side."""
        return f"{self.source.name}_id"

    @property
    def far_column(self) -> str:
        """Column of that table with the key of the other side."""
        plain = f"{self.name}_id"
        return f"other_{plain}" if plain == self.near_column else plain

    @property
    def far_delete(self) -> str:
        """What the database does with the link when the row of the other side goes."""
        return "RESTRICT" if self.spec.on_delete is OnDelete.RESTRICT else "CASCADE"

    @property
    def filter(self) -> FilterView:
        """The query parameter that narrows a list to the rows of one other row."""
        name, cls = f"{self.name}_id", self.source.cls
        if self.many:
            condition = f"{cls}.{self.name}.any({self.to.cls}.id == filters.{name})"
        else:
            condition = f"{cls}.{name} == filters.{name}"
        return FilterView(name, "UUID", condition)
