from __future__ import annotations

import pytest

from qlf.agents import AGENTS, OutOfBounds, owner_of
from qlf.agents.agent import Agent, matches
from qlf.core.tree import Tree

PATHS = {
    "app/__init__.py": "backend",
    "app/main.py": "backend",
    "app/core/config.py": "backend",
    "app/services/car.py": "backend",
    "app/db/session.py": "database",
    "app/models/car.py": "database",
    "migrations/versions/0001.py": "database",
    "alembic.ini": "database",
    "app/api/deep/er/car.py": "api",
    "openapi.json": "api",
    "tests/test_car.py": "test",
    "pyproject.toml": "devops",
    "requirements-dev.lock": "devops",
    "compose.yaml": "devops",
    "deploy/k8s/base.yaml": "devops",
    ".github/workflows/ci.yaml": "devops",
    "README.md": "docs",
    "docs/adr/0001.md": "docs",
}


def test_every_path_has_exactly_one_owner() -> None:
    for path, role in PATHS.items():
        assert [agent.role for agent in AGENTS.values() if agent.owns(path)] == [role], path
        assert owner_of(path) == role


@pytest.mark.parametrize(
    "path",
    [
        "app.yaml",
        ".qlf/manifest.json",
        "app/other.py",
        "app/core",
        "conftest.py",
        "sitecustomize.py",
        ".env",
        "requirements/x/y.lock",
        "xREADME.md",
        "README.md.bak",
        "sub/README.md",
        "app/corex/a.py",
    ],
)
def test_nobody_owns_what_no_agent_should_write(path: str) -> None:
    assert owner_of(path) is None


def test_a_star_stays_in_its_folder() -> None:
    assert matches("compose*.yaml", "compose.override.yaml")
    assert not matches("compose*.yaml", "compose/x.yaml")
    assert matches("docs/**", "docs/a/b/c.md")
    assert not matches("docs/**", "docs")


def test_a_file_outside_its_paths_is_refused() -> None:
    agent = Agent("docs", ("docs/**",))
    agent.accept(Tree.from_texts({"docs/a.md": "x"}))
    with pytest.raises(OutOfBounds, match=r"'docs' wrote 'app/main\.py'"):
        agent.accept(Tree.from_texts({"docs/a.md": "x", "app/main.py": "y"}))


def test_roles_are_the_parts_of_the_blueprint() -> None:
    from qlf.blueprint import PARTS

    assert set(AGENTS) == set(PARTS)
