"""The manifests of Kubernetes, as kustomize puts them together, against the schemas of a current version."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def _kustomize(app: Path, overlay: str) -> str:
    program = shutil.which("kustomize")
    kubectl = shutil.which("kubectl")
    if not program and not kubectl:
        pytest.skip("there is neither kustomize nor kubectl")
    command = [program, "build"] if program else [str(kubectl), "kustomize"]
    folder = app / "deploy" / "kubernetes" / "overlays" / overlay
    done = subprocess.run([*command, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "no warning, such as of a field that goes away"
    return done.stdout


@pytest.fixture(params=["production", "staging"])
def overlay(request, app) -> str:
    return _kustomize(app, request.param)


@pytest.fixture
def documents(overlay) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(overlay))


def test_every_resource_fits_its_schema(overlay, documents, tools, tmp_path):
    (tmp_path / "all.yaml").write_text(overlay)

    done = subprocess.run(
        [tools / "kubernetes-validate", "--strict", tmp_path / "all.yaml"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"passed for resource", done.stdout + done.stderr)) == len(documents)


def test_a_wrong_field_would_be_found(overlay, tools, tmp_path):
    assert "readOnlyRootFilesystem" in overlay
    (tmp_path / "all.yaml").write_text(overlay.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))

    done = subprocess.run(
        [tools / "kubernetes-validate", "--strict", tmp_path / "all.yaml"], capture_output=True
    )

    assert done.returncode != 0


def test_selectors_choose_the_pods_that_they_mean(documents):
    by_kind = {item["kind"]: item for item in documents}
    pod = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    other = by_kind["Job"]["spec"]["template"]["metadata"]["labels"]

    for selector in (
        by_kind["Deployment"]["spec"]["selector"]["matchLabels"],
        by_kind["Service"]["spec"]["selector"],
        by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= pod.items()
        assert not selector.items() <= other.items()
    closed = by_kind["NetworkPolicy"]["spec"]["podSelector"].get("matchLabels", {})
    assert closed.items() <= pod.items()
    assert closed.items() <= other.items()


def test_resources_share_one_namespace_and_a_tagged_image(documents):
    namespaces = {item["metadata"].get("namespace") for item in documents if item["kind"] != "Namespace"}
    images = set(re.findall(r"'image': '([^']+)'", str(documents)))

    assert namespaces == {item["metadata"]["name"] for item in documents if item["kind"] == "Namespace"}
    assert len(images) == 1
    assert ":latest" not in images.pop()
