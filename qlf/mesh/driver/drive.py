"""The whole drive: sign in, one round for each entity, one walk for each state machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qlf.core.finding import Finding, Severity
from qlf.core.runbook import Runbook
from qlf.core.spec import Spec
from qlf.mesh.driver.actors import Actors
from qlf.mesh.driver.contract import Contract
from qlf.mesh.driver.machine import drive_machine
from qlf.mesh.driver.probe import Probe
from qlf.mesh.driver.rounds import drive_entity
from qlf.mesh.driver.rows import Rows
from qlf.mesh.driver.values import Sampler
from qlf.mesh.http import Client

__all__ = ["Drive", "drive", "read_contract"]


@dataclass(frozen=True, slots=True)
class Drive:
    """What a drive found."""

    findings: list[Finding]
    checks: int
    entities: int
    """How many had routes to drive."""


def read_contract(data: bytes, book: Runbook) -> Contract:
    """Read the committed OpenAPI document.

    Raises:
        ValueError: If it is none.
    """
    try:
        document: Any = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return Contract(document, book.login)


def drive(
    spec: Spec, contract: Contract, book: Runbook, client: Client, email: str, password: str | None
) -> Drive:
    """Drive every entity that has routes.

    Args:
        spec: What the application was made from.
        contract: Its committed contract.
        book: Where its sign-in is.
        client: Leads to the running application, whose database is fresh.
        email: Of the first administrator.
        password: Of the first administrator; `None` for an application without accounts.
    """
    probe, sampler = Probe(client), Sampler(contract)
    actors = Actors(spec, contract, probe, sampler, book.profile, book.login)
    if password is not None and not actors.sign_in_admin(email, password):
        return Drive(probe.findings, probe.checks, 0)
    rows = Rows(spec, contract, probe, actors, sampler)
    driven = 0
    for entity in spec.entities:
        if rows.routes(entity.name).any:
            driven += 1
            drive_entity(rows, entity)
        elif entity.routes:
            probe.say(
                "route", f"the contract has no routes for {entity.name!r} under its own name", Severity.NOTE
            )
    for machine in spec.state_machines:
        if spec.entity(machine.entity).routes and rows.routes(machine.entity).any:
            drive_machine(rows, machine)
    return Drive(probe.findings, probe.checks, driven)
