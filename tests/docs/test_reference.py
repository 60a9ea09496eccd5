"""What docs/reference says is what the code says."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def generated():
    """The script that writes the pages, loaded as a module."""
    loader = importlib.machinery.SourceFileLoader("reference", str(ROOT / "scripts" / "reference"))
    spec = importlib.util.spec_from_loader("reference", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module.PAGES


@pytest.mark.parametrize("page", ["spec.schema.json", "cli.md"])
def test_the_generated_page_is_current(page):
    published = (ROOT / "docs" / "reference" / page).read_text()
    assert published == generated()[page](), "run scripts/reference and commit the result"
