"""Run programs that nobody trusts: generated applications, their tests, their dependencies.

Example:
    sandbox = open_sandbox(Policy(minimum=Tier.A), cache=cache_folder)
    environment = ensure(lock_text, python=python, cache_dir=cache_folder, uv=uv, variables={})
    with sandbox.workspace(files) as work:
        app = sandbox.place(work.path, "/app", writable=True)
        mounts = (app, *environment.mounts(sandbox))
        command = Command((environment.program(sandbox, "pytest"), "-q"), cwd=app.target, mounts=mounts)
        completed = sandbox.run(command)
"""

from __future__ import annotations

from qlf.sandbox.confinement import Sandbox
from qlf.sandbox.detect import WallReport, detect, inspect, open_sandbox
from qlf.sandbox.environment import Environment, ensure, uv_variables
from qlf.sandbox.model import (
    Command,
    Completed,
    Limits,
    Mount,
    Policy,
    SandboxFailed,
    SandboxUnavailable,
    Tier,
)
from qlf.sandbox.process import Process
from qlf.sandbox.workspace import Workspace

__all__ = [
    "Command",
    "Completed",
    "Environment",
    "Limits",
    "Mount",
    "Policy",
    "Process",
    "Sandbox",
    "SandboxFailed",
    "SandboxUnavailable",
    "Tier",
    "WallReport",
    "Workspace",
    "detect",
    "ensure",
    "inspect",
    "open_sandbox",
    "uv_variables",
]
