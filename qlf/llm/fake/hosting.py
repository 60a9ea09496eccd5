"""The fake provider in a thread or in a process of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from qlf.errors import EnvironmentUnavailable, InputError
from qlf.llm.fake.records import BillLine, Record
from qlf.llm.fake.script import Script
from qlf.llm.fake.server import FakeProvider

__all__ = ["FakeProcess", "FakeThread", "serve_in_process", "serve_in_thread"]

_PATIENCE = 20.0
"""Seconds for a thread or process to begin and to end."""


class _Addresses:
    """The addresses below a root."""

    url: str

    @property
    def openai_url(self) -> str:
        """`base_url` of an OpenAI client."""
        return f"{self.url}/v1"

    @property
    def azure_url(self) -> str:
        """`azure_endpoint` of an Azure client."""
        return self.url

    @property
    def bedrock_url(self) -> str:
        """`endpoint_url` of a boto3 client."""
        return self.url

    def account_url(self, account: str) -> str:
        """The root of an account; its deployments are called `{account}/{deployment}` in the script."""
        return f"{self.url}/accounts/{account}"


class FakeThread(_Addresses):
    """A fake provider that runs in a thread of this process; made by `serve_in_thread`."""

    def __init__(self, provider: FakeProvider, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop
        self.url = provider.url

    @property
    def log(self) -> tuple[Record, ...]:
        """All requests so far."""
        return self._provider.log

    @property
    def bill(self) -> tuple[BillLine, ...]:
        """Sums by deployment and outcome."""
        return self._provider.bill

    def bill_micros(self, deployment: str | None = None) -> int:
        """Everything billed, or that of one deployment, in USD micros."""
        return self._provider.bill_micros(deployment)

    def load(self, script: Script) -> None:
        """Begin anew with another script."""
        self._wait(self._load(script))

    def reset(self) -> None:
        """Begin anew with the same script."""
        self._wait(self._load(self._provider.script))

    def refuse(self) -> None:
        """Refuse connections until `accept`."""
        self._wait(self._provider.refuse())

    def accept(self) -> None:
        """Listen again."""
        self._wait(self._provider.accept())

    async def _load(self, script: Script) -> None:
        self._provider.load(script)

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)


@contextlib.contextmanager
def serve_in_thread(
    script: Script | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[FakeThread]:
    """Serve from a thread while the context is open.

    Raises:
        EnvironmentUnavailable: When the port cannot be had.
    """
    provider = FakeProvider(script, host=host, port=port)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(provider.start())
        except EnvironmentUnavailable as error:
            failure.append(error)
            return
        finally:
            ready.set()
        loop.run_forever()

    thread = threading.Thread(target=run, name="fake-provider", daemon=True)
    thread.start()
    try:
        ready.wait(_PATIENCE)
        if failure:
            raise failure[0]
        yield FakeThread(provider, loop)
        asyncio.run_coroutine_threadsafe(provider.stop(), loop).result(_PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        if not thread.is_alive():
            with contextlib.suppress(RuntimeError):
                _drain(loop)
            loop.close()


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """End what still runs, such as hanging answers."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


class FakeProcess(_Addresses):
    """A fake provider in a process of its own; made by `serve_in_process`. Everything goes over HTTP."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        # Settings of a proxy in the environment must not come between.
        self._opener = build_opener(ProxyHandler({}))

    @property
    def log(self) -> tuple[Record, ...]:
        """All requests so far."""
        return tuple(Record(**line) for line in self._ask("GET", "log")["requests"])

    @property
    def bill(self) -> tuple[BillLine, ...]:
        """Sums by deployment and outcome."""
        return tuple(BillLine(**line) for line in self._ask("GET", "bill")["lines"])

    @property
    def cpu_seconds(self) -> float:
        """CPU time the process has used."""
        return float(self._ask("GET", "status")["cpu_seconds"])

    def bill_micros(self, deployment: str | None = None) -> int:
        """Everything billed, or that of one deployment, in USD micros."""
        return sum(line.micros for line in self.bill if deployment in (None, line.deployment))

    def load(self, script: Script) -> None:
        """Begin anew with another script."""
        self._ask("POST", "script", script.model_dump_json(exclude_unset=True).encode())

    def reset(self) -> None:
        """Begin anew with the same script."""
        self._ask("POST", "reset", b"")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = Request(f"{self.url}/__fake__/{path}", data=body, method=method)  # noqa: S310 - always http
        with self._opener.open(request, timeout=_PATIENCE) as answer:
            return json.loads(answer.read())


@contextlib.contextmanager
def serve_in_process(
    script: Script | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[FakeProcess]:
    """Serve from a process of its own while the context is open. It ends when this process does.

    Raises:
        EnvironmentUnavailable: When it does not begin.
    """
    started = {
        "script": (script or Script()).model_dump(mode="json", exclude_unset=True),
        "host": host,
        "port": port,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "qlf.llm.fake.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(started).encode() + b"\n")
            process.stdin.flush()
            said = _said(process.stdout.readline())
            yield FakeProcess(said["url"], process.pid)
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _said(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except json.JSONDecodeError as error:
        raise EnvironmentUnavailable("the process of the fake provider did not begin") from error
    if "error" in said:
        raise (InputError if said.get("family") == "input" else EnvironmentUnavailable)(said["error"])
    made: dict[str, Any] = said
    return made
