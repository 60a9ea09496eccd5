"""Which calls go to a batch API and which are asked one by one, and what all of them may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from qlf.core.metering import Usage
from qlf.errors import ProviderError
from qlf.llm.cache_key import CacheKey, key_of
from qlf.llm.catalogue import Resolved
from qlf.llm.deployment import Deployment
from qlf.llm.estimate import input_tokens, likely_input_tokens
from qlf.llm.request import Call
from qlf.llm.till import Pricing

__all__ = ["BatchEstimate", "Preference", "Route", "estimate_calls", "route"]

Preference = Literal["batch", "direct", "auto"]
"""`batch`: by a batch API only. `direct`: one by one. `auto`: by a batch API where there is one."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one call is answered."""

    call: Call
    resolved: Resolved
    key: CacheKey
    batch: Deployment | None
    """The deployment whose batch API takes it; `None` where it is asked directly."""


def route(call: Call, resolved: Resolved, pricing: Pricing, prefer: Preference) -> Route:
    """How a call is answered. A call that must not use the cache is never part of a batch.

    Raises:
        ProviderError: If only a batch is wanted and there is none, or a price is not known.
    """
    key = key_of(call, resolved.model, resolved.quality_class)
    offers = [one for one in resolved.candidates if one.batch is not None]
    if prefer == "direct" or not call.use_cache or not offers:
        if prefer == "batch":
            raise ProviderError(
                f"no deployment of {resolved.model} takes this call in a batch",
                hint="name its batch deployment in providers.yaml, or ask directly",
            )
        return Route(call, resolved, key, None)
    tokens, most = input_tokens(call.request), call.request.max_output_tokens

    def rank(one: Deployment) -> tuple[bool, int]:
        # Of equal models the one that was asked for comes first, whatever the others cost.
        return one.model != resolved.model, pricing.worst_case_micros(one, tokens, most, batch=True)

    return Route(call, resolved, key, min(offers, key=rank))


@dataclass(frozen=True, slots=True)
class BatchEstimate:
    """What asking some calls may cost, in USD micros."""

    calls: int
    kept: int
    """Calls whose answer is kept already, and repetitions of others."""
    batch: int
    """Calls that go to a batch API."""
    direct: int
    expected_micros: int
    """Half of the longest answers, nothing cached by the provider."""
    max_micros: int
    """Every answer as long as it may be. It is never more, unless attempts are repeated after a time-out."""


def estimate_calls(
    calls: Sequence[Call],
    resolve: Callable[[str], Resolved],
    pricing: Pricing,
    prefer: Preference,
    is_kept: Callable[[CacheKey], bool],
) -> BatchEstimate:
    """Estimate calls without asking anything.

    Raises:
        ProviderError: If a model or price is not known.
    """
    seen: set[str] = set()
    kept = batch = direct = expected = most = 0
    for call in calls:
        found = route(call, resolve(call.model), pricing, prefer)
        if call.use_cache and (found.key.digest in seen or is_kept(found.key)):
            kept += 1
            continue
        seen.add(found.key.digest)
        request, batched = call.request, found.batch is not None
        batch, direct = batch + batched, direct + (not batched)
        candidates = [found.batch] if found.batch is not None else found.resolved.candidates
        longest = request.max_output_tokens
        usage = Usage(likely_input_tokens(request), longest // 2)
        expected += max(pricing.cost_micros(one, usage, batch=batched) for one in candidates)
        bound = input_tokens(request)
        most += max(pricing.worst_case_micros(one, bound, longest, batch=batched) for one in candidates)
    return BatchEstimate(len(calls), kept, batch, direct, min(expected, most), most)
