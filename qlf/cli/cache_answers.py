"""The part of `qlf cache` about answers of models: how often they were found, and how to be rid of them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.llm.cache import Cache

__all__ = ["answers_document", "clear_answers", "prune_answers", "show_answers", "usd"]

_REASONS = 3
"""How many reasons of misses a line names."""


def answers_document(run: Run) -> dict[str, Any]:
    """What is known of the kept answers, as JSON data."""
    with closing(_cache(run)) as cache:
        size, report = cache.size(), cache.report()
        return {
            "entries": size.answers,
            "bytes": size.bytes,
            "hits": sum(one.hits for one in report),
            "misses": sum(one.misses for one in report),
            "saved_usd_micros": sum(one.saved_micros for one in report),
            "agents": [
                {
                    "agent": one.agent,
                    "hits": one.hits,
                    "misses": one.misses,
                    "hit_rate": round(one.hit_rate, 4),
                    "saved_usd_micros": one.saved_micros,
                    "reasons": dict(one.reasons),
                }
                for one in report
            ],
            "notices": list(cache.notices),
        }


def show_answers(run: Run, document: dict[str, Any]) -> None:
    """Print how often each agent's answers were found, and why not."""
    if document["agents"]:
        run.screen.result("")
        run.screen.table(
            ["model answers", "hits", "misses", "hit rate", "saved", "misses because of"],
            [_line(one) for one in document["agents"]],
            right=(1, 2, 3, 4),
            result=True,
        )
    for notice in document["notices"]:
        run.screen.warn(notice)


def clear_answers(run: Run) -> int:
    """Remove every kept answer. The number of them."""
    with closing(_cache(run)) as cache:
        return cache.clear()


def prune_answers(run: Run, max_bytes: int | None, max_age_days: int | None) -> int:
    """Remove old answers and those beyond the size; what is not given is as configured. Returns how many."""
    with closing(_cache(run)) as cache:
        limits = cache.limits
        return cache.prune(
            max_bytes=limits.max_bytes if max_bytes is None else max_bytes,
            max_age_seconds=86_400 * (limits.max_age_days if max_age_days is None else max_age_days),
        )


def usd(micros: int) -> str:
    """An amount for a person: `$1.25`, or `$0.0042` where cents would hide it."""
    amount = Decimal(micros) / 1_000_000
    return f"${amount:,.2f}" if micros == 0 or abs(micros) >= 10_000 else f"${amount:.6f}".rstrip("0")


def _cache(run: Run) -> Cache:
    from qlf.cli.places import places_of
    from qlf.engine.gateway import read_config
    from qlf.errors import ProviderError
    from qlf.llm.cache import Cache

    places = places_of(run)
    try:
        limits = read_config(places).cache
    except ProviderError as error:
        # Looking at and emptying the cache must work all the same.
        run.screen.warn(error.message)
        limits = None
    return Cache(places.answers, limits)


def _line(one: dict[str, Any]) -> list[str]:
    reasons = [f"{reason} ({times})" for reason, times in list(one["reasons"].items())[:_REASONS]]
    more = len(one["reasons"]) - _REASONS
    return [
        one["agent"] or "(none)",
        str(one["hits"]),
        str(one["misses"]),
        f"{one['hit_rate']:.0%}",
        usd(one["saved_usd_micros"]),
        ", ".join(reasons) + (f" and {more} more" if more > 0 else ""),
    ]
