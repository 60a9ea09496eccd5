"""Who owns which path of an application. The parts are disjoint, so that every file has one author."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qlf.agents.agent import Agent

__all__ = ["AGENTS", "owner_of"]

_TEAM = (
    Agent(
        role="backend",
        title="application core, policy and services",
        roots=(
            "app/__init__.py",
            "app/py.typed",
            "app/main.py",
            "app/cli.py",
            "app/policy.py",
            "app/core/**",
            "app/services/**",
        ),
    ),
    Agent(
        role="database",
        title="models and migrations",
        roots=("app/db/**", "app/models/**", "migrations/**", "alembic.ini"),
    ),
    Agent(
        role="api",
        title="routes, schemas and the contract",
        roots=("app/api/**", "app/schemas/**", "openapi.json"),
    ),
    Agent(role="test", title="the application's own tests", roots=("tests/**",)),
    Agent(
        role="devops",
        title="project files, locks, containers and pipelines",
        roots=(
            "pyproject.toml",
            "requirements*.lock",
            "Makefile",
            "Dockerfile",
            ".dockerignore",
            ".gitignore",
            ".editorconfig",
            ".pre-commit-config.yaml",
            "compose*.yaml",
            "deploy/**",
            ".github/**",
        ),
    ),
    Agent(role="docs", title="readme, diagrams and decisions", roots=("README.md", "docs/**")),
)

AGENTS: Mapping[str, Agent] = MappingProxyType({agent.role: agent for agent in _TEAM})
"""Every agent by its role, in the order in which they are shown."""


def owner_of(path: str) -> str | None:
    """The role that owns `path`, or `None` for paths that only the engine writes."""
    return next((agent.role for agent in AGENTS.values() if agent.owns(path)), None)
