"""Rules, transitions, operations and checkouts in the services that are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlf.blueprint import render
from qlf.core.spec import Spec, load_spec, parse_spec
from qlf.errors import InputError

SHOP = Path(__file__).parents[2] / "apps" / "golden" / "shop"


@pytest.fixture(scope="module")
def shop() -> Spec:
    return load_spec((SHOP / "app.yaml").read_text(encoding="utf-8"))


def service(spec: Spec, name: str) -> str:
    return render("backend", spec)[f"app/services/{name}.py"].data.decode()


def test_checkout_takes_stock_in_one_order_and_closes_the_cart(shop: Spec) -> None:
    text = service(shop, "cart")

    assert "order_by(CartItem.product_id, CartItem.id)" in text
    adjusting = "adjust( session, Product, line.product_id, Product.stock, -line.quantity, 0, Product.name )"
    assert adjusting in " ".join(text.split()).replace(", )", " )")
    assert "row.status = CartStatus.CHECKED_OUT" in text


def test_owner_of_a_part_is_the_owner_of_its_whole(shop: Spec) -> None:
    text = service(shop, "cart_item")

    assert "select(Cart.owner_id).where(Cart.id == CartItem.cart_id)" in text
    assert "reading(access, Resource.CARTS)" in text


def test_tests_of_every_entity_are_made(shop: Spec) -> None:
    tree = render("test", shop)

    for entity in ("categories", "products", "carts", "cart_items", "orders", "order_items"):
        subjects = ("", "_access", "_changes", "_lists", "_rules", "_states")
        paths = (f"tests/api/test_{entity}{subject}.py" for subject in subjects)
        text = "".join(tree[path].data.decode() for path in paths if path in tree)
        assert text.count("\ndef test_") >= 9, entity


def test_checkout_that_cannot_fill_the_new_row_is_refused(shop: Spec) -> None:
    data = shop.model_dump(mode="json", by_alias=True)
    data["relations"].append({"from": "order", "to": "category", "name": "shelf"})

    with pytest.raises(InputError, match="does not say where order"):
        render("backend", parse_spec(data))


def test_screening_needs_the_fields_of_its_rules(kitchen_sink: Spec) -> None:
    data = kitchen_sink.model_dump(mode="json", by_alias=True)
    rule = next(item for item in data["rules"] if item["kind"] == "screening")
    entity = next(item for item in data["entities"] if item["name"] == rule["rules"])
    entity["fields"] = [field for field in entity["fields"] if field["name"] != "threshold"]

    with pytest.raises(InputError, match="threshold"):
        render("backend", parse_spec(data))


def with_alerts(spec: Spec, stops: list[str] | None) -> Spec:
    data = spec.model_dump(mode="json", by_alias=True)
    fields = {entity["name"]: entity["fields"] for entity in data["entities"]}
    status = {"name": "status", "type": "enum", "read_only": True}
    fields["alert"].append({**status, "choices": ["raised", "confirmed"]})
    next(field for field in fields["payment"] if field["name"] == "status")["choices"].append("sent")
    machine = next(item for item in data["state_machines"] if item["entity"] == "payment")
    machine["states"].append("sent")
    machine["transitions"].append({"name": "send", "from": ["released"], "to": "sent"})
    step = {"name": "confirm", "from": ["raised"], "to": "confirmed"}
    states = {"initial": "raised", "states": ["raised", "confirmed"], "transitions": [step]}
    data["state_machines"].append({"entity": "alert", **states})
    next(rule for rule in data["rules"] if rule["kind"] == "screening")["stops"] = stops
    return parse_spec(data)


def test_confirmed_alert_stops_every_step_but_the_last(kitchen_sink: Spec) -> None:
    text = service(with_alerts(kitchen_sink, None), "payment")

    release, send = text.split("def release_payment")[1].split("def send_payment")
    assert "_refuse_if_fraud_stops(session, row)" in release
    assert "_refuse_if_fraud_stops(session, row)" not in send.split("def _")[0]
    assert "stopping = (AlertStatus.CONFIRMED,)" in text


def test_states_that_stop_are_for_the_spec_to_say(kitchen_sink: Spec) -> None:
    assert "AlertStatus.RAISED" in service(with_alerts(kitchen_sink, ["raised"]), "payment")
    assert "_stops" not in service(with_alerts(kitchen_sink, []), "payment")
    with pytest.raises(InputError, match="by the state 'gone'"):
        service(with_alerts(kitchen_sink, ["gone"]), "payment")
