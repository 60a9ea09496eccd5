"""Showing a cached run in Prefect over its REST API, without importing Prefect.

A recording is a courtesy: it has a deadline, it retries what SQLite refuses under load (HTTP 503), and no
failure of it ever fails the job. Requests are written to a socket directly, as HTTP/1.0 with one connection
each: loading `http.client` alone takes longer than the whole recording.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from qlf.engine.files import read_json, replace_file

if TYPE_CHECKING:
    from qlf.engine.seen_run import SeenRun

__all__ = ["FLOW_NAME", "Recorded", "Recording", "run_name"]

FLOW_NAME = "generate-app"
_DEADLINE_SECONDS = 3.0
_CONNECT_SECONDS = 0.5
_PAUSES_SECONDS = (0.05, 0.15, 0.4)
_MAX_ANSWER = 1_048_576
_OK = (200, 201)
_CONFLICT = 409
_BUSY = 503


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where the run can be seen, or why it cannot."""

    run_url: str | None = None
    problem: str | None = None


class _Refused(Exception):
    """The API answered with an error, too late, or not at all."""


class Recording:
    """Sends finished runs to a Prefect API."""

    def __init__(
        self, api_url: str, headers: Mapping[str, str], *, ui_url: str | None = None, home: Path | None = None
    ) -> None:
        """Remember where to send; nothing is sent yet.

        Args:
            api_url: Such as `http://127.0.0.1:4200/api`.
            headers: What lets a request in.
            ui_url: Where a person looks at runs; the address of the API without `/api` by default.
            home: Folder that remembers the identifier of the flow, which saves one request.
        """
        parts = urlsplit(api_url.rstrip("/"))
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._tls else 80)
        self._path = parts.path
        self._api_url = api_url
        self._ui = (ui_url or api_url.rstrip("/").removesuffix("/api")).rstrip("/")
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._headers = {
            "Host": f"{host}:{self._port}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            **headers,
        }
        self._known = home / "prefect-flow.json" if home is not None else None
        self._deadline = 0.0

    def send(self, run: SeenRun) -> Recorded:
        """Record the run with its artifacts. Never raises for what the network or the API does."""
        self._deadline = time.monotonic() + _DEADLINE_SECONDS
        try:
            identifier = self._create_run(run)
            for artifact in run.artifacts:
                self._create("/artifacts/", {**artifact, "flow_run_id": identifier})
        except (OSError, ValueError, KeyError, TypeError, RecursionError, _Refused) as error:
            reason = str(error) or type(error).__name__
            return Recorded(problem=f"the run could not be shown in Prefect: {reason}")
        return Recorded(run_url=f"{self._ui}/runs/flow-run/{identifier}")

    def _create_run(self, run: SeenRun) -> str:
        known = read_json(self._known) if self._known is not None else None
        if isinstance(known, dict) and known.get("api_url") == self._api_url:
            status, answer = self._post("/flow_runs/", _flow_run(run, str(known.get("flow_id"))))
            if status in _OK:
                return str(answer["id"])
            if status not in (_CONFLICT, 422):
                raise _Refused(f"POST /flow_runs/ was answered with HTTP {status}")
            # The server has a new database, which does not know the flow.
        flow = str(self._create("/flows/", {"name": FLOW_NAME})["id"])
        answer = self._create("/flow_runs/", _flow_run(run, flow))
        if self._known is not None:
            note = json.dumps({"api_url": self._api_url, "flow_id": flow}).encode()
            replace_file(self._known, note, durable=False)
        return str(answer["id"])

    def _create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        status, answer = self._post(path, body)
        if status not in _OK:
            raise _Refused(f"POST {path} was answered with HTTP {status}")
        return answer

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body).encode()
        status, content = self._exchange(path, data)
        for pause in _PAUSES_SECONDS:
            if status != _BUSY:
                break
            time.sleep(pause)
            status, content = self._exchange(path, data)
        answer = json.loads(content) if status in _OK else {}
        if not isinstance(answer, dict):
            raise _Refused(f"POST {path} gave an answer that is not an object")
        return status, answer

    def _exchange(self, path: str, data: bytes) -> tuple[int, bytes]:
        lines = [f"POST {self._path}{path} HTTP/1.0", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        if any("\n" in line or "\r" in line for line in lines):
            raise _Refused("the address or the credentials hold a line break")
        request = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data
        received = bytearray()
        with self._connect() as connection:
            connection.settimeout(self._left())
            connection.sendall(request)
            while part := connection.recv(65_536):
                received += part
                if len(received) > _MAX_ANSWER:
                    raise _Refused(f"the answer is longer than {_MAX_ANSWER} bytes")
                connection.settimeout(self._left())
        return _parse_answer(bytes(received))

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), min(_CONNECT_SECONDS, self._left()))
        if not self._tls:
            return connection
        import ssl

        return ssl.create_default_context().wrap_socket(connection, server_hostname=self._host)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Refused(f"it took longer than {_DEADLINE_SECONDS:g} seconds")
        return left


def run_name(name: str, digest: str) -> str:
    """Name of a flow run: the application and the start of the digest of its spec."""
    return f"{name}-{digest[:8]}"


def _parse_answer(received: bytes) -> tuple[int, bytes]:
    head, separator, body = received.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise _Refused("the answer is not HTTP")
    for line in rest:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip() != b"%d" % len(body):
            raise _Refused("the answer broke off")
    return int(words[1]), body


def _flow_run(run: SeenRun, flow: str) -> dict[str, Any]:
    return {
        "flow_id": flow,
        "name": run_name(str(run.facts["name"]), str(run.facts["spec_digest"])),
        "parameters": {"parameters": run.request.to_json()},
        "tags": ["qlf"],
        "state": {
            "type": "COMPLETED",
            "name": "Cached",
            "message": "Served from the result store of qlf; nothing was run again.",
        },
    }
