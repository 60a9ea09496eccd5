"""`qlf deploy` in all its forms, on deployments that stand in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.deploy import Deployment
from qlf.errors import DeployError, InputError


class FakeDeploy:
    """Deployments in memory, with the functions of `qlf.deploy`."""

    def __init__(self) -> None:
        self.running: dict[str, Deployment] = {}
        self.known = {"shop", "rental"}
        self.error: Exception | None = None
        self.asked: dict[str, Any] = {}

    def start_local(self, source: Path, **options: Any) -> Deployment:
        if self.error is not None:
            raise self.error
        self.asked = options
        url = f"http://127.0.0.1:{options['port'] or 8123}"
        made = Deployment(
            name=source.name,
            url=url,
            pid=4711,
            digest="d" * 64,
            source=source,
            started="2026-01-01T00:00:00+00:00",
            status="ready",
            admin="admin@example.com",
            secrets=Path("secrets.json"),
        )
        self.running[made.name] = made
        return made

    def stop_local(self, name: str, **options: Any) -> bool:
        if name not in self.known:
            raise InputError(f"no application {name!r} was started here")
        return self.running.pop(name, None) is not None

    def list_local(self, state_dir: Path) -> list[Deployment]:
        return list(self.running.values())

    def logs_local(self, name: str, *, state_dir: Path, lines: int) -> str:
        return "one\n\x1b[2Jtwo"


@pytest.fixture(autouse=True)
def deploy(monkeypatch: pytest.MonkeyPatch) -> FakeDeploy:
    fake = FakeDeploy()
    for name in ("start_local", "stop_local", "list_local", "logs_local"):
        monkeypatch.setattr(f"qlf.deploy.{name}", getattr(fake, name))
    return fake


@pytest.mark.parametrize(
    "arguments",
    [
        ("shop", "--target", "local", "--json"),
        ("--target", "local", "--json", "shop"),
        ("shop", "--json"),
        ("start", "shop", "--json"),
        ("--json", "./shop"),
    ],
)
def test_the_address_and_the_way_to_stop_are_printed(
    cli: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    answer = cli("deploy", *arguments)
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["url"], document["pid"]) == ("http://127.0.0.1:8123", 4711)
    assert document["stop"] == "qlf deploy stop shop"


def test_without_json_the_address_alone_is_on_stdout(cli: Callable[..., Any]) -> None:
    answer = cli("deploy", "shop")
    assert answer.out == "http://127.0.0.1:8123\n"
    assert "sign in as admin@example.com" in answer.err
    assert "stop it: qlf deploy stop shop" in answer.err


def test_the_port_is_passed_on(cli: Callable[..., Any], deploy: FakeDeploy) -> None:
    assert cli("deploy", "shop", "--port", "9000").out == "http://127.0.0.1:9000\n"
    assert deploy.asked["state_dir"].name == "state"


def test_an_application_that_does_not_start_is_6(cli: Callable[..., Any], deploy: FakeDeploy) -> None:
    deploy.error = DeployError("the application did not get ready", hint="see its log")
    answer = cli("deploy", "shop")
    assert (answer.code, answer.out) == (6, "")
    assert "did not get ready" in answer.err


@pytest.mark.parametrize("target", ["docker", "k8s", "moon"])
def test_other_targets_are_not_accepted(cli: Callable[..., Any], target: str) -> None:
    assert cli("deploy", "shop", "--target", target).code == 2


def test_status_lists_what_runs(cli: Callable[..., Any]) -> None:
    assert cli("deploy", "status").out == ""
    cli("deploy", "shop")
    assert "shop  ready  http://127.0.0.1:8123" in cli("deploy", "status").out
    assert [one["name"] for one in cli("deploy", "status", "--json").document["deployments"]] == ["shop"]
    assert "application shop: ready, http://127.0.0.1:8123" in cli("status").out


def test_stop_one(cli: Callable[..., Any], deploy: FakeDeploy) -> None:
    cli("deploy", "shop")
    assert cli("deploy", "stop", "shop", "--json").document == {"stopped": ["shop"]}
    assert deploy.running == {}
    again = cli("deploy", "-q", "stop", "shop", "--json")
    assert (again.code, again.document) == (0, {"stopped": []})


def test_stop_all(cli: Callable[..., Any], deploy: FakeDeploy) -> None:
    cli("deploy", "shop")
    cli("deploy", "rental")
    assert cli("deploy", "stop", "--all", "--json").document == {"stopped": ["shop", "rental"]}
    assert deploy.running == {}


@pytest.mark.parametrize("arguments", [(), ("shop", "--all")])
def test_stop_wants_one_name_or_all(cli: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    assert cli("deploy", "stop", *arguments).code == 2


def test_stop_of_something_unknown_is_told(cli: Callable[..., Any]) -> None:
    answer = cli("deploy", "stop", "nothing")
    assert answer.code == 3
    assert "'nothing'" in answer.err


def test_logs_show_no_control_characters(cli: Callable[..., Any]) -> None:
    assert cli("deploy", "logs", "shop").out == "one\n\\x1b[2Jtwo\n"
