"""One request with what it must answer: counted as a check, and a finding if it answers otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qlf.core.finding import Finding, Severity
from qlf.mesh.checks.junit import stable
from qlf.mesh.driver.contract import Route
from qlf.mesh.http import Answer, Client, NoAnswer

__all__ = ["Actor", "Probe"]

_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who sends requests."""

    role: str
    token: str | None = field(default=None, repr=False)
    """Of whom nobody knows who it is, when absent."""
    account: str | None = None
    """The id of the own account."""


ANYBODY = Actor("anonymous")


class Probe:
    """Collects what the requests of a run found."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.findings: list[Finding] = []
        self.checks = 0

    def say(self, rule: str, message: str, severity: Severity = Severity.ERROR) -> None:
        """Add a finding."""
        self.findings.append(Finding(f"runtime.{rule}", message, severity))

    def require(self, holds: object, rule: str, message: str) -> bool:
        """Count one check, and a finding if it does not hold; the truth of `holds` comes back."""
        self.checks += 1
        if not holds:
            self.say(rule, message)
        return bool(holds)

    def peek(self, route: Route, actor: Actor, row: str) -> Answer | None:
        """Look at a row without judging the answer."""
        sent = {"authorization": f"Bearer {actor.token}"} if actor.token is not None else {}
        try:
            return self._client.send(route.method.upper(), route.at(row), headers=sent)
        except NoAnswer:
            return None

    def call(
        self,
        route: Route,
        actor: Actor,
        expected: tuple[int, ...],
        purpose: str,
        *,
        row: str | None = None,
        body: Any = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Send a request; `None` when the answer is not as expected, which is then among the findings.

        Args:
            route: The operation.
            actor: Who sends it.
            expected: The statuses that are right.
            purpose: What the request is about, for the finding.
            row: Id for the placeholder of the path.
            body: JSON data.
            query: What comes behind the question mark.
            headers: More headers.
        """
        self.checks += 1
        sent = dict(headers or {})
        if actor.token is not None:
            sent["authorization"] = f"Bearer {actor.token}"
        where = f"{route.label} as {actor.role}, {purpose}"
        try:
            answer = self._client.send(
                route.method.upper(),
                route.at(row) + (f"?{query}" if query else ""),
                body=body,
                headers=sent,
                media_type=route.media_type,
            )
        except NoAnswer as error:
            self.say("no-answer", f"{where}: {error}")
            return None
        if answer.status not in expected:
            wanted = " or ".join(map(str, expected))
            self.say("status", f"{where}: answers {answer.status}, expected {wanted}{_detail(answer)}")
            return None
        if answer.status >= 400 and answer.media_type != _PROBLEM:
            shown = answer.media_type or "nothing"
            self.say("problem", f"{where}: the error is {shown}, not {_PROBLEM} (RFC 9457)")
        return answer


def _detail(answer: Answer) -> str:
    body = answer.json()
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    fields = [
        f"{one.get('field')}: {one.get('message')}"
        for one in (errors if isinstance(errors, list) else [])
        if isinstance(one, dict)
    ]
    said = "; ".join(fields) or str(body.get("detail", ""))
    return f" ({stable(said)})" if said else ""
