"""The first step: from what a person gave to the spec that everything else is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qlf.engine.parts import Parts
from qlf.engine.request import GenerateRequest

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["COMPILE_FIELDS", "compile_request"]

COMPILE_FIELDS = ("source", "source_kind", "overlays", "detect", "port", "name")
"""The fields of a request that decide the spec."""


def compile_request(request: GenerateRequest, parts: Parts) -> tuple[Spec, str]:
    """The spec of a request, and its YAML text; comments of a person's own spec are kept.

    Raises:
        InputError: If the brief or the spec is refused.
        UsageError: If an option does not fit it.
    """
    from qlf.core.spec import SpecFile, dump_spec

    if request.source_kind == "brief":
        spec = _adjusted(parts.compile_brief(request.source, request.name), request)
        return spec, dump_spec(spec)
    written = SpecFile(request.source, name="the spec")
    spec = _adjusted(written.spec, request)
    return spec, request.source if spec == written.spec else written.updated(spec)


def _adjusted(spec: Spec, request: GenerateRequest) -> Spec:
    from qlf.core.spec import parse_spec

    data = spec.to_data()
    app: dict[str, Any] = data["app"]
    if request.port is not None:
        app["port"] = request.port
    if request.name is not None:
        app["name"] = request.name
    overlays = data.get("overlays", []) if request.detect or request.source_kind == "spec" else []
    known = {overlay["name"] for overlay in overlays}
    overlays += [_asked_for(name) for name in request.overlays if name not in known]
    data["overlays"] = overlays
    return parse_spec(data)


def _asked_for(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "confidence": 1.0,
        "reason": "asked for by name",
        "source": {"origin": "user", "detail": "named with --overlay"},
    }
