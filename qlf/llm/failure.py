"""How a call to a provider can fail, by what may be done about it."""

from __future__ import annotations

from enum import StrEnum

from qlf.core.metering import Usage
from qlf.errors import ProviderError
from qlf.llm.reply import RateReport

__all__ = ["CallFailed", "Failure", "FailureKind"]


class FailureKind(StrEnum):
    """The cause of a failed attempt."""

    THROTTLED = "throttled"
    """429: the deployment has no room now."""
    UNAVAILABLE = "unavailable"
    """5xx, model not ready, connection refused or reset before an answer began."""
    TIMEOUT = "timeout"
    """No answer in time; it may have been worked on, and charged."""
    CUT = "cut"
    """The answer or stream ended before its terminal event."""
    MALFORMED = "malformed"
    """The answer was not what the wire format promises."""
    WRONG_MODEL = "wrong_model"
    """Another model answered than the one asked."""
    AUTH = "auth"
    """The credential is missing, expired or not allowed."""
    NOT_FOUND = "not_found"
    """The provider knows no such model, deployment or region."""
    BAD_REQUEST = "bad_request"
    """The provider does not accept the request; another attempt cannot help."""
    TOO_LONG = "too_long"
    """The request does not fit the context of the model."""
    FILTERED = "filtered"
    """A content filter refused the request."""
    SCHEMA = "schema"
    """The whole answer does not meet the schema that was asked for."""


_HERE = frozenset(
    {
        FailureKind.THROTTLED,
        FailureKind.UNAVAILABLE,
        FailureKind.TIMEOUT,
        FailureKind.CUT,
        FailureKind.MALFORMED,
        FailureKind.WRONG_MODEL,
    }
)
_ELSEWHERE = frozenset({FailureKind.AUTH, FailureKind.NOT_FOUND})
_MAYBE_CHARGED = frozenset({FailureKind.TIMEOUT, FailureKind.CUT, FailureKind.MALFORMED, FailureKind.SCHEMA})


class Failure(ProviderError):
    """One attempt at one deployment failed. Adapters translate every error of their SDK into this.

    Args:
        kind: The cause.
        message: One sentence without any secret and without the text of prompt or answer.
        retry_after_seconds: How long the provider asked to wait.
        status: The HTTP status, when there was one.
        sent: Whether the provider may have worked on it. A 4xx or 5xx before any answer counts as not.
        request_id: The provider's id of the request.
        usage: What the provider counted, when a whole answer came that cannot be used: that is charged.
        answered_model: The model as the provider named it in that answer.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        hint: str | None = None,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        sent: bool | None = None,
        request_id: str = "",
        rates: RateReport | None = None,
        usage: Usage | None = None,
        answered_model: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
        self.status = status
        self.sent = kind in _MAYBE_CHARGED if sent is None else sent
        self.request_id = request_id
        self.rates = rates if rates is not None else RateReport()
        self.usage = usage
        self.answered_model = answered_model

    @property
    def retryable(self) -> bool:
        """Whether the same request may be sent again, here or to another deployment."""
        return self.kind in _HERE

    @property
    def elsewhere(self) -> bool:
        """Whether only another deployment can help: this one is misconfigured."""
        return self.kind in _ELSEWHERE


class CallFailed(ProviderError):
    """A call ended without an answer: what was tried, and the last cause.

    Args:
        message: One sentence.
        attempts: The failures in order.
    """

    def __init__(self, message: str, *, hint: str | None = None, attempts: tuple[Failure, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.attempts = attempts
