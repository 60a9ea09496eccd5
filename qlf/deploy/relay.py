"""Holds a deployment: `python -m qlf.deploy.relay FOLDER` starts it and goes to the background.

The application runs in the sandbox, without any network, on a Unix socket. This process listens on a port of
the loopback interface and passes bytes on in both directions. It reads nothing of them and adds nothing: the
application sees no client address, and so applies its limits for each account, not for each address, which
behind one relay would be the same for everybody.

When this process ends, however it ends, the sandbox ends the application.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from qlf.core.runbook import runbook
from qlf.core.secrets import redact
from qlf.core.spec import Stack
from qlf.deploy.contained import SERVE, command, placed, policy_folder
from qlf.deploy.home import Home, read_json, write_private
from qlf.deploy.process import mark_of
from qlf.errors import QlfError
from qlf.sandbox import Policy, Process, Tier, ensure, open_sandbox

__all__ = ["main"]

_CHUNK = 65_536
_MOST_CONNECTIONS = 512
_LOG_BYTES = 128 * 1024
_LOG_SECONDS = 1.0
_START_SECONDS = 60.0
_SOCKET = "app.sock"


def main(folder: str) -> int:
    """Go to the background and hold the deployment until SIGTERM."""
    home = Home(Path(folder))
    if os.fork():
        return 0
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    try:
        asyncio.run(_Relay(home).hold())
    except (QlfError, OSError, KeyError, TypeError, ValueError) as error:
        _fail(home, str(error))
        return 1
    return 0


def _fail(home: Home, reason: str) -> None:
    """Leave word for whoever waits."""
    text = redact(reason, _secrets(home).values())
    write_private(home.failure, json.dumps({"reason": text, "pid": os.getpid()}).encode())


def _secrets(home: Home) -> dict[str, str]:
    return {key: value for key, value in read_json(home.secrets).items() if isinstance(value, str)}


class _Relay:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.plan: dict[str, Any] = read_json(home.plan)
        self.secrets = _secrets(home)
        self.open = 0

    async def hold(self) -> None:
        """Listen, start the application, pass on until told to stop."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        # Before anything can fail: whoever waits must know whom to end.
        self._claim(0)
        with socket.socket() as listener, contextlib.ExitStack() as stack:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", int(self.plan["port"])))
            self._claim(listener.getsockname()[1])
            process, path = await asyncio.to_thread(self._start, stack)
            server = await asyncio.start_server(lambda r, w: self._pass_on(r, w, path), sock=listener)
            async with server:
                await self._watch(process, told)
            ended = not process.running
            await asyncio.to_thread(process.terminate, float(self.plan["grace"]))
            self._write_log(process)
        if ended:
            raise ValueError("the application ended by itself")
        self.home.drop_claim()

    def _claim(self, port: int) -> None:
        process = mark_of(os.getpid())
        about = {key: self.plan[key] for key in ("digest", "started")}
        self.home.write_claim({"process": process, "port": port, **about})

    def _start(self, stack: contextlib.ExitStack) -> tuple[Process, str]:
        """Start the application and wait until it listens; `stack` ends it."""
        plan, home = self.plan, self.home
        wanted = plan["policy"]
        policy = Policy(
            minimum=Tier(wanted["minimum"]),
            uid=wanted["uid"],
            gid=wanted["gid"],
            bwrap=Path(wanted["bwrap"]) if wanted["bwrap"] else None,
            search_path=wanted["search_path"],
        )
        book = runbook(Stack.model_validate(plan["stack"]))
        cache_dir = Path(plan["cache_dir"])
        sandbox = open_sandbox(policy, cache=policy_folder(cache_dir))
        # Installed before this process was started; nothing is fetched here.
        environment = ensure(
            (home.app / book.serve_lock).read_text(encoding="utf-8"),
            python=Path(plan["python"]),
            cache_dir=cache_dir / "environments",
            uv=Path(plan["uv"]),
            variables={},
        )
        app, data = placed(sandbox, home)
        work = stack.enter_context(sandbox.workspace({}, base=home.run))
        run = sandbox.place(work.path, "/run/app", writable=True)
        words = (*book.serve, f"{run.target}/{_SOCKET}")
        secret = self.secrets["secret_key"]
        process = stack.enter_context(
            sandbox.start(command(words, sandbox, environment, book, (app, data, run), secret, limits=SERVE))
        )
        try:
            path = stack.enter_context(work.listening(process, _SOCKET, _START_SECONDS))
        finally:
            self._write_log(process)
        return process, path

    async def _watch(self, process: Process, told: asyncio.Event) -> None:
        while process.running and not told.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), _LOG_SECONDS)
            await asyncio.to_thread(self._write_log, process)

    def _write_log(self, process: Process) -> None:
        text = redact(process.output(_LOG_BYTES).decode(errors="replace"), self.secrets.values())
        data = text.encode()
        if read_bytes(self.home.log) != data:
            write_private(self.home.log, data)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        if self.open >= _MOST_CONNECTIONS:
            writer.close()
            return
        self.open += 1
        try:
            inside, outside = await asyncio.open_unix_connection(path)
            towards = asyncio.create_task(_pump(reader, outside))
            try:
                # When the application has said all it had to say, the client has nothing left to add.
                await _pump(inside, writer)
            finally:
                towards.cancel()
                outside.close()
        except OSError:
            return
        finally:
            self.open -= 1
            writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


def read_bytes(path: Path) -> bytes:
    """The content of a file; nothing when there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
