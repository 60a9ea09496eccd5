"""Texts that look like credentials: find them in files, hide them in logs and messages.

The patterns name the fixed shapes that issuers publish. Words such as `password` followed by a value are
hidden in logs but not reported in files, where a form or a test has them for good reasons. So are numbers
of payment cards: a generated application holds the test numbers of the networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["HIDDEN", "SecretFound", "find_secrets", "redact"]

HIDDEN = "[hidden]"

_SHAPES: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (name, tuple(marks.split(" ")), re.compile(pattern))
    # The marks are literals of which every match holds one: looking for them first is ten times faster.
    for name, marks, pattern in (
        ("private key", "PRIVATE", r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        ("AWS access key", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        (
            "GitHub token",
            "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
            r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b",
        ),
        ("GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,255}"),
        ("Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}"),
        (
            "Slack webhook",
            "hooks.slack.com",
            r"\bhooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
        ),
        ("model provider key", "sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{32,255}"),
        ("Google API key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}\b"),
        ("Google OAuth secret", "GOCSPX-", r"\bGOCSPX-[A-Za-z0-9_-]{28}\b"),
        ("Stripe key", "k_live_ k_test_", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}\b"),
        ("SendGrid key", "SG.", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
        ("Twilio key", "SK", r"\bSK[0-9a-f]{32}\b"),
        ("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("PyPI token", "pypi-AgE", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
        ("Azure storage key", "AccountKey=", r"\bAccountKey=[A-Za-z0-9+/]{86}=="),
        ("JSON web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
        (
            "password in an address",
            "://",
            # `user:password@` and `user:secret@` are how documents spell an address without its secret.
            r"\b[a-z][a-z0-9+.-]{2,20}://[^\s:/@'\"{}$<>]{1,64}:(?!(?:password|secret)@)[^\s/@'\"{}$<>]{3,128}@",
        ),
    )
)

_MARKS = re.compile("|".join(re.escape(mark) for _, marks, _ in _SHAPES for mark in marks))

_NAMED = re.compile(
    r"(?i)((?:pass(?:word|wd|phrase)?|secret(?:_?key)?|token|api_?key|authorization)[\"']?\s*[=:]\s*[\"']?"
    r"(?:bearer\s+|basic\s+)?)([^\s\"',;}]{4,})"
)

# Beginnings and lengths by network (ISO/IEC 7812-1 and what the networks publish): Visa, Mastercard,
# American Express, Diners Club, Discover, UnionPay, JCB, Maestro. A time in milliseconds has 13 digits
# and begins with 1, so no beginning fits it.
_CARD = re.compile(
    r"(?<!\w)(?<![0-9]\.)(?:"
    r"4(?:[ -]?[0-9]){12}(?:(?:[ -]?[0-9]){3}){0,2}"
    r"|5[1-5](?:[ -]?[0-9]){14}"
    r"|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)(?:[ -]?[0-9]){12}"
    r"|3[47](?:[ -]?[0-9]){13}"
    r"|3(?:0[0-59]|[689][0-9])(?:[ -]?[0-9]){11}(?:(?:[ -]?[0-9]){2,5})?"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2}|81[0-9]{2})(?:[ -]?[0-9]){12,15}"
    r"|35(?:2[89]|[3-8][0-9])(?:[ -]?[0-9]){12,15}"
    r"|(?:50[0-9]{2}|5[6-8][0-9]{2}|6[37][0-9]{2})(?:[ -]?[0-9]){12,15}"
    r")(?!\w|\.[0-9])"
)
_DIGITS = re.compile(r"[0-9](?:[ -]?[0-9]){11}")


@dataclass(frozen=True, slots=True)
class SecretFound:
    """Where a credential seems to be; the value itself is left out on purpose."""

    kind: str
    line: int
    """One-based."""


def find_secrets(text: str) -> Iterator[SecretFound]:
    """Everything in `text` with the shape of a credential, in the order of the lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _MARKS.search(line):
            for kind, _, shape in _SHAPES:
                if shape.search(line):
                    yield SecretFound(kind, number)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """`text` with everything hidden that is, or looks like, a credential or the number of a payment card.

    Args:
        text: A log line or a message.
        known: Exact values that must not appear, whatever they look like.
    """
    # Longest first: a secret that holds another one must not leave its tail behind.
    if known:
        for value in sorted({value for value in known if value}, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
    if _MARKS.search(text):
        for _, marks, shape in _SHAPES:
            if any(mark in text for mark in marks):
                text = shape.sub(HIDDEN, text)
    if "=" in text or ":" in text:
        text = _NAMED.sub(rf"\g<1>{HIDDEN}", text)
    return _CARD.sub(_hide_card, text) if _DIGITS.search(text) else text


def _hide_card(match: re.Match[str]) -> str:
    digits = [int(character) for character in match[0] if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    # The check digit of ISO/IEC 7812-1, called Luhn's: nine of ten other numbers are left alone.
    return HIDDEN if (sum(doubled) + sum(digits[-1::-2])) % 10 == 0 else match[0]
