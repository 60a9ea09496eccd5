"""The files of deployment keep what they promise: no root, no writable disk, no loose version."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # used here only

from app.core.config import Settings

ROOT = Path(__file__).parents[1]
BASE = ROOT / "deploy" / "kubernetes" / "base"


def documents() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text()) for path in sorted(BASE.glob("*.yaml"))]


def pods() -> dict[str, dict[str, Any]]:
    found = {}
    for item in documents():
        spec = item.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found[f"{item['kind']} {item['metadata']['name']}"] = spec["template"]["spec"]
    return found


@pytest.mark.parametrize("name", sorted(pods()))
def test_pod_fits_the_restricted_standard(name: str) -> None:
    pod = pods()[name]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_every_file_of_the_base_is_used() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]

    assert sorted([*listed, "kustomization.yaml"]) == sorted(p.name for p in BASE.glob("*.yaml"))


def test_configuration_names_settings_that_exist() -> None:
    config = next(item for item in documents() if item["kind"] == "ConfigMap")

    assert {name.lower() for name in config["data"]} <= Settings.model_fields.keys()


def test_pod_outlives_the_shutdown_of_the_server() -> None:
    pod = next(pod for name, pod in pods().items() if name.startswith("Deployment"))
    command = " ".join(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"])
    found = re.search(r"sleep\((\d+)\)", command)
    server = re.search(r'"--timeout-graceful-shutdown", "(\d+)"', (ROOT / "Dockerfile").read_text())

    assert found
    assert server
    assert pod["terminationGracePeriodSeconds"] > int(found[1]) + int(server[1])


@pytest.mark.parametrize("path", ["compose.yaml", "deploy/compose.production.yaml"])
def test_compose_confines_the_application(path: str) -> None:
    services = yaml.safe_load((ROOT / path).read_text())["services"]

    for name in ("app", "migrate"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    assert all(":latest" not in str(service.get("image", "")) for service in services.values())


def test_image_runs_as_nobody_special_and_is_watched() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final = text.split("\nFROM ")[-1]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "--require-hashes" in text


def test_actions_are_pinned_by_commit() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yaml"):
        for action in re.findall(r"uses: (\S+)", path.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_pins_everything_by_hash(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())

    assert blocks
    for block in blocks:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+", block), block
        assert "--hash=sha256:" in block, block
