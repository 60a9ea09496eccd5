"""What a kind of call looks like in the books, worked out once for the many calls of that kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlf.core.metering import Attribution, Intent, Served
from qlf.ledger.budget import Scope, scopes_of
from qlf.ledger.entry import Value, clean_name, intent_fields

__all__ = ["Counted", "Counting", "Key"]

_KEPT = 4096

Key = tuple[str, str, str, str, str, str, str, str]
"""Run, project, tenant, agent, overlay, provider, deployment and model: what spend is grouped by."""


@dataclass(slots=True)
class Counted:
    """What a kind of call looks like in the books: prepared once, used for many calls."""

    key: Key
    scopes: tuple[Scope, ...]
    fields: dict[str, Value] = field(default_factory=dict)
    """Those of the entry that are the same for all."""
    dims: int = 0
    """The number of the key in the table `dims`; 0 until it is known."""
    day: str = ""
    dated: tuple[Scope, ...] = ()
    """The scopes with those of `day` and its month."""


class Counting:
    """The kinds of calls seen lately."""

    def __init__(self) -> None:
        self._kinds: dict[object, Counted] = {}

    def intent(self, intent: Intent) -> Counted:
        """The kind of an attempt."""
        what = (
            intent.attribution,
            intent.deployment,
            intent.model,
            intent.provider,
            intent.kind,
            intent.price_table,
            intent.key,
        )
        found = self._kinds.get(what)
        if found is None:
            found = _counted(intent.attribution, intent.provider, intent.deployment, intent.model)
            found.fields = intent_fields(intent)
            self._keep(what, found)
        return found

    def served(self, served: Served) -> Counted:
        """The kind of a call that was served."""
        what = (served.attribution, served.model)
        found = self._kinds.get(what)
        if found is None:
            found = _counted(served.attribution, "", "", served.model)
            self._keep(what, found)
        return found

    def clear(self) -> None:
        """Forget all of them."""
        self._kinds.clear()

    def _keep(self, what: object, counted: Counted) -> None:
        if len(self._kinds) >= _KEPT:
            self._kinds.clear()
        self._kinds[what] = counted


def _counted(attribution: Attribution, provider: str, deployment: str, model: str) -> Counted:
    run, project, tenant = map(clean_name, (attribution.run, attribution.project, attribution.tenant))
    agent, overlay = clean_name(attribution.agent), clean_name(attribution.overlay)
    rest = (clean_name(provider), clean_name(deployment), clean_name(model))
    return Counted((run, project, tenant, agent, overlay, *rest), scopes_of(run, project, tenant))
