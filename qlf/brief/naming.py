"""Names for the spec out of the words of a brief: safe, singular, never reserved."""

from __future__ import annotations

import keyword
import re
import unicodedata

from qlf.brief.wordlists import word_list
from qlf.core.words import singular, snake

__all__ = ["RENAMED", "entity_name", "field_name", "safe_entity", "slug", "state_name"]

_RESERVED = frozenset(
    {
        *keyword.kwlist,
        "id",
        "created_at",
        "updated_at",
        "metadata",
        "registry",
        "query",
        "self",
        "cls",
        "copy",
    }
)
RENAMED = {
    "account": "customer_account",
    "session": "meeting_session",
    "token": "issued_token",
    "role": "job_role",
    "permission": "access_grant",
    "policy": "policy_record",
    "table": "dining_table",
    "service": "offered_service",
    "setting": "preference",
    "settings": "preference",
    "page": "content_page",
    "request": "service_request",
    "response": "submitted_response",
    "file": "stored_file",
    "test": "assessment",
    "field": "plot",
    "class": "group_class",
    "model": "product_model",
    "version": "revision",
    "property": "real_property",
    "error": "error_report",
    "key": "access_key",
    "list": "item_list",
    "set": "item_set",
    "base": "site_base",
    "type": "kind",
    "object": "tracked_object",
    "app": "software_app",
    "migration": "migration_project",
    "audit_event": "audit_entry",
    "resource": "shared_resource",
    "path": "learning_path",
    "text": "text_entry",
    "engine": "engine_unit",
}
_FIELD_RENAMED = {
    "id": "reference",
    "created_at": "recorded_at",
    "updated_at": "changed_at",
    "from": "from_place",
    "to": "to_place",
    "class": "class_name",
    "global": "is_global",
    "import": "import_note",
    "return": "return_note",
    "metadata": "details",
    "query": "search_text",
    "copy": "copy_number",
    "registry": "registry_name",
    "is": "is_set",
    "in": "inside",
    "password_hash": "password_note",
}


def _ascii(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return text.encode("ascii", "ignore").decode()


def _plain(text: str, limit: int) -> str | None:
    name = snake(re.sub(r"'s?\b", "", _ascii(text)))
    name = re.sub(r"_+", "_", re.sub(r"\A[0-9_]+", "", name)).strip("_")
    while len(name) > limit and "_" in name:
        name = name.partition("_")[2]
        name = re.sub(r"\A[0-9_]+", "", name)
    return name[:limit].strip("_") or None


def entity_name(phrase: str) -> str | None:
    """The noun for a phrase, singular; `None` when there is none. `safe_entity` makes a name of it."""
    name = _plain(phrase, 40)
    if name is None or len(name) < 3:
        return None
    name = singular(name)
    if name.startswith("model_"):
        name = "product_" + name
    return name


def safe_entity(name: str) -> str:
    """`name` unless the application's own parts use it; then a qualified one."""
    if (name in word_list("platform") and name != "user") or name in _RESERVED:
        return RENAMED.get(name, f"{name}_record")
    return name


def field_name(phrase: str) -> str | None:
    """The field name for a phrase, or `None` when no name can be made of it."""
    name = _plain(phrase, 40)
    if name is None:
        return None
    name = _FIELD_RENAMED.get(name, name)
    if name in _RESERVED or name.startswith("model_"):
        name = f"the_{name}"
    return name


def state_name(phrase: str) -> str | None:
    """The name of a state or choice."""
    return _plain(phrase, 40)


def slug(text: str) -> str:
    """An application name of at most 48 characters out of any text; `app` when nothing is left."""
    words = [word for word in snake(_ascii(text)).split("_") if word]
    while words and not words[0][0].isalpha():
        words.pop(0)
    result = ""
    for word in words:
        longer = f"{result}-{word}" if result else word
        if len(longer) > 40:
            break
        result = longer
    return result or "app"
