"""Files and batches as OpenAI's batch interface has them: many requests in one file, at half the price."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from qlf.llm.fake.ask import Refused, read_chat
from qlf.llm.fake.engine import Engine
from qlf.llm.fake.errors import Problem, problem_body
from qlf.llm.fake.fault import Wire
from qlf.llm.fake.http import Performance, Request, whole

__all__ = ["Batches"]

_MOST_LINES = 50_000
_DAY = 86_400
_ENDPOINTS = ("/v1/chat/completions", "/chat/completions")
_NAME = re.compile(r'name="((?:[^"\\]|\\.)*)"')
_FILENAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"')


@dataclass(slots=True)
class _File:
    id: str
    name: str
    purpose: str
    data: bytes
    created: int

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(slots=True)
class _Batch:
    id: str
    wire: Wire
    account: str
    endpoint: str
    file: _File
    window: str
    metadata: Any
    since: float
    lines: list[dict[str, Any]]
    status: str = "validating"
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: str | None = None
    failed_lines: str | None = None
    counts: tuple[int, int] = (0, 0)
    """Completed and failed lines."""


class Batches:
    """Keeps files and batches in memory.

    Args:
        engine: Answers the lines.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}

    def handle(self, request: Request, wire: Wire, path: tuple[str, ...], account: str) -> Performance:
        """The answer to one request below `files` or `batches`."""
        try:
            if path[0] == "files":
                return self._handle_files(request, path[1:])
            return self._handle_batches(request, wire, path[1:], account)
        except Refused as error:
            status = 404 if error.code == "not_found" else 400
            problem = Problem(status, "invalid", error.message, error.code, error.param)
            return self._engine.refuse(self._engine.record(wire), wire, problem, outcome="invalid")

    def _handle_files(self, request: Request, rest: tuple[str, ...]) -> Performance:
        if request.method == "POST" and not rest:
            return _json(self._upload(request).to_json())
        if request.method == "GET" and not rest:
            return _json(
                {"object": "list", "data": [one.to_json() for one in self._files.values()], "has_more": False}
            )
        file = self._file(rest[0] if rest else "")
        if request.method == "GET" and len(rest) == 1:
            return _json(file.to_json())
        if request.method == "GET" and rest[1:] == ("content",):
            return whole(200, [("content-type", "application/octet-stream")], file.data)
        if request.method == "DELETE" and len(rest) == 1:
            del self._files[file.id]
            return _json({"id": file.id, "object": "file", "deleted": True})
        raise Refused("There is no such operation on files.", code="not_found")

    def _handle_batches(
        self, request: Request, wire: Wire, rest: tuple[str, ...], account: str
    ) -> Performance:
        if request.method == "POST" and not rest:
            return _json(self._show(self._create(request, wire, account)))
        if request.method == "GET" and not rest:
            shown = [self._show(one) for one in self._batches.values()]
            ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
            return _json({"object": "list", "data": shown, "has_more": False, **ends})
        batch = self._batches.get(rest[0] if rest else "")
        if batch is None:
            raise Refused(f"No batch found with id '{rest[0][:100]}'.", code="not_found")
        if request.method == "GET" and len(rest) == 1:
            return _json(self._show(batch))
        if request.method == "POST" and rest[1:] == ("cancel",):
            self._advance(batch)
            if batch.status in ("completed", "failed", "expired", "cancelled"):
                raise Refused(f"Cannot cancel a batch with status '{batch.status}'.", code="invalid_value")
            batch.status = "cancelled"
            return _json(self._show(batch))
        raise Refused("There is no such operation on batches.", code="not_found")

    def _upload(self, request: Request) -> _File:
        fields, name, data = _form(request)
        purpose = fields.get("purpose", "")
        if not purpose:
            raise Refused("Missing required parameter: 'purpose'.", param="purpose")
        if data is None:
            raise Refused("Missing required parameter: 'file'.", param="file")
        file = _File(f"file-{self._id()[:24]}", name, purpose, data, self._engine.script.created)
        self._files[file.id] = file
        return file

    def _create(self, request: Request, wire: Wire, account: str) -> _Batch:
        try:
            asked = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise Refused("We could not parse the JSON body of your request.") from error
        if not isinstance(asked, dict):
            raise Refused("The body of the request must be a JSON object.")
        file = self._file(str(asked.get("input_file_id") or ""))
        if asked.get("endpoint") not in _ENDPOINTS:
            raise Refused(
                f"Invalid value: {str(asked.get('endpoint'))[:100]!r}. Supported here: {_ENDPOINTS[0]!r}.",
                param="endpoint",
                code="invalid_value",
            )
        if asked.get("completion_window") != "24h":
            raise Refused("Invalid value for 'completion_window'; use '24h'.", param="completion_window")
        batch = _Batch(
            id=f"batch_{self._id()}",
            wire=wire,
            account=account,
            endpoint=asked["endpoint"],
            file=file,
            window="24h",
            metadata=asked.get("metadata"),
            since=self._engine.now(),
            lines=[],
        )
        batch.lines, batch.errors = _lines(file.data, batch.endpoint)
        if batch.errors or self._engine.script.batch.outcome == "failed":
            batch.status = "failed"
            batch.errors = batch.errors or [
                {
                    "code": "server_error",
                    "message": "The batch could not be started.",
                    "line": None,
                    "param": None,
                }
            ]
        self._batches[batch.id] = batch
        return batch

    def _advance(self, batch: _Batch) -> None:
        """Let time pass: a batch ends when its time is over, and only then its lines are worked on."""
        if batch.status not in ("validating", "in_progress", "finalizing"):
            return
        settings = self._engine.script.batch
        share = (
            1.0 if settings.seconds == 0 else min(1.0, (self._engine.now() - batch.since) / settings.seconds)
        )
        if share < 1:
            batch.status = "validating" if share < 0.2 else "in_progress" if share < 0.9 else "finalizing"
            return
        lines = batch.lines
        if settings.outcome == "expired":
            lines = lines[: len(lines) // 2]
        good: list[bytes] = []
        bad: list[bytes] = []
        for line in lines:
            status, made = self._answer(batch, line)
            (good if status == 200 else bad).append(made)
        for line in batch.lines[len(lines) :]:
            error = {"code": "batch_expired", "message": "This request could not be executed in time."}
            bad.append(
                orjson.dumps(
                    {
                        "id": f"batch_req_{self._id()}",
                        "custom_id": line["custom_id"],
                        "response": None,
                        "error": error,
                    }
                )
            )
        batch.output = self._keep(batch, "output", good)
        batch.failed_lines = self._keep(batch, "error", bad)
        batch.counts = (len(good), len(bad))
        batch.status = "expired" if settings.outcome == "expired" else "completed"

    def _answer(self, batch: _Batch, line: dict[str, Any]) -> tuple[int, bytes]:
        body: Any
        try:
            ask = read_chat(
                orjson.dumps(line["body"]), wire=batch.wire, deployment=None, account=batch.account
            )
            if ask.stream:
                raise Refused("Streaming is not supported in batches.", param="stream")
            status, request_id, body = self._engine.batch_line(ask)
        except Refused as error:
            problem = Problem(400, "invalid", error.message, error.code, error.param)
            status, request_id = 400, f"req_{self._id()}"
            body = orjson.loads(problem_body(Wire.OPENAI, problem))
        response = {"status_code": status, "request_id": request_id, "body": body}
        made = {
            "id": f"batch_req_{self._id()}",
            "custom_id": line["custom_id"],
            "response": response,
            "error": None,
        }
        return status, orjson.dumps(made)

    def _keep(self, batch: _Batch, kind: str, lines: list[bytes]) -> str | None:
        if not lines:
            return None
        file = _File(
            f"file-{self._id()[:24]}",
            f"{batch.id}_{kind}.jsonl",
            "batch_output",
            b"\n".join(lines) + b"\n",
            self._engine.script.created,
        )
        self._files[file.id] = file
        return file.id

    def _show(self, batch: _Batch) -> dict[str, Any]:
        self._advance(batch)
        created = self._engine.script.created
        ended = batch.status in ("completed", "expired")
        completed, failed = batch.counts
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.endpoint,
            "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
            "input_file_id": batch.file.id,
            "completion_window": batch.window,
            "status": batch.status,
            "output_file_id": batch.output,
            "error_file_id": batch.failed_lines,
            "created_at": created,
            "in_progress_at": None if batch.status in ("validating", "failed") else created,
            "expires_at": created + _DAY,
            "finalizing_at": created if ended else None,
            "completed_at": created if batch.status == "completed" else None,
            "failed_at": created if batch.status == "failed" else None,
            "expired_at": created if batch.status == "expired" else None,
            "cancelled_at": created if batch.status == "cancelled" else None,
            "request_counts": {"total": len(batch.lines), "completed": completed, "failed": failed},
            "metadata": batch.metadata,
        }

    def _file(self, wanted: str) -> _File:
        file = self._files.get(wanted)
        if file is None:
            raise Refused(f"No such File object: {wanted[:100]}", param="id", code="not_found")
        return file

    def _id(self) -> str:
        return self._engine.next_id()[1]


def _lines(data: bytes, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of an input file, and what is wrong with it."""
    lines: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()

    def wrong(number: int, code: str, message: str) -> None:
        errors.append({"code": code, "message": message, "line": number, "param": None})

    for number, text in enumerate(data.splitlines(), start=1):
        if not text.strip():
            continue
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError:
            wrong(number, "invalid_json_line", "This line is not parseable as valid JSON.")
            continue
        if not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
            wrong(number, "missing_required_parameter", "Missing required parameter: 'custom_id'.")
        elif line["custom_id"] in seen:
            wrong(number, "duplicate_custom_id", "The custom_id for this request is a duplicate.")
        elif line.get("method") != "POST" or line.get("url") != endpoint:
            wrong(number, "invalid_url", "The method or url does not match the endpoint of the batch.")
        elif not isinstance(line.get("body"), dict):
            wrong(number, "missing_required_parameter", "Missing required parameter: 'body'.")
        else:
            seen.add(line["custom_id"])
            lines.append(line)
    if not lines and not errors:
        wrong(0, "empty_file", "The input file is empty.")
    if len(lines) > _MOST_LINES:
        wrong(0, "too_many_tasks", f"The batch has more than {_MOST_LINES} requests.")
    return lines, errors


def _form(request: Request) -> tuple[dict[str, str], str, bytes | None]:
    """Fields of a multipart form, and the name and bytes of its file. (RFC 7578.)"""
    found = re.search(r'boundary="?([^";]{1,200})"?', request.headers.get("content-type", ""))
    if found is None:
        raise Refused("The body of the request must be a multipart form.")
    fields: dict[str, str] = {}
    file_name, file_data = "", None
    for part in (b"\r\n" + request.body).split(b"\r\n--" + found[1].encode())[1:]:
        headers, blank, data = part.partition(b"\r\n\r\n")
        if part.startswith(b"--") or not blank:
            continue
        text = headers.decode("utf-8", "replace")
        name = _NAME.search(text.replace("filename=", "file-name-"))
        if name is None:
            continue
        file = _FILENAME.search(text)
        if file is not None and name[1] == "file":
            file_name, file_data = file[1], data
        else:
            fields[name[1]] = data.decode("utf-8", "replace")
    return fields, file_name, file_data


def _json(document: Any) -> Performance:
    return whole(200, [("content-type", "application/json")], orjson.dumps(document))
