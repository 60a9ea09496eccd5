"""The questions that `qlf doctor` asks this machine. Each only looks, and gives up after seconds."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from qlf.cli.check import Check
from qlf.cli.checks_models import models
from qlf.errors import QlfError
from qlf.settings import Settings, uv_program

__all__ = ["Check", "examine"]

_SECONDS = 10
_LEAST_FREE = 1_000_000_000
"""Bytes. One application environment with its packages takes about 300 MB."""


def examine(settings: Settings, *, online: bool = False) -> list[Check]:
    """Ask everything; questions that start a program are asked side by side."""
    from concurrent.futures import ThreadPoolExecutor

    questions: list[Callable[[], list[Check]]] = [
        lambda: [_python(), _ruff()],
        lambda: [_uv(settings)],
        lambda: [
            _folder("cache folder", settings.cache_dir, "every run does all of its work again"),
            _folder("state folder", settings.state_dir, "qlf up, deploy and status cannot work"),
        ],
        lambda: [_disk(settings.cache_dir)],
        lambda: _sandbox(settings),
        lambda: [_index(settings, online=online)],
        lambda: [_prefect(), _server(settings)],
        lambda: models(settings),
        lambda: [_docker(settings)],
        lambda: [
            _tool(
                settings,
                "kubectl",
                ("kubectl", "version", "--client"),
                "manifests cannot be applied from here",
            ),
            _tool(settings, "Node.js", ("node", "--version"), "no front end can be built here"),
            _tool(settings, "npm", ("npm", "--version"), "no front end can be built here"),
        ],
        lambda: [
            _tool(
                settings,
                "Chromium",
                ("chromium", "--version"),
                "no page can be tested in a browser here",
                others=("chromium-browser", "google-chrome"),
            ),
            _tool(
                settings,
                "PostgreSQL",
                ("postgres", "--version"),
                "applications can be tried on SQLite only here",
                others=tuple(
                    str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
                ),
            ),
        ],
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return [check for group in pool.map(lambda question: question(), questions) for check in group]


def _python() -> Check:
    return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}", essential=True)


def _ruff() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Check("ruff", "ok", version("ruff"), essential=True)
    except PackageNotFoundError:
        return Check(
            "ruff",
            "missing",
            "not found",
            "generated code cannot be formatted: install qlf again",
            essential=True,
        )


def _uv(settings: Settings) -> Check:
    try:
        program = uv_program(settings)
    except QlfError as error:
        return Check("uv", "missing", error.message, error.hint or "", essential=True)
    answer = _ask(settings, (str(program), "--version"))
    if answer is None:
        return Check(
            "uv", "missing", f"{program} does not run", "install qlf again; uv comes with it", essential=True
        )
    return Check("uv", "ok", f"{answer} at {program}", essential=True)


def _folder(name: str, folder: Path, lost: str) -> Check:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    # An attempt says more than permission bits: a full or read-only file system has fine ones.
    beside = existing / f".qlf-doctor-{os.getpid()}"
    try:
        beside.write_bytes(b"qlf")
    except OSError as error:
        why = f"{folder} cannot be written: {error.strerror}"
        return Check(name, "missing", why, f"{lost}: set QLF_HOME to a folder that can be")
    finally:
        beside.unlink(missing_ok=True)
    return Check(name, "ok", f"{folder} can be written")


def _disk(folder: Path) -> Check:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free"
    if free < _LEAST_FREE:
        return Check("disk", "limited", found, "environments of applications may not fit: free 1 GB or more")
    return Check("disk", "ok", found)


def _sandbox(settings: Settings) -> list[Check]:
    from qlf.sandbox import inspect

    policy_minimum = "A" if settings.sandbox == "strict" else "B"
    reports = inspect()
    best = next((report for report in reports if report.works and report.tier.letter <= policy_minimum), None)
    checks = []
    if best is None:
        lost = "generated code is never run, so the gates unit, contract and runtime cannot run"
        checks.append(Check("sandbox", "missing", f"none of tier {policy_minimum} or better works", lost))
    else:
        cost = (
            "no network namespace: the runtime gate tests over a Unix socket"
            if best.tier.letter != "A"
            else ""
        )
        state: Literal["ok", "limited"] = "ok" if best.tier.letter == "A" else "limited"
        checks.append(
            Check("sandbox", state, f"tier {best.tier.letter} ({best.name}), self-test passed", cost)
        )
    for report in reports:
        if not report.works and (best is None or report.tier.letter < best.tier.letter):
            why = ", ".join(report.problems)[:300]
            checks.append(Check(f"sandbox tier {report.tier.letter}", "missing", f"{report.name}: {why}"))
    return checks


def _index(settings: Settings, *, online: bool) -> Check:
    lost = "without it applications cannot be installed, so the gates unit, contract and runtime cannot run"
    if not online:
        return Check("package index", "not-asked", "asked with --online only")
    try:
        program = uv_program(settings)
    except QlfError as error:
        return Check("package index", "missing", error.message, lost)
    command = (str(program), "pip", "compile", "--quiet", "--no-deps", "--no-cache", "--no-header", "-")
    answer = _ask(settings, command, given="idna\n", seconds=40)
    if answer is None:
        return Check("package index", "missing", "it does not answer", lost)
    return Check("package index", "ok", "it answers")


def _prefect() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    lost = "runs work, but are shown nowhere: install qlf again"
    try:
        return Check("Prefect", "ok", version("prefect"))
    except PackageNotFoundError:
        return Check("Prefect", "missing", "not installed", lost)


def _server(settings: Settings) -> Check:
    from qlf.cli.api import shown
    from qlf.cli.server.control import answers
    from qlf.cli.server.state import running

    api = settings.prefect or running(settings)
    if api is None:
        return Check(
            "Prefect API", "missing", "none is configured", "runs work, but are shown nowhere: qlf up"
        )
    problem = answers(api)
    where = f"{shown(api)} (from {api.origin})"
    if problem is None:
        return Check("Prefect API", "ok", where)
    return Check("Prefect API", "missing", f"{where} {problem}", "start it, or generate with --inline")


def _docker(settings: Settings) -> Check:
    lost = "images of applications cannot be built here"
    if shutil.which("docker", path=settings.tools["PATH"]) is None:
        return Check("Docker", "missing", "not found", lost)
    answer = _ask(settings, ("docker", "version", "--format", "{{.Server.Version}}"))
    if answer is None:
        return Check("Docker", "missing", "the program is there, but no engine answers", lost)
    return Check("Docker", "ok", f"engine {answer}")


def _tool(
    settings: Settings, name: str, command: tuple[str, ...], lost: str, *, others: tuple[str, ...] = ()
) -> Check:
    for program in (command[0], *others):
        found = shutil.which(program, path=settings.tools["PATH"])
        if found is None:
            continue
        answer = _ask(settings, (found, *command[1:]))
        if answer is not None:
            return Check(name, "ok", f"{answer.splitlines()[0]} at {found}")
    return Check(name, "missing", "not found", lost)


def _ask(
    settings: Settings, command: tuple[str, ...], *, given: str = "", seconds: float = _SECONDS
) -> str | None:
    try:
        done = subprocess.run(
            command,
            env=dict(settings.tools),
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
