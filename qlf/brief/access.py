"""Roles, ownership and the permission matrix. What is not granted is denied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import ActFact, Facts
from qlf.brief.grammar.roles import is_person
from qlf.brief.wordlists import word_list
from qlf.core.spec import ADMIN, PUBLIC, Action, Approval, Origin, Ownership, Permission, Role, Scope, Source
from qlf.core.spec.behaviour import Rule
from qlf.core.words import singular

__all__ = ["Access", "build_access", "settle_approvals"]

_ALL = tuple(Action)
_DEFAULT_ORDER = ("user", "customer", "member", "client", "patient", "student", "employee", "staff")


@dataclass
class Access:
    """Who uses the application and what each of them may do."""

    roles: list[Role] = field(default_factory=list)
    permissions: list[Permission] = field(default_factory=list)


@dataclass
class _Grants:
    """Actions by role and entity, each with its own scope."""

    table: dict[tuple[str, str], dict[str, Scope]] = field(default_factory=dict)
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)

    def give(self, role: str, entity: str, actions: Iterable[str], scope: Scope, source: Source) -> None:
        cell = self.table.setdefault((role, entity), {})
        for action in actions:
            if cell.get(action) is not Scope.ALL:
                cell[action] = scope
        self.sources.setdefault((role, entity), source)


def build_access(facts: Facts, words: Vocabulary, draft: Draft, *, enabled: bool) -> Access:
    """Roles and permissions for the draft; with no sign-in everything is open to everybody."""
    if not enabled:
        source = Source(origin=Origin.BRIEF, detail="the brief asks for no sign-in", confidence=0.9)
        for entity in draft.entities.values():
            entity.ownership, entity.owner_via = Ownership.NONE, None
        grants = _Grants()
        for name in draft.entities:
            grants.give(PUBLIC, name, [*_ALL, *_verbs(draft, name)], Scope.ALL, source)
        return Access([], _permissions(grants, draft))
    roles = _roles(facts, words, draft)
    _ownership(facts, words, draft)
    grants = _Grants()
    for role in roles:
        _grant(role, facts, words, draft, grants)
    for item in words.chosen[:1]:
        for name, text in item.pack.public.items():
            if name in draft.entities:
                grants.give(
                    PUBLIC,
                    name,
                    _actions(text, draft, name)[0],
                    Scope.ALL,
                    item.pack.source("seen by everybody", 0.8),
                )
    return Access(list(roles), _permissions(grants, draft))


def settle_approvals(rules: Iterable[Rule], allowed: Access, words: Vocabulary) -> tuple[Rule, ...]:
    """The rules, with approvers that are roles of the application, else the administrator."""
    known = {role.name for role in allowed.roles}
    settled: list[Rule] = []
    for rule in rules:
        if isinstance(rule, Approval):
            roles = tuple(
                dict.fromkeys(
                    name for name in (_canonical(role, words) for role in rule.roles) if name in known
                )
            ) or (ADMIN,)
            settled.append(rule.model_copy(update={"roles": roles}))
        else:
            settled.append(rule)
    return tuple(settled)


def _verbs(draft: Draft, entity: str) -> list[str]:
    verbs = [step.name for step in draft.machines[entity].transitions] if entity in draft.machines else []
    verbs += [item.name for item in draft.operations if item.entity == entity]
    return verbs + [item.name for item in draft.checkouts if item.entity == entity]


def _canonical(name: str, words: Vocabulary) -> str:
    for item in words.chosen:
        for role, value in item.pack.roles.items():
            if name == role or name in value.words:
                return role
    return name


def _roles(facts: Facts, words: Vocabulary, draft: Draft) -> tuple[Role, ...]:
    found: dict[str, Role] = {
        ADMIN: Role(
            name=ADMIN,
            description="Manages accounts and everything else",
            source=Source(origin=Origin.DEFAULT, detail="every application with sign-in has it"),
        )
    }
    for item in words.chosen[:1]:
        for name, value in item.pack.roles.items():
            with_entity = (
                value.include.startswith("with ") and value.include.removeprefix("with ") in draft.entities
            )
            if (
                value.include == "core"
                or with_entity
                or any(_canonical(fact.name, words) == name for fact in facts.roles)
            ):
                found.setdefault(
                    name,
                    Role(
                        name=name,
                        title=value.title,
                        description=value.description,
                        source=item.pack.source("role of the domain", 0.75),
                    ),
                )
    for fact in facts.roles:
        name = _canonical(singular(fact.name), words)
        earlier = found[name].source if name in found else None
        if facts.is_negated(fact.span) or (earlier is not None and earlier.origin is Origin.BRIEF):
            continue
        if not fact.listed and name not in found and _is_kept(name, facts, words, draft):
            continue
        if (
            name == "user"
            and [other for other in facts.roles if other.name not in ("user", "admin")]
            and not fact.listed
            and "user" not in found
        ):
            continue
        if name == PUBLIC or len(found) > 12:
            continue
        known = found.get(name)
        source = Source(
            origin=Origin.BRIEF, detail=fact.description or "role", span=fact.span, confidence=0.9
        )
        found[name] = Role(
            name=name,
            title=known.title if known else None,
            description=known.description if known else "",
            source=source,
        )
    if len(found) == 1:
        found["user"] = Role(
            name="user",
            description="Uses the application",
            source=Source(origin=Origin.DEFAULT, detail="the brief names no other role", confidence=0.6),
        )
    if all(name == ADMIN or name.rpartition("_")[2] in word_list("senior") for name in found):
        found["user"] = Role(
            name="user",
            description="Uses the application",
            source=Source(
                origin=Origin.DEFAULT, detail="the brief names only people who decide", confidence=0.6
            ),
        )
    default = _default(found, words)
    return tuple(role.model_copy(update={"default": role.name == default}) for role in found.values())


def _is_kept(name: str, facts: Facts, words: Vocabulary, draft: Draft) -> bool:
    """People of whom records are kept are no role merely because a sentence says that they do something."""
    entity = words.resolve(name)
    if entity not in draft.entities:
        return False
    known = draft.entities[entity].known
    if known is not None and known.ownership != "none":
        return False
    strong = any(fact.name == name and fact.description == "speaks in a user story" for fact in facts.roles)
    acts = [
        act
        for act in facts.acts
        if singular(act.role) == name
        and act.verb
        in word_list("create_verbs")
        | word_list("see_verbs")
        | {"manage", "update", "delete", "book", "cancel"}
    ]
    return not strong and not acts


def _default(found: dict[str, Role], words: Vocabulary) -> str:
    for item in words.chosen[:1]:
        for name, value in item.pack.roles.items():
            if value.default and name in found:
                return name
    for name in (*_DEFAULT_ORDER, *sorted(word_list("outsiders"))):
        if name in found:
            return name
    return [name for name in found if name != ADMIN][-1]


def _ownership(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """`their tasks`, `my notes`: rows belong to the account that made them."""
    for act in facts.acts:
        entity = words.resolve(act.target)
        if not act.own or entity not in draft.entities or act.role == ADMIN:
            continue
        item = draft.entities[entity]
        if (
            item.ownership is Ownership.NONE
            and item.known is None
            and not item.account
            and not is_person(entity)
        ):
            item.ownership = Ownership.USER
    for child in draft.entities.values():
        # A part is owned by whoever owns the whole.
        if child.ownership is not Ownership.NONE:
            continue
        whole = next((item for item in draft.relations if item.from_ == child.name and item.part_of), None)
        if whole is not None and draft.entities[whole.to].ownership is not Ownership.NONE:
            child.ownership, child.owner_via = Ownership.PARENT, whole.name


def _actions(text: str, draft: Draft, entity: str) -> tuple[list[str], Scope]:
    text = text.strip()
    own = text.startswith("own ")
    parts = [part.strip() for part in text.removeprefix("own ").split(",")]
    verbs = _verbs(draft, entity)
    names: list[str] = []
    for part in parts:
        if part == "all":
            names += [*_ALL, *verbs]
        elif part == "verbs":
            names += verbs
        elif part in set(_ALL) | set(verbs):
            names.append(part)
    return list(dict.fromkeys(str(name) for name in names)), Scope.OWN if own else Scope.ALL


def _grant(role: Role, facts: Facts, words: Vocabulary, draft: Draft, grants: _Grants) -> None:
    source = Source(
        origin=Origin.DEFAULT, detail="deny by default; this is what the role needs", confidence=0.6
    )
    if role.name == ADMIN:
        for name in draft.entities:
            grants.give(ADMIN, name, [*_ALL, *_verbs(draft, name)], Scope.ALL, source)
        return
    for name, entity in draft.entities.items():
        if entity.account:
            grants.give(role.name, name, (Action.READ, Action.UPDATE), Scope.OWN, source)
    acts = [
        act
        for act in facts.acts
        if _canonical(singular(act.role), words) == role.name and not facts.is_negated(act.span)
    ]
    told = False
    for item in words.chosen[:1]:
        known = item.pack.roles.get(role.name)
        if known is None:
            continue
        told = True
        for name, entity in draft.entities.items():
            text = known.grants.get(name, known.grants.get("*", ""))
            if entity.account or not text:
                continue
            if (
                name not in item.pack.entities
                and name not in known.grants
                and role.name in word_list("outsiders")
                and "*" not in known.grants
            ):
                continue
            actions, scope = _actions(text, draft, name)
            if name not in known.grants:
                actions = list(dict.fromkeys([*actions, *_verbs(draft, name)]))
            grants.give(
                role.name,
                name,
                actions,
                _fit(scope, entity.ownership),
                item.pack.source(f"what a {role.name} does", 0.75),
            )
    for act in acts:
        _act(role, act, words, draft, grants)
    for name, entity in draft.entities.items():
        if entity.account or (role.name, name) in grants.table:
            continue
        listed = told and entity.pack is not None and entity.pack is words.chosen[0].pack
        if listed:
            continue
        _usual(role.name, name, draft, grants, source)


def _fit(scope: Scope, ownership: Ownership) -> Scope:
    return Scope.ALL if ownership is Ownership.NONE else scope


def _usual(role: str, name: str, draft: Draft, grants: _Grants, source: Source) -> None:
    """The grant for a role and an entity of which nothing is said."""
    entity = draft.entities[name]
    if entity.ownership is not Ownership.NONE and (role in word_list("outsiders")):
        grants.give(role, name, [*_ALL, *_verbs(draft, name)], Scope.OWN, source)
    elif role in word_list("outsiders") and role != "user":
        grants.give(role, name, (Action.LIST, Action.READ), Scope.ALL, source)
    else:
        grants.give(
            role,
            name,
            [Action.LIST, Action.READ, Action.CREATE, Action.UPDATE, *_verbs(draft, name)],
            Scope.ALL,
            source,
        )


def _act(role: Role, act: ActFact, words: Vocabulary, draft: Draft, grants: _Grants) -> None:
    name = words.resolve(act.target)
    if name not in draft.entities or draft.entities[name].account:
        return
    entity = draft.entities[name]
    verbs = _verbs(draft, name)
    if act.verb in word_list("manage"):
        actions = [*_ALL, *verbs]
    elif act.verb in ("delete", "remove"):
        actions = [Action.DELETE, Action.LIST, Action.READ]
    elif act.verb in word_list("edit"):
        actions = [Action.UPDATE, Action.LIST, Action.READ]
    elif act.verb in word_list("see_verbs"):
        actions = [Action.LIST, Action.READ]
    elif act.verb in word_list("create_verbs"):
        actions = [Action.CREATE, Action.LIST, Action.READ]
    else:
        actions = [Action.LIST, Action.READ]
        actions += [verb for verb in verbs if verb == act.verb or verb.startswith(f"{act.verb}_")]
    owned = entity.ownership is not Ownership.NONE and (role.name in word_list("outsiders") or act.own)
    grants.give(
        role.name,
        name,
        [str(action) for action in actions],
        Scope.OWN if owned else Scope.ALL,
        Source(origin=Origin.BRIEF, detail=f"{role.name} can {act.verb} it", span=act.span, confidence=0.85),
    )


def _permissions(grants: _Grants, draft: Draft) -> list[Permission]:
    """The matrix as rows, one for each scope, without actions that have no route."""
    rows: list[Permission] = []
    for (role, name), cell in grants.table.items():
        entity = draft.entities[name]
        for scope in (Scope.ALL, Scope.OWN):
            actions = [action for action, given in cell.items() if given is scope]
            if not entity.routes:
                actions = [action for action in actions if action in (Action.LIST, Action.READ)]
            if entity.append_only:
                actions = [action for action in actions if action not in (Action.UPDATE, Action.DELETE)]
            order = {action: index for index, action in enumerate([*_ALL, *_verbs(draft, name)])}
            actions.sort(key=lambda action: order.get(action, 99))
            if actions:
                rows.append(
                    Permission(
                        role=role,
                        entity=name,
                        actions=tuple(str(action) for action in actions),
                        scope=scope,
                        source=grants.sources[role, name],
                    )
                )
    return rows
