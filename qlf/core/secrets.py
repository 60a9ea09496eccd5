"""Texts that look like credentials: find them in files, hide them in logs and messages.

The patterns name the fixed shapes that issuers publish. Words such as `password` followed by a value are
hidden in logs but not reported in files, where a form or a test has them for good reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["HIDDEN", "SecretFound", "find_secrets", "redact"]

HIDDEN = "[hidden]"

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("private key", r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        ("AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b"),
        ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,255}"),
        ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}"),
        ("Slack webhook", r"\bhooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}"),
        ("model provider key", r"\bsk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{32,255}"),
        ("Google API key", r"\bAIza[A-Za-z0-9_-]{35}\b"),
        ("Google OAuth secret", r"\bGOCSPX-[A-Za-z0-9_-]{28}\b"),
        ("Stripe key", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}\b"),
        ("SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
        ("Twilio key", r"\bSK[0-9a-f]{32}\b"),
        ("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
        ("Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{86}=="),
        ("JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
        (
            "password in an address",
            # `user:password@` and `user:secret@` are how documents spell an address without its secret.
            r"\b[a-z][a-z0-9+.-]{2,20}://[^\s:/@'\"{}$<>]{1,64}:(?!(?:password|secret)@)[^\s/@'\"{}$<>]{3,128}@",
        ),
    )
)

_NAMED = re.compile(
    r"(?i)((?:pass(?:word|wd|phrase)?|secret(?:_?key)?|token|api_?key|authorization)[\"']?\s*[=:]\s*[\"']?"
    r"(?:bearer\s+|basic\s+)?)([^\s\"',;}]{4,})"
)


@dataclass(frozen=True, slots=True)
class SecretFound:
    """Where a credential seems to be; the value itself is left out on purpose."""

    kind: str
    line: int
    """One-based."""


def find_secrets(text: str) -> Iterator[SecretFound]:
    """Everything in `text` with the shape of a credential, in the order of the lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        for kind, shape in _SHAPES:
            if shape.search(line):
                yield SecretFound(kind, number)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """`text` with everything hidden that is, or looks like, a credential.

    Args:
        text: A log line or a message.
        known: Exact values that must not appear, whatever they look like.
    """
    # Longest first: a secret that holds another one must not leave its tail behind.
    for value in sorted({value for value in known if value}, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for _, shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    return _NAMED.sub(rf"\g<1>{HIDDEN}", text)
