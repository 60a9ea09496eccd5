from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DEPLOYMENTS = YAML(typ="safe").load(Path(__file__).parents[2] / "prefect.yaml")


@pytest.mark.parametrize("deployment", DEPLOYMENTS["deployments"], ids=lambda deployment: deployment["name"])
def test_an_entrypoint_is_a_module_and_its_parameters_fit(deployment: dict[str, Any]) -> None:
    module, name = deployment["entrypoint"].rsplit(".", 1)
    flow = getattr(import_module(module), name)
    assert flow.validate_parameters(deployment["parameters"])


def test_nothing_is_pulled() -> None:
    assert DEPLOYMENTS["pull"] == []


def test_the_pinned_release_is_the_one_installed() -> None:
    from importlib.metadata import version

    assert DEPLOYMENTS["prefect-version"] == version("prefect")


def test_a_relative_output_folder_is_refused() -> None:
    from pydantic import ValidationError

    from flows.parameters import GenerateParameters

    with pytest.raises(ValidationError, match="absolute"):
        GenerateParameters(source="x", output="out")
