"""The documents say what the application does."""

import re
from pathlib import Path

import pytest

from app.main import create_app
from app.policy import POLICY, Role
from tests.support import API, make_settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_table_of_rights_is_the_policy() -> None:
    lines = (ROOT / "docs" / "access.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    header, _, *body = rows

    documented = {
        (Role(role), resource, action, scope)
        for resource, action, *scopes in body
        for role, scope in zip(header[2:], scopes, strict=True)
        if scope != "-"
    }

    assert documented == {
        (role, resource.value.replace("_", " "), action.value, scope.value)
        for role, resources in POLICY.items()
        for resource, actions in resources.items()
        for action, scope in actions.items()
    }


def test_readme_names_every_path() -> None:
    readme = (ROOT / "README.md").read_text()

    for path in create_app(make_settings("sqlite://")).openapi()["paths"]:
        assert f"`{path}`" in readme or f"`{path.removeprefix(f'{API}/auth')}`" in readme, path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_tests_named_in_the_threat_model_exist() -> None:
    named = re.findall(
        r"`(?:tests/\w+/)?(test_\w+\.py)`", (ROOT / "docs/threat-model.md").read_text()
    )
    existing = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert set(named) <= existing
