"""The permission matrix as policy, routes and tests spell it."""

from __future__ import annotations

from typing import Any

from qlf.blueprint.views.access import lowest_role, policy, rights, role_names
from qlf.core.spec import Spec, parse_spec


def spec(*permissions: dict[str, Any], **entity: Any) -> Spec:
    return parse_spec(
        {
            "app": {"name": "notes", "title": "Notes"},
            "entities": [{"name": "note", "fields": [{"name": "title"}], **entity}],
            "roles": [{"name": "clerk"}, {"name": "guest", "default": True}],
            "permissions": list(permissions),
        }
    )


def grant(role: str, *actions: str, scope: str = "all") -> dict[str, Any]:
    return {"role": role, "entity": "note", "actions": list(actions), "scope": scope}


def test_administrator_is_always_a_role_and_new_accounts_get_the_default() -> None:
    made = spec()

    assert role_names(made) == ("admin", "clerk", "guest")
    assert lowest_role(made) == "guest"


def test_administrator_may_do_everything_where_the_matrix_is_silent() -> None:
    found = rights(spec(), spec().entity("note"))

    assert found.actions == ("list", "read", "create", "update", "delete")
    assert found.refused("delete") == ("clerk", "guest")


def test_what_nobody_is_granted_does_not_exist() -> None:
    made = spec(grant("admin", "list"), grant("clerk", "read"))

    found = rights(made, made.entity("note"))

    assert found.actions == ("list", "read")
    assert not found.can("create")


def test_own_grants_nothing_on_shared_rows() -> None:
    made = spec(grant("admin", "list"), grant("clerk", "read", scope="own"))

    assert rights(made, made.entity("note")).actions == ("list",)


def test_own_holds_on_rows_that_belong_to_an_account() -> None:
    made = spec(grant("admin", "read"), grant("clerk", "read", scope="own"), ownership="user")

    found = rights(made, made.entity("note"))

    assert (found.holder("read"), found.owner_role("read")) == ("admin", "clerk")


def test_the_wider_of_two_grants_counts() -> None:
    made = spec(grant("clerk", "read", scope="own"), grant("clerk", "read"), ownership="user")

    assert rights(made, made.entity("note")).scope("clerk", "read") == "all"


def test_people_without_an_account_never_write_owned_rows() -> None:
    made = spec(grant("public", "list", "create"), ownership="user")

    assert rights(made, made.entity("note")).public == ("list",)


def test_append_only_rows_are_neither_changed_nor_deleted() -> None:
    made = spec(append_only=True)

    assert rights(made, made.entity("note")).actions == ("list", "read", "create")


def test_policy_lists_accounts_and_sessions_first() -> None:
    assert [resource.name for resource in policy(spec())] == ["users", "user_sessions", "notes"]
