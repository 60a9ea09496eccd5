"""Recorded answers: one JSON document a line, without secrets, that can be played back.

What is stored of a request is its method, path and body; of an answer its status, the headers that clients
of providers read, and the body as text. Binary event streams are stored as the events they hold, so that a
secret in them can be seen and removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qlf.core.secrets import HIDDEN, redact
from qlf.errors import InputError
from qlf.llm.fake.eventstream import FrameError, decode_frames, encode_frame
from qlf.llm.fake.http import Request

__all__ = ["Entry", "Event", "Kept", "digest_of", "entry_of", "read_cassette", "secrets_of"]

_HEADERS = re.compile(
    r"content-type|retry-after(?:-ms)?|x-ratelimit-[a-z-]{1,60}|x-request-id|apim-request-id|"
    r"x-amzn-requestid|x-amzn-errortype"
)
_SECRET_HEADERS = ("authorization", "api-key", "x-api-key", "x-amz-security-token", "cookie")
_SECRET_NAMES = re.compile(
    r"(?i)(?:x-)?(?:api[_-]?key|authorization|password|passwd|secret|[a-z_]{0,40}(?:secret|access)_key|"
    r"(?:access|session|auth|refresh|id|security)?_?token)"
)
_MOST_BYTES = 64 * 1024 * 1024
_FRAMES = "application/vnd.amazon.eventstream"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Event(_Part):
    """One frame of an event stream."""

    headers: dict[str, str]
    payload: str


class Kept(_Part):
    """An answer."""

    status: Annotated[int, Field(ge=100, le=599)]
    headers: dict[str, str] = {}
    text: str | None = None
    sse: tuple[str, ...] | None = None
    """The events of a stream with their blank lines."""
    events: tuple[Event, ...] | None = None

    @property
    def pieces(self) -> list[bytes]:
        """The body, in the pieces it is sent in; one alone when it was no stream."""
        if self.sse is not None:
            return [one.encode() for one in self.sse]
        if self.events is not None:
            return [encode_frame(one.headers, one.payload.encode()) for one in self.events]
        return [(self.text or "").encode()]

    @property
    def streamed(self) -> bool:
        """Whether the body came as a stream."""
        return self.sse is not None or self.events is not None


class Entry(_Part):
    """One line: what was asked and what was answered."""

    version: Literal[1] = 1
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    method: str
    path: str
    body: Any = None
    answer: Kept


def digest_of(request: Request) -> str:
    """What a request is found again by: method, path and body, secrets removed."""
    return _digest(request.method, request.path, _body(request, ()))


def secrets_of(request: Request) -> tuple[str, ...]:
    """The values of the credentials that came with a request."""
    found: list[str] = []
    for name in _SECRET_HEADERS:
        value = request.headers.get(name, "")
        found += [value, value.rpartition(" ")[2]]
    return tuple(one for one in found if len(one) >= 8)


def entry_of(request: Request, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Entry:
    """What is stored of one exchange.

    Raises:
        InputError: When the body cannot be read, so that nobody could tell whether a secret is in it.
    """
    known = secrets_of(request)
    kept = {name.lower(): redact(value, known) for name, value in headers if _HEADERS.fullmatch(name.lower())}
    stored = _body(request, known)
    content_type = kept.get("content-type", "")
    try:
        if content_type.startswith(_FRAMES):
            answer = Kept(status=status, headers=kept, events=tuple(_events(body, known)))
        elif content_type.startswith("text/event-stream"):
            answer = Kept(status=status, headers=kept, sse=tuple(_sse(body.decode(), known)))
        else:
            answer = Kept(status=status, headers=kept, text=_text(body.decode(), known))
    except (FrameError, UnicodeDecodeError) as error:
        raise InputError("the answer is neither text nor an event stream, so it was not recorded") from error
    path = redact(request.path, known)
    return Entry(
        digest=_digest(request.method, request.path, _body(request, ())),
        method=request.method,
        path=path,
        body=stored,
        answer=answer,
    )


def read_cassette(path: Path) -> tuple[Entry, ...]:
    """Read a recording.

    Raises:
        InputError: When it cannot be read, or naming the line that is wrong.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"the recording {path.name!r} is larger than {_MOST_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the recording {str(path)!r} cannot be read: {error.strerror}") from error
    made: list[Entry] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            made.append(Entry.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "its top"
            raise InputError(
                f"the recording {path.name!r} is wrong in line {number} at {place}: {first['msg']}"
            ) from error
    return tuple(made)


def _digest(method: str, path: str, body: Any) -> str:
    return sha256(orjson.dumps([method, path, body], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _body(request: Request, known: Iterable[str]) -> Any:
    """The body of a request as JSON or text, without secrets."""
    if not request.body:
        return None
    try:
        return _clean(orjson.loads(request.body), tuple(known))
    except orjson.JSONDecodeError:
        text = request.body.decode("utf-8", "replace")
    # Each upload has another boundary; that is no part of what is asked.
    boundary = re.search(r'boundary="?([^";]{1,200})"?', request.headers.get("content-type", ""))
    if boundary is not None:
        text = text.replace(boundary[1], "boundary")
    return redact(text, known)


def _clean(value: Any, known: tuple[str, ...]) -> Any:
    """The same value with every secret hidden, in texts and under names that tell of one."""
    if isinstance(value, str):
        return redact(value, known)
    if isinstance(value, list):
        return [_clean(one, known) for one in value]
    if isinstance(value, dict):
        return {
            redact(key, known): HIDDEN
            if isinstance(one, str) and _SECRET_NAMES.fullmatch(key)
            else _clean(one, known)
            for key, one in value.items()
        }
    return value


def _text(text: str, known: tuple[str, ...]) -> str:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return redact(text, known)
    cleaned = _clean(document, known)
    # Bytes are kept as they came where nothing was hidden.
    return text if cleaned == document else orjson.dumps(cleaned).decode()


def _sse(text: str, known: tuple[str, ...]) -> Iterator[str]:
    events = [one for one in re.split(r"(?<=\n\n)|(?<=\r\n\r\n)", text) if one]
    documents = [_data(one) for one in events]
    _heal([spot for one in documents for spot in _chat_spots(one)], known)
    for event, document in zip(events, documents, strict=True):
        if document is None:
            yield redact(event, known)
        elif _clean(document, known) == _data(event):
            yield event
        else:
            yield f"data: {orjson.dumps(_clean(document, known)).decode()}\n\n"


def _data(event: str) -> Any:
    """The JSON of an event of one line, or nothing."""
    line = event.strip()
    try:
        return orjson.loads(line.removeprefix("data:")) if line.startswith("data:") else None
    except orjson.JSONDecodeError:
        return None


def _events(body: bytes, known: tuple[str, ...]) -> Iterator[Event]:
    frames = list(decode_frames(body))
    documents: list[Any] = []
    for _, payload in frames:
        try:
            documents.append(orjson.loads(payload))
        except orjson.JSONDecodeError:
            documents.append(None)
    _heal([spot for one in documents for spot in _converse_spots(one)], known)
    for (headers, payload), document in zip(frames, documents, strict=True):
        cleaned = _clean(document, known)
        same = document is not None and cleaned == orjson.loads(payload)
        text = (
            payload.decode()
            if same
            else redact(payload.decode(), known)
            if document is None
            else orjson.dumps(cleaned).decode()
        )
        yield Event(headers={key: redact(value, known) for key, value in headers.items()}, payload=text)


_Spot = tuple[dict[str, Any], str]


def _heal(spots: list[_Spot], known: tuple[str, ...]) -> None:
    """Hide what is a secret only when the pieces of a streamed text are put together."""
    for key in dict.fromkeys(key for _, key in spots):
        places = [holder for holder, name in spots if name == key]
        whole = "".join(holder[key] for holder in places)
        cleaned = redact(whole, known)
        if cleaned != whole:
            for number, holder in enumerate(places):
                holder[key] = "" if number else cleaned


def _chat_spots(document: Any) -> Iterator[_Spot]:
    """Where the text of an OpenAI chunk stands."""
    choices = document.get("choices") if isinstance(document, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict):
            continue
        for key in ("content", "refusal"):
            if isinstance(delta.get(key), str):
                yield delta, key
        for call in delta.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                yield function, "arguments"


def _converse_spots(document: Any) -> Iterator[_Spot]:
    """Where the text of a Bedrock event stands."""
    delta = document.get("delta") if isinstance(document, dict) else None
    if isinstance(delta, dict):
        if isinstance(delta.get("text"), str):
            yield delta, "text"
        tool = delta.get("toolUse")
        if isinstance(tool, dict) and isinstance(tool.get("input"), str):
            yield tool, "input"
