"""The typed spec: what an application is, before any file of it exists.

    from qlf.core.spec import Spec, load_spec

    spec = load_spec(Path("app.yaml").read_text())
    spec.entity("rental").fields
"""

from qlf.core.spec.access import ADMIN, PUBLIC, Action, Auth, Permission, Registration, Role, Scope
from qlf.core.spec.base import Origin, Source
from qlf.core.spec.behaviour import (
    Adjust,
    Approval,
    Capacity,
    Checkout,
    NoOverlap,
    Operation,
    Ordered,
    OtherRule,
    Product,
    Rule,
    Screening,
    SetField,
    StateMachine,
    Total,
    Transition,
    UniqueTogether,
)
from qlf.core.spec.data import Cardinality, Classification, Entity, Field, FieldType, OnDelete, Ownership, Relation
from qlf.core.spec.document import App, AppKind, Spec, Stack
from qlf.core.spec.io import SpecFile, dump_spec, load_spec, parse_spec, spec_schema
from qlf.core.spec.surroundings import (
    Criterion,
    Feature,
    Integration,
    Job,
    Notification,
    OverlayChoice,
    Page,
    PageKind,
    Quality,
    Question,
    Retention,
)

__all__ = [
    "ADMIN",
    "PUBLIC",
    "Action",
    "Adjust",
    "App",
    "AppKind",
    "Approval",
    "Auth",
    "Capacity",
    "Cardinality",
    "Checkout",
    "Classification",
    "Criterion",
    "Entity",
    "Feature",
    "Field",
    "FieldType",
    "Integration",
    "Job",
    "NoOverlap",
    "Notification",
    "OnDelete",
    "Operation",
    "Ordered",
    "Origin",
    "OtherRule",
    "OverlayChoice",
    "Ownership",
    "Page",
    "PageKind",
    "Permission",
    "Product",
    "Quality",
    "Question",
    "Registration",
    "Relation",
    "Retention",
    "Role",
    "Rule",
    "Scope",
    "Screening",
    "SetField",
    "Source",
    "Spec",
    "SpecFile",
    "Stack",
    "StateMachine",
    "Total",
    "Transition",
    "UniqueTogether",
    "dump_spec",
    "load_spec",
    "parse_spec",
    "spec_schema",
]
