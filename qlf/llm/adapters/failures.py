"""Words for what went wrong: one sentence that names the deployment, and what to do about it.

What a provider wrote is never repeated: it may quote the key, the prompt or the answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from qlf.llm.adapters.connection import Broken
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure, FailureKind

__all__ = ["Meaning", "broken", "failed", "timed_out"]

_HINTS = {
    FailureKind.THROTTLED: "lower requests_per_minute or tokens_per_minute of the deployment if this stays",
    FailureKind.UNAVAILABLE: "check the provider's status and the endpoint; it is tried again by itself",
    FailureKind.TIMEOUT: "give the call a longer deadline, or ask for a shorter answer",
    FailureKind.CUT: "it is tried again by itself; if it stays, look for a proxy that ends long answers",
    FailureKind.MALFORMED: "check that the endpoint speaks this wire format, and what proxy is before it",
    FailureKind.AUTH: "check the credential with `qlf keys list`, and its rights at the provider",
    FailureKind.NOT_FOUND: "check the deployment's remote name, the region and the endpoint",
    FailureKind.BAD_REQUEST: "check which parameters this model takes, and the deployment's features",
    FailureKind.TOO_LONG: "use a model with a larger context, or a shorter brief",
    FailureKind.FILTERED: "reword the brief, or ask the provider to change the filter",
    FailureKind.SCHEMA: "it is worth another try with a stronger model",
}


class Meaning(NamedTuple):
    """The cause, and words for it that follow the name of the deployment."""

    kind: FailureKind
    what: str
    hint: str | None = None


def failed(
    kind: FailureKind, deployment: Deployment, what: str, *, hint: str | None = None, **more: Any
) -> Failure:
    """The failure, with a hint that fits its kind.

    Args:
        kind: The cause.
        deployment: Who was asked.
        what: What it did, to follow its name: `does not know the model`.
        hint: Replaces the usual one.
        more: The other arguments of `Failure`.
    """
    message = f"deployment {deployment.name!r} of provider {deployment.provider.name!r} {what}"
    return Failure(kind, message, hint=hint if hint is not None else _HINTS.get(kind), **more)


def broken(error: Broken, deployment: Deployment) -> Failure:
    """A failure below HTTP."""
    return failed(error.kind, deployment, error.what, sent=error.sent)


def timed_out(deployment: Deployment, seconds: float, *, streaming: bool = False) -> Failure:
    """No answer, or no next piece of it, within `seconds`."""
    what = "sent nothing for" if streaming else "did not answer within"
    return failed(FailureKind.TIMEOUT, deployment, f"{what} {seconds:g} seconds")
