"""The brief compiler keeps its accuracy on the labelled briefs, where they are at hand."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

FLOOR = {"entities": 0.80, "features": 0.77, "overlays": 0.88}
"""F1 below which something broke; the measured figures are a little above."""


def load_module() -> ModuleType:
    path = Path(__file__).with_name("brief_accuracy.py")
    spec = importlib.util.spec_from_file_location("brief_accuracy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["brief_accuracy"] = module
    spec.loader.exec_module(module)
    return module


def test_accuracy_on_labelled_briefs_stays_above_the_floor() -> None:
    place = os.environ.get("QLF_LABELLED_BRIEFS", "")
    if not place or not Path(place).is_file():
        pytest.skip("no labelled briefs: set QLF_LABELLED_BRIEFS to a file of them")
    module = load_module()
    result = module.measure(module.load(Path(place)))
    for name, floor in FLOOR.items():
        assert getattr(result, name).f1 >= floor, f"{name}: {getattr(result, name).line()}"
