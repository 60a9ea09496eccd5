from __future__ import annotations

import json
from typing import Any

import pytest

from qlf.core.spec import dump_spec, load_spec
from qlf.core.tree import Collision, Tree
from qlf.engine.assemble import Incomplete, assemble
from qlf.engine.manifest import MANIFEST_PATH, Manifest, content_digest


def joined(spec: Any, written: dict[str, dict[str, str]], **options: Any) -> Tree:
    trees = {role: Tree.from_texts(files) for role, files in written.items()}
    return assemble(trees, spec, dump_spec(spec), engine="template", **options)


def test_the_application_carries_its_spec_and_its_manifest(spec_with: Any) -> None:
    spec = spec_with()
    tree = joined(spec, {"backend": {"app/main.py": "x\n"}, "docs": {"README.md": "y\n"}})
    assert list(tree) == [MANIFEST_PATH, "README.md", "app.yaml", "app/main.py"]
    assert load_spec(tree.text("app.yaml")) == spec
    manifest = json.loads(tree.text(MANIFEST_PATH))
    assert {path: entry["agent"] for path, entry in manifest["files"].items()} == {
        "README.md": "docs",
        "app.yaml": "engine",
        "app/main.py": "backend",
    }
    assert manifest["spec_digest"] == spec.digest
    assert manifest["tree"] == content_digest(tree)
    assert manifest["stack"] == {"language": "python", "framework": "fastapi", "database": "sqlite"}
    parsed = Manifest.parse(tree[MANIFEST_PATH].data)
    assert parsed.files == {path: file.sha256 for path, file in tree.items() if path != MANIFEST_PATH}


@pytest.mark.parametrize(
    ("first", "second"),
    [("a.txt", "a.txt"), ("a.txt", "A.txt"), ("a", "a/b"), ("a/b", "a"), ("a/b", "A/c")],
)
def test_a_place_that_two_agents_claim_is_an_error_that_names_both(
    spec_with: Any, first: str, second: str
) -> None:
    with pytest.raises(Collision, match="'backend' and 'docs'"):
        joined(spec_with(), {"backend": {first: "1"}, "docs": {second: "2"}})


def test_agents_may_share_a_folder(spec_with: Any) -> None:
    tree = joined(spec_with(), {"backend": {"app/a.py": "1"}, "api": {"app/b.py": "2"}})
    assert {"app/a.py", "app/b.py"} <= set(tree)


@pytest.mark.parametrize("path", ["app.yaml", MANIFEST_PATH, ".qlf/MANIFEST.json"])
def test_no_agent_writes_what_the_engine_writes(spec_with: Any, path: str) -> None:
    with pytest.raises(Collision, match=r"engine.*backend|backend.*engine"):
        joined(spec_with(), {"backend": {path: "mine"}})


def test_a_missing_part_is_an_error(spec_with: Any) -> None:
    with pytest.raises(Incomplete, match=r"openapi\.json"):
        joined(spec_with(), {"backend": {"a": "1"}}, required=("openapi.json",))
