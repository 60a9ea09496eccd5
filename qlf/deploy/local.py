"""Start, stop, list and look into applications on this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from qlf.core.runbook import runbook
from qlf.core.secrets import redact
from qlf.core.spec import Spec
from qlf.core.tree import Tree
from qlf.deploy.contained import SETUP, command, placed, policy_folder
from qlf.deploy.home import Home, find_home, homes, open_home, read_json, write_private
from qlf.deploy.model import Deployment
from qlf.deploy.process import alive, end
from qlf.deploy.source import read_source
from qlf.errors import DeployError, InputError
from qlf.sandbox import Completed, Environment, Policy, SandboxFailed, ensure, open_sandbox, uv_variables

__all__ = ["list_local", "logs_local", "start_local", "status_local", "stop_local"]

_POLL_SECONDS = 0.1
_LAUNCH_SECONDS = 30.0
_WORDS = 12
"""How many log lines an error shows."""
_DEFAULT_READY = "/health/ready"


def start_local(
    source: Path,
    *,
    state_dir: Path,
    cache_dir: Path,
    uv: Path | None = None,
    tools: Mapping[str, str] | None = None,
    policy: Policy | None = None,
    python: Path | None = None,
    port: int | None = None,
    wait_seconds: float = 30.0,
) -> Deployment:
    """Start an application with its embedded database, and wait until it says that it is ready.

    What already runs from the same folder with the same files is left as it is; with other files it is
    stopped, migrated and started anew. Its data stays.

    Args:
        source: The application's folder.
        state_dir: Where deployments are kept.
        cache_dir: Where environments are kept.
        uv: The program that fills environments; `None` takes the one that `qlf` was installed with.
        tools: Environment for installing packages.
        policy: Which sandbox is good enough.
        python: The interpreter of the application; `None` takes the one that runs now.
        port: On 127.0.0.1; `None` takes the last one again, or a free one.
        wait_seconds: How long to wait for `/health/ready`.

    Raises:
        InputError: If the folder holds no application.
        DeployError: If it does not get ready; with its last log lines. Nothing is left running then.
        EnvironmentUnavailable: If this machine has no sandbox, or packages cannot be had.
    """
    source = source.resolve()
    tree, spec = read_source(source)
    home = open_home(state_dir, source, spec.app.name)
    with home.locked():
        running = _seen(home)
        fits = running is not None and (port is None or running.url.endswith(f":{port}"))
        if running is not None and fits and running.status == "ready" and running.digest == tree.digest:
            return running
        last = home.claim().get("port")
        _stop(home, runbook(spec.app.stack).stop_seconds)
        where = _Where(cache_dir, uv, dict(tools or {}), policy or Policy(), python or Path(sys.executable))
        _set_up(home, tree, spec, where)
        wanted = port or (last if isinstance(last, int) and _is_free(last) else 0)
        try:
            _launch(home, tree, spec, where, wanted)
            return _wait(home, runbook(spec.app.stack).ready, wait_seconds)
        except BaseException:
            # Also when a person interrupts: nothing may be left that nobody knows of.
            _stop(home, 1.0)
            raise


def stop_local(name: str, *, state_dir: Path, grace: float = 10.0) -> bool:
    """Stop a deployment and everything that belongs to it; its data stays.

    Args:
        name: Of the deployment.
        state_dir: Where deployments are kept.
        grace: Seconds that requests in flight may take.

    Returns:
        Whether anything ran. Stopping twice is no error.

    Raises:
        InputError: If nothing of that name was ever started here.
    """
    home = _known(name, state_dir)
    with home.locked():
        return _stop(home, grace)


def status_local(name: str, *, state_dir: Path) -> Deployment | None:
    """What a deployment does now; `None` when it was stopped.

    Raises:
        InputError: If nothing of that name was ever started here.
    """
    return _seen(_known(name, state_dir))


def list_local(state_dir: Path) -> list[Deployment]:
    """Every deployment that was started and not stopped, by name."""
    return [found for home in homes(state_dir) if (found := _seen(home)) is not None]


def logs_local(name: str, *, state_dir: Path, lines: int = 100) -> str:
    """The last lines of what the application wrote, without its secrets.

    Raises:
        InputError: If nothing of that name was ever started here.
    """
    return "\n".join(_last_lines(_known(name, state_dir), lines))


class _Where:
    """What of this machine a start uses."""

    def __init__(
        self, cache_dir: Path, uv: Path | None, tools: dict[str, str], policy: Policy, python: Path
    ) -> None:
        from uv import find_uv_bin

        self.cache_dir = cache_dir
        self.uv = uv or Path(find_uv_bin())
        self.variables = uv_variables(tools)
        self.policy = policy
        self.python = python

    def environment(self, lock: str) -> Environment:
        return ensure(
            lock,
            python=self.python,
            cache_dir=self.cache_dir / "environments",
            uv=self.uv,
            variables=self.variables,
        )


def _known(name: str, state_dir: Path) -> Home:
    home = find_home(state_dir, name)
    if home is None:
        raise InputError(f"no application {name!r} was started here", hint="`qlf deploy status` lists them")
    return home


def _set_up(home: Home, tree: Tree, spec: Spec, where: _Where) -> None:
    """Install, migrate, and make the first administrator once."""
    book = runbook(spec.app.stack)
    if book.serve_lock not in tree:
        raise InputError(f"the application has no {book.serve_lock!r} to make its environment from")
    sandbox = open_sandbox(where.policy, cache=policy_folder(where.cache_dir))
    environment = where.environment(tree.text(book.serve_lock))
    keys = home.keep_secrets(accounts=spec.auth.enabled)
    home.replace_app(tree)
    home.make_run()
    mounts = placed(sandbox, home)

    def run(words: tuple[str, ...], env: Mapping[str, str] | None = None) -> Completed:
        secret = keys["secret_key"]
        return sandbox.run(command(words, sandbox, environment, book, mounts, secret, limits=SETUP, env=env))

    try:
        _require(run(book.migrate), "its database could not be migrated", keys)
        if "admin_password" in keys and "admin_created" not in keys:
            env = {book.admin_password_variable: keys["admin_password"]}
            done = run((*book.create_admin, keys["admin_email"]), env)
            _require(done, "its first administrator could not be made", keys)
            known = {**keys, "admin_created": "yes"}
            write_private(home.secrets, json.dumps(known, indent=2).encode())
    except SandboxFailed as error:
        raise DeployError(error.message, hint=error.hint) from error


def _require(done: Completed, otherwise: str, keys: Mapping[str, str]) -> None:
    if done.ok:
        return
    said = redact((done.stderr or done.stdout).decode(errors="replace"), keys.values()).strip().splitlines()
    words = "; ".join(said[-3:]) or f"the command ended with {done.returncode}"
    raise DeployError(f"the application did not start: {otherwise}: {words}", hint="`qlf verify` says more")


def _launch(home: Home, tree: Tree, spec: Spec, where: _Where, port: int) -> None:
    """Start the process that holds the deployment; it goes to the background by itself."""
    policy = where.policy
    plan = {
        "port": port,
        "digest": tree.digest,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "stack": spec.app.stack.model_dump(mode="json"),
        "grace": runbook(spec.app.stack).stop_seconds + 2.0,
        "cache_dir": str(where.cache_dir.resolve()),
        "uv": str(where.uv),
        "python": str(where.python),
        "policy": {
            "minimum": policy.minimum.value,
            "uid": policy.uid,
            "gid": policy.gid,
            "bwrap": str(policy.bwrap) if policy.bwrap else None,
            "search_path": policy.search_path,
        },
    }
    write_private(home.plan, json.dumps(plan).encode())
    for old in (home.failure, home.log):
        old.unlink(missing_ok=True)
    try:
        # -P: a folder called `qlf` where the user happens to be must not be taken for this package.
        subprocess.run(
            [sys.executable, "-P", "-m", "qlf.deploy.relay", str(home.path)],
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            timeout=_LAUNCH_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise DeployError("the process that holds the application did not start") from error


def _wait(home: Home, ready: str, seconds: float) -> Deployment:
    deadline = time.monotonic() + seconds
    while True:
        failure = read_json(home.failure).get("reason")
        if failure is not None:
            raise _not_ready(home, str(failure))
        found = _seen(home, ready)
        if found is not None and found.status == "ready":
            return found
        if found is not None and found.status == "stopped":
            raise _not_ready(home, "the process that holds it ended")
        if time.monotonic() > deadline:
            raise _not_ready(home, f"{ready} did not answer 200 within {seconds:.0f} seconds")
        time.sleep(_POLL_SECONDS)


def _not_ready(home: Home, reason: str) -> DeployError:
    said = _last_lines(home, _WORDS)
    words = f"; its last words: {' | '.join(said)}" if said else ""
    return DeployError(f"the application did not get ready: {reason}{words}", hint="`qlf verify` says more")


def _seen(home: Home, ready: str | None = None) -> Deployment | None:
    """What the claim says, checked against what really runs."""
    claim, mark, source = home.claim(), home.mark(), home.source
    port = claim.get("port")
    if mark is None or source is None or not isinstance(port, int):
        return None
    path = ready or _DEFAULT_READY
    status = "stopped" if not alive(mark) else "ready" if _answers(port, path) else "unhealthy"
    keys = read_json(home.secrets)
    return Deployment(
        name=home.name,
        url=f"http://127.0.0.1:{port}",
        pid=mark[0],
        digest=str(claim.get("digest", "")),
        source=source,
        started=str(claim.get("started", "")),
        status=status,
        admin=keys.get("admin_email"),
        secrets=home.secrets if "admin_email" in keys else None,
    )


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _stop(home: Home, grace: float) -> bool:
    mark = home.mark()
    ran = mark is not None and alive(mark)
    if mark is not None and ran:
        end(mark, grace + 5.0)
    with contextlib.suppress(OSError):
        home.drop_claim()
    return ran


def _last_lines(home: Home, count: int) -> list[str]:
    try:
        text = home.log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
