"""Names that generated code already uses, and what an entity or field is called instead."""

from __future__ import annotations

from qlf.core import words
from qlf.core.spec import FieldType, Spec

__all__ = ["FORBIDDEN_FIELDS", "SQL_WORDS", "alias_name", "entity_classes", "entity_names", "table_name"]

_MODULES = frozenset(
    {
        *("auth", "base", "deps", "health", "login_throttle", "me", "purge", "refresh_token", "responses"),
        *("router", "seed", "types", "user", "user_session", "version"),
    }
)
_TABLES = frozenset({"alembic_version", "login_throttles", "refresh_tokens", "user_sessions", "users"})
_CLASSES = frozenset(
    {
        # The standard library, pydantic, SQLAlchemy and FastAPI as the templates import them.
        *("Annotated", "Any", "Callable", "Decimal", "Iterator", "Literal", "Mapping", "Sequence"),
        *("StrEnum", "TypeVar", "TypedDict", "UUID", "Exception", "None", "True", "False"),
        *("AfterValidator", "BaseModel", "BeforeValidator", "ConfigDict", "Field", "Generic"),
        *("StrictBool", "StringConstraints", "Boolean", "BigInteger", "CheckConstraint", "Column", "Date"),
        *("DateTime", "Enum", "ForeignKey", "Index", "Integer", "Mapped", "Numeric", "Select", "Session"),
        *("String", "Table", "Text", "Time", "UniqueConstraint", "Uuid", "APIRouter", "Body", "Depends"),
        *("Path", "Query", "Request", "Response", "FastAPI", "TestClient"),
        # The platform of the generated application.
        *("Access", "Action", "Actor", "Base", "Database", "DecimalText", "Email", "Entity", "Exact"),
        *("Input", "LoginThrottle", "Moment", "MovableClock", "Output", "Page", "PageParams", "Passwords"),
        *(
            "PastDate",
            "Phone",
            "Principal",
            "RefreshToken",
            "Resource",
            "Role",
            "Scope",
            "SearchTerm",
            "Settings",
        ),
        *("PastDate", "TimeOfDay", "User", "UserSession", "UtcDateTime", "WebAddress"),
        *("ConflictError", "ForbiddenError", "NotFoundError", "UnprocessableError", "Problem"),
        *("DeleteAccess", "ListAccess", "ReadAccess", "UpdateAccess", "CreateAccess", "SessionDep"),
    }
)
_FORMS = ("Create", "Update", "Read", "Page", "Sort", "Filter")

FORBIDDEN_FIELDS = frozenset(
    {
        # Attributes of pydantic's BaseModel, which a field may not hide.
        *("construct", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema"),
        *("schema_json", "update_forward_refs", "validate"),
        # Types that class bodies name: a field of the same name would take their place.
        *("str", "int", "bool", "list", "property"),
    }
)

SQL_WORDS = frozenset(
    """
    all alter analyse analyze and any array as asc asymmetric between both by case cast check collate
    column commit concurrently constraint create cross current_catalog current_date current_role
    current_time current_timestamp current_user default deferrable delete desc distinct do drop else
    end escape except exists explain fetch for foreign freeze from full glob grant group having if
    ilike in index indexed initially inner insert intersect into is isnull join lateral leading left
    like limit localtime localtimestamp match natural no not notnull null offset on only or order
    outer over overlaps placing primary raise references regexp replace returning right rollback
    select session_user set similar some symmetric table tablesample then to trailing transaction
    trigger true false union unique update user using values variadic verbose when where window with
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Words that PostgreSQL or SQLite reserve: as names of columns they need quotes in plain SQL."""


def entity_names(spec: Spec) -> dict[str, str]:
    """Entity of the spec -> name in the code: module, path parameter, part of function names."""
    names: dict[str, str] = {}
    for entity in spec.entities:
        if entity.account:
            names[entity.name] = "user"
        elif entity.name in _MODULES:
            names[entity.name] = f"{entity.name}_record"
        else:
            names[entity.name] = entity.name
    return names


def entity_classes(spec: Spec) -> dict[str, str]:
    """Entity of the spec -> name of its class."""
    names = entity_names(spec)
    plain = {name: words.pascal(name) for name in names.values()}
    taken = set(_CLASSES)
    for entity in spec.entities:
        own = plain[names[entity.name]]
        taken.update(f"{own}{form}" for form in _FORMS)
        taken.update(
            own + words.pascal(field.name) for field in entity.fields if field.type is FieldType.ENUM
        )
    classes: dict[str, str] = {}
    for entity in spec.entities:
        own = plain[names[entity.name]]
        if entity.account:
            classes[entity.name] = "User"
        else:
            classes[entity.name] = f"{own}Record" if own in taken else own
    return classes


def table_name(name: str, plural: str | None) -> str:
    """The table, and with dashes the route, of the entity called `name` in the code."""
    if name == "user":
        return "users"
    chosen = plural or words.plural(name)
    return f"{chosen}_records" if chosen in _TABLES else chosen


def alias_name(field: str, cls: str, taken: set[str]) -> str:
    """The name of the type of a field in the schemas of one entity; it is added to `taken`."""
    chosen = words.pascal(field)
    reserved = _CLASSES | {f"{cls}{form}" for form in _FORMS}
    while chosen in reserved or chosen in taken:
        chosen += "Value"
    taken.add(chosen)
    return chosen
