"""Small specs to render."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.core.spec import Spec, load_spec, parse_spec

SPECS = Path(__file__).parents[2] / "apps" / "specs"


def data(**changes: Any) -> dict[str, Any]:
    """A spec with one entity, as plain data."""
    spec: dict[str, Any] = {
        "app": {"name": "notes", "title": "Notes", "summary": "Notes of people."},
        "entities": [{"name": "note", "fields": [{"name": "title"}]}],
    }
    return spec | changes


@pytest.fixture
def make() -> Callable[..., Spec]:
    """Makes the spec with one entity, with changes."""
    return lambda **changes: parse_spec(data(**changes))


@pytest.fixture
def with_field() -> Callable[..., Spec]:
    """Makes the spec with one field of the one entity."""
    return lambda **field: parse_spec(
        data(entities=[{"name": "note", "fields": [{"name": "value", **field}]}])
    )


@pytest.fixture(scope="session")
def kitchen_sink() -> Spec:
    """Every feature at once."""
    return load_spec((SPECS / "kitchen-sink.yaml").read_text(encoding="utf-8"))
