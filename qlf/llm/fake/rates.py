"""Headers that tell of limits and of when to come back."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Literal

from qlf.llm.fake.fault import Wire
from qlf.llm.fake.limiter import Verdict
from qlf.llm.fake.script import Limits

__all__ = ["rate_headers", "retry_headers", "spoken_seconds"]


def spoken_seconds(seconds: float) -> str:
    """As OpenAI writes durations: `120ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    minutes, rest = divmod(seconds, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{int(minutes)}m{text}" if minutes else text


def rate_headers(wire: Wire, limits: Limits, verdict: Verdict) -> list[tuple[str, str]]:
    """What is left of the limits, as of this request; Azure leaves out when it is whole again."""
    if limits.headers == "none" or wire is Wire.BEDROCK:
        return []
    unknown = limits.headers == "unknown"
    made: list[tuple[str, str]] = []
    for name, limit, left, reset in (
        ("requests", limits.requests_per_minute, verdict.requests_left, verdict.requests_reset),
        ("tokens", limits.tokens_per_minute, verdict.tokens_left, verdict.tokens_reset),
    ):
        if limit is None or left is None:
            continue
        made.append((f"x-ratelimit-limit-{name}", "-1" if unknown else str(limit)))
        made.append((f"x-ratelimit-remaining-{name}", "-1" if unknown else str(left)))
        if wire is Wire.OPENAI:
            made.append((f"x-ratelimit-reset-{name}", "0" if unknown else spoken_seconds(reset)))
    return made


def retry_headers(
    how: Literal["seconds", "date", "milliseconds", "none"], seconds: float
) -> list[tuple[str, str]]:
    """When to come back. Whole seconds are rounded up, as a client must not come too early."""
    whole = -int(-seconds // 1)
    if how == "seconds":
        return [("retry-after", str(whole))]
    if how == "milliseconds":
        return [("retry-after-ms", str(-int(-seconds * 1000 // 1))), ("retry-after", str(whole))]
    if how == "date":
        return [("retry-after", formatdate(time.time() + whole, usegmt=True))]
    return []
