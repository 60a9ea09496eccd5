"""What a script can let go wrong, and when: every fault is a typed entry with its own parameters."""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "BadCrc",
    "ContentFilter",
    "Cut",
    "Drop",
    "EmptyChoices",
    "ErrorStatus",
    "Exceptional",
    "ExpiredKey",
    "Fault",
    "Hang",
    "Html",
    "MalformedJson",
    "MalformedSse",
    "NoUsage",
    "OffSchema",
    "Quota",
    "Refusal",
    "RefuseConnections",
    "Slow",
    "Throttled",
    "TooLong",
    "Truncated",
    "When",
    "Wire",
    "WrongModel",
]

_ALL: frozenset[Wire]


class Wire(StrEnum):
    """A wire format."""

    OPENAI = "openai"
    AZURE = "azure"
    BEDROCK = "bedrock"


_ALL = frozenset(Wire)
_SSE = frozenset({Wire.OPENAI, Wire.AZURE})
_FRAMES = frozenset({Wire.BEDROCK})


class When(BaseModel):
    """When a fault happens. All conditions that are given must hold; none given means always.

    Ordinals count the requests of one deployment from 1. A rate is drawn from the seed of the script, the
    place of the fault in it, the deployment and the ordinal, so two runs with the same order agree.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wires: ClassVar[frozenset[Wire]] = _ALL
    """Formats in which this fault exists."""
    streams: ClassVar[frozenset[bool]] = frozenset({True, False})
    """Whether it exists in streamed answers, in whole ones, or in both."""

    deployment: str | None = Field(
        None, max_length=2048, description="Name or pattern (`*`, `?`); all without."
    )
    rate: float | None = Field(None, ge=0, le=1, description="Share of the requests, from 0 to 1.")
    requests: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(None, description="Ordinals, from 1.")
    every: int | None = Field(None, ge=1, description="Every n-th request.")
    from_seconds: float = Field(0.0, ge=0, description="Not before this time since the script was loaded.")
    to_seconds: float | None = Field(None, gt=0, description="Not from this time on.")
    times: int | None = Field(None, ge=1, description="At most this often in all.")
    stream: bool | None = Field(None, description="Only streamed requests, or only others.")

    @model_validator(mode="after")
    def _window(self) -> When:
        if self.to_seconds is not None and self.to_seconds <= self.from_seconds:
            raise ValueError("to_seconds must be later than from_seconds")
        return self

    def holds(
        self, *, wire: Wire, stream: bool, deployment: str, ordinal: int, seconds: float, luck: bytes
    ) -> bool:
        """Whether the fault happens to this request, `times` aside.

        Args:
            wire: The format the request came in.
            stream: Whether a stream was asked for.
            deployment: Its full name.
            ordinal: The number of the request within the deployment.
            seconds: Since the script was loaded.
            luck: What makes the draw of this fault differ from that of another.
        """
        if wire not in self.wires or stream not in self.streams:
            return False
        if self.stream is not None and self.stream is not stream:
            return False
        if self.deployment is not None and not _named(self.deployment, deployment):
            return False
        if seconds < self.from_seconds or (self.to_seconds is not None and seconds >= self.to_seconds):
            return False
        if self.requests is not None and ordinal not in self.requests:
            return False
        if self.every is not None and ordinal % self.every:
            return False
        return self.rate is None or _draw(luck, deployment, ordinal) < self.rate


def _named(pattern: str, name: str) -> bool:
    return pattern == name or fnmatchcase(name, pattern)


def _draw(luck: bytes, deployment: str, ordinal: int) -> float:
    digest = blake2b(b"%b\0%b\0%d" % (luck, deployment.encode(), ordinal), digest_size=7).digest()
    return int.from_bytes(digest) / 2.0**56


class Throttled(When):
    """429: no room now. Not billed."""

    kind: Literal["throttled"]
    retry_after: Literal["seconds", "date", "milliseconds", "none"] = Field(
        "seconds",
        description="How the waiting time is told: whole seconds, HTTP date, `retry-after-ms`, not.",
    )
    seconds: float = Field(1.0, ge=0, le=86_400, description="The waiting time that is told.")
    code: str | None = Field(None, description="Bedrock: another exception, such as ModelNotReadyException.")


class Quota(When):
    """429 that waiting does not cure: the account has no credit left. Not billed."""

    wires: ClassVar[frozenset[Wire]] = _SSE
    kind: Literal["quota"]


class ErrorStatus(When):
    """An error status with the body of the provider. Not billed."""

    kind: Literal["error"]
    status: int = Field(500, ge=400, le=599)
    code: str | None = Field(None, max_length=128, description="Another error code or exception name.")
    message: str | None = Field(None, max_length=2000)
    retry_after_seconds: float | None = Field(None, ge=0, le=86_400)


class ExpiredKey(When):
    """The credential has expired: 401, at Bedrock 403 ExpiredTokenException. Not billed."""

    kind: Literal["expired_key"]


class TooLong(When):
    """The request does not fit the context of the model. Not billed."""

    kind: Literal["too_long"]


class ContentFilter(When):
    """A content filter steps in.

    `prompt`: Azure answers 400 ResponsibleAIPolicyViolation, Bedrock `guardrail_intervened`, OpenAI 400
    content_policy_violation. `answer`: the answer stops with content_filter (Bedrock content_filtered).
    """

    kind: Literal["content_filter"]
    at: Literal["prompt", "answer"] = "prompt"
    billed: bool = Field(
        default=False, description="Whether a 400 is billed; an answer that was begun always is."
    )


class Refusal(When):
    """The model declines. Billed."""

    kind: Literal["refusal"]
    text: str = Field("I'm sorry, but I can't help with that.", min_length=1, max_length=2000)


class Slow(When):
    """The first byte comes late. Billed, also when the client has left by then."""

    kind: Literal["slow"]
    seconds: float = Field(5.0, gt=0, le=86_400)


class Hang(When):
    """No answer ever comes, or none after the first chunks."""

    kind: Literal["hang"]
    after_chunks: int | None = Field(None, ge=0, description="Streams: send this many pieces of text first.")
    billed: bool = Field(default=True, description="Whether the provider worked on it.")


class Drop(When):
    """The connection is reset before any answer. Not billed."""

    kind: Literal["drop"]


class Cut(When):
    """The answer ends early. Billed.

    `reset`: TCP reset; `close`: the connection closes in the middle of the HTTP body; `end`: the HTTP
    body ends properly and the terminal event is missing, which no SDK notices.
    """

    kind: Literal["cut"]
    how: Literal["reset", "close", "end"] = "close"
    after_chunks: int | None = Field(None, ge=0, description="Pieces of text before the cut; half without.")
    before_end: bool = Field(default=False, description="Cut just before the terminal event.")


class MalformedJson(When):
    """A body, or one event of a stream, that is no JSON. Billed."""

    kind: Literal["malformed_json"]


class MalformedSse(When):
    """A line in the stream that is no field of an event. Billed."""

    wires: ClassVar[frozenset[Wire]] = _SSE
    streams: ClassVar[frozenset[bool]] = frozenset({True})
    kind: Literal["malformed_sse"]


class BadCrc(When):
    """An event-stream frame with a wrong checksum. Billed."""

    wires: ClassVar[frozenset[Wire]] = _FRAMES
    streams: ClassVar[frozenset[bool]] = frozenset({True})
    kind: Literal["bad_crc"]
    part: Literal["prelude", "message"] = "message"


class Html(When):
    """A page of a proxy instead of an answer. Not billed."""

    kind: Literal["html"]
    status: int = Field(200, ge=200, le=599)


class WrongModel(When):
    """Another model answers than was asked. Billed. Bedrock's answers do not name the model."""

    wires: ClassVar[frozenset[Wire]] = _SSE
    kind: Literal["wrong_model"]
    model: str = Field("gpt-3.5-turbo-0125", min_length=1, max_length=256)


class Exceptional(When):
    """An exception inside a stream that began with status 200. Billed.

    Bedrock sends an exception frame, OpenAI an event with `error`.
    """

    streams: ClassVar[frozenset[bool]] = frozenset({True})
    kind: Literal["exception"]
    name: Literal[
        "throttlingException",
        "modelStreamErrorException",
        "internalServerException",
        "serviceUnavailableException",
        "validationException",
    ] = "modelStreamErrorException"
    after_chunks: int = Field(1, ge=0, description="Pieces of text before it.")


class Truncated(When):
    """The answer stops at half its length as if `max_tokens` were reached. Billed."""

    kind: Literal["truncated"]


class EmptyChoices(When):
    """An answer without any content. Billed."""

    kind: Literal["empty_choices"]


class NoUsage(When):
    """An answer that does not say what was used. Billed."""

    kind: Literal["no_usage"]


class OffSchema(When):
    """A whole answer that does not meet the schema that was asked for. Billed."""

    kind: Literal["off_schema"]


class RefuseConnections(When):
    """Nobody listens: connections are refused and open ones reset. A time window for all deployments."""

    kind: Literal["refuse_connections"]

    @model_validator(mode="after")
    def _only_times(self) -> RefuseConnections:
        given = self.model_fields_set - {"kind", "from_seconds", "to_seconds"}
        if given:
            raise ValueError(
                f"refuse_connections takes from_seconds and to_seconds only, not {sorted(given)}"
            )
        return self


Fault = Annotated[
    Throttled
    | Quota
    | ErrorStatus
    | ExpiredKey
    | TooLong
    | ContentFilter
    | Refusal
    | Slow
    | Hang
    | Drop
    | Cut
    | MalformedJson
    | MalformedSse
    | BadCrc
    | Html
    | WrongModel
    | Exceptional
    | Truncated
    | EmptyChoices
    | NoUsage
    | OffSchema
    | RefuseConnections,
    Field(discriminator="kind"),
]
