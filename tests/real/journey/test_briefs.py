"""From a brief to an application whose every gate passes, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

BRIEFS = {
    "users": "Create a REST API for user management with authentication",
    "rental": (
        "We rent out equipment. Keep customers with name, e-mail and phone. Items have a serial number, a "
        "daily rate and a condition. A rental belongs to a customer and an item, has a start date, an end "
        "date, a status (reserved, picked up, returned, cancelled) and a deposit. When an item comes back "
        "damaged, staff write a damage report with description and repair cost."
    ),
    "shop": "An online shop with products, a cart, orders and stock.",
    "payments": "PCI-compliant payment processor with fraud detection",
    "portal": "HIPAA patient portal",
    "workshop": (
        "car workshop: customers bring cars, mechanics work on repair jobs with parts and labour, finished "
        "jobs are invoiced"
    ),
}
ENTITIES = {
    "users": {"user"},
    "rental": {"customer", "item", "rental", "damage_report"},
    "shop": {"product", "cart", "cart_item", "order", "order_item"},
    "payments": {"merchant", "payment", "card", "fraud_rule", "fraud_alert"},
    "portal": {"patient", "provider", "appointment", "medical_record", "message"},
    "workshop": {"customer", "car", "mechanic", "repair_job", "part", "invoice"},
}
GATES = ("static", "unit", "contract", "runtime")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all briefs: the environments that gates run in are made once."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("name", BRIEFS)
def test_every_gate_of_the_application_passes(name, home, tmp_path):
    qlf = Path(sys.executable).with_name("qlf")
    command = [
        qlf,
        "generate",
        BRIEFS[name],
        "-o",
        tmp_path / "app",
        "--verify",
        "full",
        "--inline",
        "--json",
    ]
    environment = {**os.environ, "QLF_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    gates = {gate["name"]: gate for gate in document["gates"]}
    found = {gate: [item["message"] for item in gates[gate]["findings"][:5]] for gate in GATES}
    assert {gate: gates[gate]["status"] for gate in GATES} == dict.fromkeys(GATES, "passed"), found
    assert done.returncode == 0, done.stderr
    # A gate that executed nothing has proven nothing; twelve tests for each entity is the promise.
    assert gates["unit"]["checks"] >= 12 * len(ENTITIES[name])
    assert all(gates[gate]["checks"] > 10 for gate in GATES)


@pytest.mark.parametrize("name", BRIEFS)
def test_the_words_of_the_domain_become_entities_with_fields(name, home):
    qlf = Path(sys.executable).with_name("qlf")
    environment = {**os.environ, "QLF_HOME": str(home)}
    done = subprocess.run(
        [qlf, "plan", BRIEFS[name], "--json"], env=environment, capture_output=True, text=True
    )
    entities = {entity["name"]: entity["fields"] for entity in json.loads(done.stdout)["entities"]}
    assert ENTITIES[name] <= set(entities)
    named = {field["name"] for fields in entities.values() for field in fields}
    assert len(named - {"name", "description"}) >= 3
