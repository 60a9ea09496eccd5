"""What docs/reference says is what the code says."""

from __future__ import annotations

import json
from pathlib import Path

from qlf.core.spec import spec_schema

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_published_schema_of_the_spec_is_current():
    published = json.loads((REFERENCE / "spec.schema.json").read_text())
    assert published == spec_schema(), "run scripts/schema and commit the result"
