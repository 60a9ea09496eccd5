"""Budgets: what may be spent by a run, for a project or tenant, in a day and in a month.

Days and months are those of UTC. What a run or a project has spent never resets; a day does at midnight
and a month on its first day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from qlf.errors import BudgetRefused
from qlf.ledger.money import format_usd

__all__ = ["DEFAULT_MONTH_MICROS", "BudgetLimits", "Limits", "Scope", "day_of", "refusal", "scopes_of"]

DEFAULT_MONTH_MICROS = 100_000_000
_DAY_MILLISECONDS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Limits in USD micros; `None` is no limit."""

    run_micros: int | None = None
    project_micros: int | None = None
    """For every project that has no limit of its own."""
    day_micros: int | None = None
    month_micros: int | None = DEFAULT_MONTH_MICROS
    tenant_micros: int | None = None
    projects: Mapping[str, int | None] = field(default_factory=dict)
    tenants: Mapping[str, int | None] = field(default_factory=dict)

    def named(self) -> dict[str, int | None]:
        """The limits by the names that the ledger stores them under: `month`, `project`, `project:shop`."""
        return {
            "run": self.run_micros,
            "project": self.project_micros,
            "tenant": self.tenant_micros,
            "day": self.day_micros,
            "month": self.month_micros,
            **{f"project:{name}": micros for name, micros in self.projects.items()},
            **{f"tenant:{name}": micros for name, micros in self.tenants.items()},
        }


Scope = str
"""What a total is kept for: `run:ID`, `project:NAME`, `tenant:NAME`, `day:2026-07-31`, `month:2026-07`."""


class Limits:
    """The limits in force: what is stored, else what was configured; and never above the ceilings."""

    def __init__(
        self,
        stored: Mapping[str, int | None],
        configured: BudgetLimits,
        ceiling: BudgetLimits | None = None,
    ) -> None:
        """`stored` is what `qlf budget set` wrote down; `ceiling` holds whatever is stored."""
        self.named = {**configured.named(), **stored}
        self._ceiling = {} if ceiling is None else ceiling.named()
        self._found: dict[Scope, int | None] = {}

    def of(self, scope: Scope) -> int | None:
        """The limit for a scope, in micros."""
        try:
            return self._found[scope]
        except KeyError:
            found = [_lookup(self.named, scope), _lookup(self._ceiling, scope)]
            limits = [limit for limit in found if limit is not None]
            self._found[scope] = limit = min(limits) if limits else None
            return limit


def scopes_of(run: str, project: str, tenant: str) -> tuple[Scope, ...]:
    """The scopes that a call counts for, besides its day and month. An empty name has no scope."""
    return tuple(
        f"{kind}:{name}" for kind, name in (("run", run), ("project", project), ("tenant", tenant)) if name
    )


def day_of(milliseconds: int) -> str:
    """The UTC date of a time: `2026-07-31`. Its first seven characters are the month."""
    return (_EPOCH + timedelta(days=milliseconds // _DAY_MILLISECONDS)).strftime("%Y-%m-%d")


def refusal(scope: Scope, limit: int, spent: int, reserved: int, asked: int) -> BudgetRefused:
    """The error for a call that would pass the limit of a scope."""
    kind, _, name = scope.partition(":")
    what = {
        "run": f"the budget of the run {name!r}",
        "project": f"the budget of the project {name!r}",
        "tenant": f"the budget of the tenant {name!r}",
        "day": f"the budget of the day {name}",
        "month": f"the budget of the month {name}",
    }[kind]
    needed = format_usd(spent + reserved + asked)[1:].replace(",", "")
    option = f"--{kind} {name}={needed}" if kind in ("project", "tenant") else f"--{kind} {needed}"
    return BudgetRefused(
        f"{what} is {format_usd(limit)}: {format_usd(spent)} is spent, {format_usd(reserved)} is reserved "
        f"by calls under way, and this call may cost {format_usd(asked)}",
        hint=f"{_resets(kind, name)}; raise it with `qlf budget set {option}` or more",
    )


def _resets(kind: str, name: str) -> str:
    if kind == "day":
        following = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        return f"it starts anew on {following:%Y-%m-%d} at 00:00 UTC"
    if kind == "month":
        first = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
        following = (first + timedelta(days=32)).replace(day=1)
        return f"it starts anew on {following:%Y-%m-%d} at 00:00 UTC"
    return "another run has a budget of its own" if kind == "run" else "it does not start anew by itself"


def _lookup(named: Mapping[str, int | None], scope: Scope) -> int | None:
    if scope in named and not scope.startswith(("day:", "month:", "run:")):
        return named[scope]
    return named.get(scope.partition(":")[0])
