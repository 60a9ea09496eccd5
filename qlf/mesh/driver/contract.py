"""The committed OpenAPI document, as far as the driver needs it: routes, and what they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qlf.core.spec import Entity
from qlf.core.words import plural

__all__ = ["Contract", "Route", "Routes", "plural_of"]

_METHODS = ("get", "post", "put", "patch", "delete")
_MAX_REFERENCES = 32


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the contract."""

    method: str
    path: str
    """With placeholders in braces."""
    secured: bool
    body: Any
    """Schema of the JSON body, or `None`."""
    media_type: str
    statuses: tuple[int, ...]
    """The documented ones."""
    headers: tuple[tuple[str, Any], ...]
    """Required request headers with their schemas."""
    queries: tuple[str, ...]
    """Names of the query parameters."""

    @property
    def success(self) -> int:
        """The documented status of success; 200 when none is."""
        return next((status for status in self.statuses if 200 <= status < 300), 200)

    def at(self, row: str | None = None) -> str:
        """The path with the id of a row in the place of its placeholder."""
        if row is None:
            return self.path
        head, _, rest = self.path.partition("{")
        return head + row + rest.partition("}")[2]

    @property
    def label(self) -> str:
        """How findings name it."""
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Routes:
    """What can be done to the rows of one entity."""

    list: Route | None = None
    create: Route | None = None
    read: Route | None = None
    update: Route | None = None
    delete: Route | None = None
    verbs: Mapping[str, Route] | None = None
    """Transitions and operations by their name in snake_case."""

    @property
    def any(self) -> bool:
        """Whether the entity has any route at all."""
        return any((self.list, self.create, self.read, self.update, self.delete, self.verbs))


class Contract:
    """An OpenAPI 3 document.

    Raises:
        ValueError: If it has no paths.
    """

    def __init__(self, document: Any, login: str) -> None:
        paths = document.get("paths") if isinstance(document, dict) else None
        if not isinstance(paths, dict) or not paths:
            raise ValueError("the contract has no paths")
        self.document = document
        self._paths: dict[str, Any] = {path: item for path, item in paths.items() if isinstance(item, dict)}
        self.prefix = self._find_prefix(login)

    @property
    def operations(self) -> int:
        """How many operations there are."""
        return sum(method in item for item in self._paths.values() for method in _METHODS)

    def routes(self, entity: Entity) -> Routes:
        """The routes of an entity, found by the house's naming: plural with dashes below the prefix.

        Accounts are managed at `users`, whatever the spec calls them.
        """
        name = "users" if entity.account else plural_of(entity).replace("_", "-")
        top = f"{self.prefix}/{name}"
        item = next((path for path in self._paths if _is_item(path, top)), None)
        verbs = {}
        for path in self._paths:
            if item is not None and path.startswith(f"{item}/") and "{" not in path[len(item) :]:
                route = self.route("post", path)
                if route is not None:
                    verbs[path[len(item) + 1 :].replace("-", "_")] = route
        return Routes(
            list=self.route("get", top),
            create=self.route("post", top),
            read=self.route("get", item),
            update=self.route("patch", item) or self.route("put", item),
            delete=self.route("delete", item),
            verbs=verbs,
        )

    def route(self, method: str, path: str | None) -> Route | None:
        """One operation, or `None` where the contract has it not."""
        item: dict[str, Any] = self._paths.get(path or "", {})
        operation = item.get(method)
        if path is None or not isinstance(operation, dict):
            return None
        media_type, body = self._body(operation)
        parameters = [
            self.resolve(one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))
        ]
        security = operation.get("security", self.document.get("security"))
        return Route(
            method=method,
            path=path,
            secured=bool(security) and {} not in security,
            body=body,
            media_type=media_type,
            statuses=tuple(sorted(int(code) for code in operation.get("responses", {}) if code.isdigit())),
            headers=tuple(
                (str(one.get("name")), one.get("schema", {}))
                for one in parameters
                if one.get("in") == "header" and one.get("required")
            ),
            queries=tuple(str(one.get("name")) for one in parameters if one.get("in") == "query"),
        )

    def resolve(self, schema: Any) -> dict[str, Any]:
        """The schema behind a reference; an empty one where it leads nowhere."""
        for _ in range(_MAX_REFERENCES):
            if not isinstance(schema, dict):
                return {}
            reference = schema.get("$ref")
            if reference is None:
                return schema
            schema = self._follow(str(reference))
        return {}

    def _follow(self, reference: str) -> Any:
        found: Any = self.document
        for step in reference.removeprefix("#/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def _body(self, operation: dict[str, Any]) -> tuple[str, Any]:
        content = self.resolve(operation.get("requestBody") or {}).get("content", {})
        for media_type, entry in content.items():
            if media_type == "application/json" or media_type.endswith("+json"):
                return media_type, entry.get("schema", {})
        return "application/json", None

    def _find_prefix(self, login: str) -> str:
        for path in self._paths:
            if path.endswith(login):
                return path.removesuffix(login)
        return next((f"/{path.split('/')[1]}/v1" for path in self._paths if path.startswith("/api/v1/")), "")


def plural_of(entity: Entity) -> str:
    """The plural of an entity's name in snake_case."""
    return entity.plural or plural(entity.name)


def _is_item(path: str, top: str) -> bool:
    rest = path.removeprefix(f"{top}/")
    return rest != path and rest.startswith("{") and rest.endswith("}") and "/" not in rest
