"""Whole briefs: what must come out of them, in the words of the spec."""

from __future__ import annotations

import pytest

from qlf.brief import compile_brief, explain
from qlf.core.spec import (
    Action,
    AppKind,
    Capacity,
    Cardinality,
    Classification,
    FieldType,
    NoOverlap,
    Ordered,
    Origin,
    OtherRule,
    Ownership,
    Product,
    Registration,
    Scope,
    Screening,
    Spec,
    Total,
)

RENTAL = (
    "We rent out equipment. Keep customers with name, e-mail and phone. Items have a "
    "serial number, a daily rate and a condition. "
    "A rental belongs to a customer and an item, has a start date, an end date, a status "
    "(reserved, picked up, returned, cancelled) "
    "and a deposit. When an item comes back damaged, staff write a damage report with "
    "description and repair cost."
)
WORKSHOP = (
    "car workshop: customers bring cars, mechanics work on repair jobs with parts and "
    "labour, finished jobs are invoiced"
)


def names(spec: Spec) -> set[str]:
    return {entity.name for entity in spec.entities}


def fields(spec: Spec, entity: str) -> list[str]:
    return [field.name for field in spec.entity(entity).fields]


def link(spec: Spec, child: str, parent: str) -> bool:
    return any(relation.to == parent for relation in spec.relations_from(child))


def actions(spec: Spec, role: str, entity: str, scope: Scope) -> set[str]:
    return {
        action
        for permission in spec.permissions
        if (permission.role, permission.entity, permission.scope) == (role, entity, scope)
        for action in permission.actions
    }


def rule(spec: Spec, kind: type, entity: str) -> list[object]:
    return [item for item in spec.rules if isinstance(item, kind) and item.entity == entity]


def test_user_management_is_the_account_alone() -> None:
    spec = compile_brief("Create a REST API for user management with authentication")
    assert names(spec) == {"user"}
    assert spec.entity("user").account
    assert spec.app.kind is AppKind.API
    assert spec.app.domain == "identity"
    assert {role.name for role in spec.roles} == {"admin", "user"}
    assert {feature.name for feature in spec.features} >= {"auth", "registration", "crud", "openapi"}
    assert actions(spec, "user", "user", Scope.OWN) == {"read", "update"}
    assert not actions(spec, "user", "user", Scope.ALL)


@pytest.mark.parametrize(
    "text",
    [
        "An API to manage users with login and registration",
        "Build a user administration service with JWT authentication",
    ],
)
def test_other_words_for_user_management_give_the_same_entity(text: str) -> None:
    assert names(compile_brief(text)) == {"user"}


def test_rental_in_plain_sentences() -> None:
    spec = compile_brief(RENTAL)
    assert names(spec) == {"customer", "item", "rental", "damage_report"}
    assert fields(spec, "customer") == ["name", "email", "phone"]
    assert fields(spec, "item") == ["serial_number", "daily_rate", "condition"]
    assert spec.entity("item").field("daily_rate").type is FieldType.MONEY
    assert spec.entity("item").field("serial_number").unique
    assert link(spec, "rental", "customer")
    assert link(spec, "rental", "item")
    assert link(spec, "damage_report", "item")
    assert spec.entity("damage_report").field("repair_cost").type is FieldType.MONEY
    assert {role.name for role in spec.roles} == {"admin", "staff"}
    assert spec.auth.registration is Registration.CLOSED


def test_rental_has_a_life_and_its_periods_do_not_overlap() -> None:
    spec = compile_brief(RENTAL)
    machine = spec.machine("rental")
    assert machine is not None
    assert machine.states == ("reserved", "picked_up", "returned", "cancelled")
    steps = {step.name: (step.from_, step.to) for step in machine.transitions}
    assert steps == {
        "pick_up": (("reserved",), "picked_up"),
        "return": (("picked_up",), "returned"),
        "cancel": (("reserved",), "cancelled"),
    }
    status = spec.entity("rental").field("status")
    assert status.read_only
    assert status.default == "reserved"
    [overlap] = rule(spec, NoOverlap, "rental")
    assert isinstance(overlap, NoOverlap)
    assert (overlap.per, overlap.start, overlap.end) == ("item", "start_date", "end_date")
    assert set(overlap.states) == {"reserved", "picked_up"}
    assert rule(spec, Ordered, "rental")


def test_shop_has_a_cart_that_becomes_an_order() -> None:
    spec = compile_brief("An online shop with products, a cart, orders and stock.")
    assert names(spec) == {"product", "category", "cart", "cart_item", "order", "order_item"}
    assert spec.entity("product").field("sku").unique
    assert spec.entity("product").field("stock").type is FieldType.INTEGER
    [checkout] = spec.checkouts
    assert (checkout.entity, checkout.to, checkout.from_lines, checkout.to_lines) == (
        "cart",
        "order",
        "cart_item",
        "order_item",
    )
    assert checkout.stock is not None
    assert checkout.stock.sign == -1
    assert checkout.snapshots == {"unit_price": "product.price"}
    assert rule(spec, Product, "order_item")
    assert rule(spec, Total, "order")
    assert spec.entity("order").field("total").read_only
    assert spec.entity("order_item").field("line_total").read_only
    assert spec.machine("order") is not None
    assert next(role.name for role in spec.roles if role.default) == "customer"
    assert actions(spec, "public", "product", Scope.ALL) == {"list", "read"}
    assert actions(spec, "customer", "cart", Scope.OWN) >= {"read", "checkout"}
    assert not actions(spec, "public", "order", Scope.ALL)
    assert spec.entity("cart_item").ownership is Ownership.PARENT


def test_payment_processor_never_holds_a_full_card_number() -> None:
    spec = compile_brief("PCI-compliant payment processor with fraud detection")
    assert names(spec) == {"merchant", "payment", "card", "refund", "fraud_rule", "fraud_alert"}
    card = set(fields(spec, "card"))
    assert {"token", "last4", "brand", "expiry_month", "expiry_year"} <= card
    assert not card & {"number", "card_number", "pan", "cvv", "cvc"}
    assert spec.entity("card").field("last4").pattern == "^[0-9]{4}$"
    [screening] = rule(spec, Screening, "payment")
    assert isinstance(screening, Screening)
    assert {screening.rules, screening.alerts, screening.held_state} == {"fraud_rule", "fraud_alert", "held"}
    assert {"metric", "threshold", "window_minutes", "is_active"} <= set(fields(spec, "fraud_rule"))
    machine = spec.machine("payment")
    assert machine is not None
    assert {"authorize", "capture", "void", "refund"} <= {step.name for step in machine.transitions}
    assert [choice.name for choice in spec.overlays] == ["pci-dss"]
    assert not actions(spec, "merchant", "fraud_rule", Scope.ALL)


def test_payment_processor_without_fraud_has_no_screening() -> None:
    spec = compile_brief("A payment gateway for merchants with card payments and refunds")
    assert "fraud_rule" not in names(spec)
    assert not [item for item in spec.rules if isinstance(item, Screening)]


def test_patient_portal_shows_patients_only_what_is_theirs() -> None:
    spec = compile_brief("HIPAA patient portal")
    assert names(spec) >= {"patient", "provider", "appointment", "medical_record", "message"}
    assert [choice.name for choice in spec.overlays] == ["hipaa"]
    assert {role.name for role in spec.roles} == {"admin", "provider", "patient"}
    assert actions(spec, "patient", "medical_record", Scope.OWN) == {"list", "read"}
    assert not actions(spec, "patient", "medical_record", Scope.ALL)
    [overlap] = rule(spec, NoOverlap, "appointment")
    assert isinstance(overlap, NoOverlap)
    assert overlap.per == "provider"
    health = {
        field.name
        for field in spec.entity("medical_record").fields
        if field.classification is Classification.HEALTH
    }
    assert {"title", "content"} <= health
    assert spec.entity("medical_record").owner_via == "patient"


def test_a_pack_entity_takes_the_name_that_the_brief_uses() -> None:
    spec = compile_brief("Clinic app: patients book appointments with doctors. Doctors write prescriptions.")
    assert {"doctor", "patient", "appointment", "prescription"} <= names(spec)
    assert "provider" not in names(spec)
    [overlap] = rule(spec, NoOverlap, "appointment")
    assert isinstance(overlap, NoOverlap)
    assert overlap.per == "doctor"


def test_car_workshop() -> None:
    spec = compile_brief(WORKSHOP)
    assert names(spec) == {
        "customer",
        "car",
        "mechanic",
        "repair_job",
        "part",
        "job_part",
        "labour_line",
        "invoice",
        "invoice_line",
    }
    assert link(spec, "car", "customer")
    assert link(spec, "repair_job", "car")
    assert link(spec, "repair_job", "mechanic")
    assert link(spec, "invoice", "repair_job")
    assert not link(spec, "part", "repair_job")
    parts = {relation.from_ for relation in spec.relations if relation.part_of}
    assert parts == {"job_part", "labour_line", "invoice_line"}
    machine = spec.machine("repair_job")
    assert machine is not None
    assert [step.name for step in machine.transitions] == ["start", "finish", "invoice", "cancel"]
    assert {item.field for item in spec.rules if isinstance(item, Total)} == {
        "parts_total",
        "labour_total",
        "total",
    }


def test_an_unknown_domain_is_built_from_the_words_of_the_brief() -> None:
    spec = compile_brief(
        "Keep a beehive log. Hives have a name, a location and an install date. Each "
        "inspection belongs to a hive and has a date, "
        "a temper (calm, nervous, aggressive), a honey weight and notes. Name must be "
        "unique. Honey weight must be between 0 and 80."
    )
    assert names(spec) == {"hive", "inspection"}
    assert spec.entity("hive").field("name").unique
    temper = spec.entity("inspection").field("temper")
    assert temper.choices == ("calm", "nervous", "aggressive")
    weight = spec.entity("inspection").field("honey_weight")
    assert (weight.type, weight.maximum) == (FieldType.DECIMAL, 80)
    assert link(spec, "inspection", "hive")


def test_data_model_lines_give_types_and_constraints() -> None:
    spec = compile_brief(
        "Product: id, name (string, required), description, sku (string, unique), price "
        "(decimal, required), category_id, created_at.\n"
        "Category: id, name, description.\nA product belongs to one category. A product can "
        "have multiple suppliers.\n"
        "Supplier: id, name, contact_info. Price must be non-negative."
    )
    assert {"product", "category", "supplier"} <= names(spec)
    assert fields(spec, "product")[:4] == ["name", "description", "sku", "price"]
    assert spec.entity("product").field("sku").unique
    assert spec.entity("product").field("price").minimum == 0
    assert link(spec, "product", "category")
    assert "category_id" not in fields(spec, "product")
    assert "id" not in fields(spec, "product")


def test_many_to_many_when_the_brief_says_so() -> None:
    spec = compile_brief(
        "Actors: name, birth date. Films: title, year. Many-to-many between films and actors."
    )
    [relation] = [item for item in spec.relations if {item.from_, item.to} == {"film", "actor"}]
    assert relation.cardinality is Cardinality.MANY_TO_MANY


def test_user_stories_give_roles_and_what_they_may_do() -> None:
    spec = compile_brief(
        "As a curator, I want to add exhibits with title, artist and year so that the catalogue is complete. "
        "As a curator I can delete exhibits. As a visitor, I can view exhibits."
    )
    assert {"admin", "curator", "visitor"} <= {role.name for role in spec.roles}
    assert actions(spec, "curator", "exhibit", Scope.ALL) >= {"create", "delete"}
    assert actions(spec, "visitor", "exhibit", Scope.ALL) == {"list", "read"}


def test_their_own_rows_belong_to_the_account_that_made_them() -> None:
    spec = compile_brief(
        "Users can create, edit and delete their own bookmarks. Bookmarks have a title and a URL."
    )
    assert spec.entity("bookmark").ownership is Ownership.USER
    assert actions(spec, "user", "bookmark", Scope.OWN) == {"list", "read", "create", "update", "delete"}
    assert not actions(spec, "user", "bookmark", Scope.ALL)


def test_no_sign_in_when_the_brief_wants_none() -> None:
    spec = compile_brief(
        "Simple todo API without login: tasks with title, due date and priority (low, medium, high)"
    )
    assert not spec.auth.enabled
    assert not spec.roles
    assert actions(spec, "public", "task", Scope.ALL) >= set(Action)
    assert "auth" not in {feature.name for feature in spec.features}


def test_a_limit_becomes_a_rule_that_is_enforced() -> None:
    spec = compile_brief("Library where members borrow books. A member can borrow at most 5 books.")
    [limit] = [item for item in spec.rules if isinstance(item, Capacity) and item.limit == 5]
    assert (limit.entity, limit.per, limit.states) == ("loan", "member", ("borrowed",))


def test_a_rule_of_no_known_kind_is_text_with_a_question_that_says_so() -> None:
    spec = compile_brief(
        "Parcels have a code and a weight. A parcel must be weighed twice within 24 hours before it leaves."
    )
    [other] = [item for item in spec.rules if isinstance(item, OtherRule)]
    question = next(item for item in spec.questions if item.name == other.name)
    assert "nothing in the application enforces it" in question.assumption


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shop for EU customers that must follow the GDPR, with products and orders", {"gdpr"}),
        ("A notes app. It is not HIPAA relevant and needs no PCI. Notes have a title and a body.", set()),
        ("SOC 2 ready ticket system with tickets and comments", {"soc2"}),
        ("A shop selling phishing awareness posters: posters with title and price", set()),
    ],
)
def test_overlays_follow_words_but_not_negations(text: str, expected: set[str]) -> None:
    assert {choice.name for choice in compile_brief(text).overlays} == expected


def test_names_that_the_platform_uses_are_qualified() -> None:
    spec = compile_brief(
        "Manage sessions, roles and tables. Sessions have a title and a start time. Tables "
        "have a number and seats."
    )
    assert not names(spec) & {"session", "role", "table"}
    assert len(names(spec)) >= 2


def test_every_part_says_where_it_came_from_with_the_words_of_the_brief() -> None:
    spec = compile_brief(RENTAL)
    rows = explain(spec)
    by_path = {row.path: row for row in rows}
    assert by_path["entities.rental.fields.deposit"].origin == "brief"
    assert by_path["entities.rental.fields.deposit"].words == "a deposit"
    assert by_path["rules.item_rented_once"].origin == "pack"
    paths = {
        f"entities.{entity.name}.fields.{field.name}" for entity in spec.entities for field in entity.fields
    }
    assert paths <= set(by_path)
    assert all(
        source.origin is not Origin.USER for entity in spec.entities if (source := entity.source) is not None
    )


def test_the_name_is_the_callers_when_given() -> None:
    assert compile_brief("A shop with products", name="Corner Store 24!").app.name == "corner-store-24"


def test_the_brief_is_kept_and_spans_point_into_it() -> None:
    spec = compile_brief("  An online\u202e shop \r\n with products.  ")
    assert spec.brief == "An online shop\n with products."
    product = spec.entity("product").source
    assert product is not None
    assert product.span is not None
    assert spec.brief[slice(*product.span)] == "products"
