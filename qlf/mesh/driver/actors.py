"""Signed-in accounts for every role, and who of them may do what."""

from __future__ import annotations

import secrets

from qlf.core.spec import ADMIN, Entity, Scope, Spec
from qlf.mesh.driver.contract import Contract, Route
from qlf.mesh.driver.probe import ANYBODY, Actor, Probe
from qlf.mesh.driver.values import Sampler

__all__ = ["Actors"]

_ACCOUNT = Entity(name="user", account=True)
_ACCOUNT_ACTIONS = ("list", "read", "create", "update", "delete")


class Actors:
    """Makes accounts on demand, by the administrator's own routes."""

    def __init__(
        self, spec: Spec, contract: Contract, probe: Probe, sampler: Sampler, profile: str, login: str
    ) -> None:
        self._spec = spec
        self._contract = contract
        self._probe = probe
        self._sampler = sampler
        self._login = contract.route("post", f"{contract.prefix}{login}")
        self._profile = contract.route("get", f"{contract.prefix}{profile}")
        # An application with sign-in has accounts even where its spec names no entity for them.
        self._account = next((entity for entity in spec.entities if entity.account), _ACCOUNT)
        self._known: dict[tuple[str, int], Actor | None] = {}

    def sign_in_admin(self, email: str, password: str) -> bool:
        """Sign in the first administrator; false when that fails, which is then among the findings."""
        self._known[ADMIN, 0] = self._sign_in(ADMIN, email, password)
        return self._known[ADMIN, 0] is not None

    def get(self, role: str, number: int = 0) -> Actor | None:
        """An account of a role; `None` when none can be had, which is then among the findings.

        Args:
            role: Its name, or `public` for somebody without account.
            number: Different numbers give different accounts.
        """
        if not self._spec.auth.enabled or role == "public":
            return ANYBODY
        key = role, number
        if key not in self._known:
            self._known[key] = self._make(role)
        return self._known[key]

    def roles_for(self, entity: str, action: str) -> list[str]:
        """The roles that may do something, the administrator first."""
        if not self._spec.auth.enabled:
            return ["public"]
        granted = {p.role for p in self._spec.permissions if p.entity == entity and action in p.actions}
        if entity == self._account.name and action in _ACCOUNT_ACTIONS:
            granted.add(ADMIN)
        order = [ADMIN, *(role.name for role in self._spec.roles if role.name != ADMIN), "public"]
        return [role for role in order if role in granted]

    def scope(self, role: str, entity: str, action: str) -> Scope | None:
        """How far a right goes; `None` where there is none."""
        scopes = [
            p.scope
            for p in self._spec.permissions
            if p.role == role and p.entity == entity and action in p.actions
        ]
        return (Scope.ALL if Scope.ALL in scopes else scopes[0]) if scopes else None

    def _make(self, role: str) -> Actor | None:
        admin = self._known.get((ADMIN, 0))
        create = self._contract.routes(self._account).create
        if admin is None or create is None:
            self._probe.say(
                "account", f"no account of the role {role!r} can be made: there is no route for it"
            )
            return None
        password = secrets.token_urlsafe(18)
        body = self._sampler.object(create.body) | {"role": role}
        if "password" in body:
            body["password"] = password
        answer = self._probe.call(
            create, admin, (create.success,), f"making an account of the role {role!r}", body=body
        )
        if answer is None:
            return None
        return self._sign_in(role, str(body.get("email")), password)

    def _sign_in(self, role: str, email: str, password: str) -> Actor | None:
        if self._login is None:
            self._probe.say("login", "the contract has no route to sign in")
            return None
        body = {"email": email, "password": password}
        answer = self._probe.call(self._login, ANYBODY, (200,), f"signing in as {role}", body=body)
        found = answer.json() if answer is not None else None
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            if answer is not None:
                self._probe.say("login", "signing in answers without an access token")
            return None
        return Actor(role, token, self._own_id(self._profile, Actor(role, token)))

    def _own_id(self, profile: Route | None, actor: Actor) -> str | None:
        if profile is None:
            return None
        answer = self._probe.call(profile, actor, (200,), "reading the own account")
        found = answer.json() if answer is not None else None
        identifier = found.get("id") if isinstance(found, dict) else None
        return str(identifier) if identifier is not None else None
