"""The fake provider on a port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from qlf.errors import EnvironmentUnavailable
from qlf.llm.fake.engine import Engine
from qlf.llm.fake.fault import RefuseConnections
from qlf.llm.fake.http import Connection, Performance, Request
from qlf.llm.fake.records import BillLine, Record
from qlf.llm.fake.script import Script
from qlf.llm.fake.surface import Surface

__all__ = ["FakeProvider"]

_BACKLOG = 1024


class FakeProvider:
    """Serves while its context is open: `async with FakeProvider(script) as fake: ... fake.openai_url`.

    Args:
        script: What it does; without one it answers everything at once.
        host: Where to listen; this machine alone unless told otherwise.
        port: 0 takes a free one.
        on_record: Told of every request.
        handle: Answers instead of the script, for recording and replaying.

    Raises:
        EnvironmentUnavailable: On entry, when the port cannot be had.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_record: Callable[[Record], None] | None = None,
        handle: Callable[[Request], Performance] | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._engine = Engine(script if script is not None else Script(), on_record=on_record)
        self._surface = Surface(self._engine, self._reschedule)
        self._handle = handle or self._surface.handle
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._placeholder: socket.socket | None = None
        self._windows: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port in use."""
        return self._port

    @property
    def url(self) -> str:
        """The root: Azure's endpoint, and what accounts and `/__fake__/` are below."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

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

    @property
    def script(self) -> Script:
        """The script in force."""
        return self._engine.script

    @property
    def log(self) -> tuple[Record, ...]:
        """All requests so far."""
        return self._engine.records.log

    @property
    def bill(self) -> tuple[BillLine, ...]:
        """Sums by deployment and outcome."""
        return self._engine.records.bill

    def bill_micros(self, deployment: str | None = None) -> int:
        """Everything billed, or that of one deployment, in USD micros. Needs prices in the script."""
        return sum(line.micros for line in self.bill if deployment in (None, line.deployment))

    def load(self, script: Script) -> None:
        """Begin anew with another script: time, counts, limits and log."""
        self._surface.load(script)

    def reset(self) -> None:
        """Begin anew with the same script."""
        self._surface.load(self._engine.script)

    async def start(self) -> None:
        """Listen."""
        self._engine.load(self._engine.script)
        await self.accept()
        self._reschedule()

    async def stop(self) -> None:
        """End all connections and listen no more."""
        for task in self._windows:
            task.cancel()
        await asyncio.gather(*self._windows, return_exceptions=True)
        self._windows.clear()
        await self._close_server()
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None

    async def accept(self) -> None:
        """Listen again after `refuse`."""
        if self._server is not None:
            return
        held = self._placeholder if self._placeholder is not None else self._bind()
        self._placeholder = None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handle, self._connections), sock=held, backlog=_BACKLOG
        )

    async def refuse(self) -> None:
        """Reset all connections and refuse new ones until `accept`; the port stays ours."""
        if self._server is None:
            return
        await self._close_server()
        self._placeholder = self._bind()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            made.bind((self._host, self._port))
        except (OSError, OverflowError) as error:
            made.close()
            reason = error.strerror if isinstance(error, OSError) else "it is no port"
            raise EnvironmentUnavailable(
                f"the fake provider cannot listen on {self._host!r}, port {self._port}: {reason}",
                hint="choose another --port, or 0 for a free one",
            ) from error
        self._port = made.getsockname()[1]
        return made

    async def _close_server(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in tuple(self._connections):
            connection.abort()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2.0)

    def _reschedule(self) -> None:
        """Plan the windows in which nobody listens."""
        for task in self._windows:
            task.cancel()
        loop = asyncio.get_running_loop()
        faults = [one for one in self._engine.script.faults if isinstance(one, RefuseConnections)]
        self._windows = [loop.create_task(self._window(fault)) for fault in faults]
        if self._server is None:
            self._windows.append(loop.create_task(self.accept()))

    async def _window(self, fault: RefuseConnections) -> None:
        await asyncio.sleep(self._until(fault.from_seconds))
        await self.refuse()
        if fault.to_seconds is not None:
            await asyncio.sleep(self._until(fault.to_seconds))
            await self.accept()

    def _until(self, seconds: float) -> float:
        return max(0.0, self._engine.started + seconds - self._engine.now())
