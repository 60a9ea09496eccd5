"""The golden application as a tree, ways to break it, and a context that installs from the index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qlf.core.spec import Spec, load_spec
from qlf.core.tree import File, Tree
from qlf.mesh import MeshContext
from qlf.settings import load

GOLDEN = Path(__file__).parents[2] / "apps" / "golden" / "users"

Break = Callable[[Tree, str, str, str], Tree]


@pytest.fixture(scope="session")
def golden() -> Tree:
    names = [path.relative_to(GOLDEN) for path in sorted(GOLDEN.rglob("*")) if path.is_file()]
    kept = [name for name in names if not any(part.endswith(("cache__", "_cache")) for part in name.parts)]
    return Tree((name.as_posix(), File((GOLDEN / name).read_bytes())) for name in kept)


@pytest.fixture(scope="session")
def spec(golden: Tree) -> Spec:
    return load_spec(golden.text("app.yaml"))


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> MeshContext:
    return MeshContext(cache_dir=tmp_path_factory.mktemp("mesh"), tools=load().tools)


@pytest.fixture(scope="session")
def broken() -> Break:
    """Replace a text that must be there in one file."""

    def break_it(tree: Tree, path: str, old: str, new: str) -> Tree:
        text = tree.text(path)
        assert old in text, f"{old!r} is not in {path}"
        return Tree({**tree, path: File(text.replace(old, new, 1).encode())})

    return break_it
