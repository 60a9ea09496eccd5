"""What can be done to a row beyond reading and writing it: transitions, operations, checkouts."""

from __future__ import annotations

from qlf.blueprint.contract.bodies import given, strict_object
from qlf.blueprint.contract.parts import (
    Json,
    body,
    created,
    ok,
    operation,
    path_id,
    problems,
    reference,
    spoken,
)
from qlf.blueprint.contract.rights import granted
from qlf.blueprint.contract.subject import Subject
from qlf.core import words
from qlf.core.spec import Checkout, Field, Operation

__all__ = ["verb_operation", "verb_schemas"]


def verb_schemas(subject: Subject) -> Json:
    """Schemas of the bodies of operations that ask for something, by name."""
    somebody, _ = granted(subject.app, subject.spec)
    made: Json = {}
    for part in _all(subject):
        if part.name in somebody and _inputs(subject, part):
            name = _body_name(subject, part.name)
            properties, required = given(_holder(subject, part), _inputs(subject, part))
            made[name] = strict_object(name, _purpose(subject, part), properties, required)
    return made


def verb_operation(subject: Subject, verb: str) -> Json:
    """The operation `POST /<plural>/{id}/<verb>`."""
    part = _part(subject, verb)
    asks = part is not None and bool(_inputs(subject, part))
    refused = problems(401, 403, 404, 409, 422, *((400, 413) if asks else ()))
    spoken_verb = spoken(verb)
    text = f"{spoken_verb[:1].upper()}{spoken_verb[1:]} one {spoken(subject.name)}."
    answer = ok(f"{subject.cls}Read")
    if isinstance(part, Checkout):
        answer = created(f"{_holder(subject, part).cls}Read")
    parts: Json = {"requestBody": body(reference(_body_name(subject, verb)))} if asks else {}
    return operation(
        f"{verb}_{subject.name}",
        text,
        spoken(subject.plural),
        secured=True,
        answers={**answer, **refused},
        parameters=[path_id(f"{subject.name}_id")],
        **parts,
    )


def _part(subject: Subject, verb: str) -> Operation | Checkout | None:
    return next((part for part in _all(subject) if part.name == verb), None)


def _all(subject: Subject) -> list[Operation | Checkout]:
    parts: list[Operation | Checkout] = [*subject.app.operations, *subject.app.checkouts]
    return [part for part in parts if part.entity == subject.spec.name]


def _inputs(subject: Subject, part: Operation | Checkout) -> tuple[Field, ...]:
    if isinstance(part, Operation):
        return part.inputs
    return tuple(subject.app.entity(part.to).field(name) for name in part.inputs)


def _holder(subject: Subject, part: Operation | Checkout) -> Subject:
    if isinstance(part, Checkout):
        return Subject(subject.app, subject.app.entity(part.to))
    return subject


def _body_name(subject: Subject, verb: str) -> str:
    return f"{subject.cls}{words.pascal(verb)}"


def _purpose(subject: Subject, part: Operation | Checkout) -> str:
    return f"What it takes to {spoken(part.name)} one {spoken(subject.name)}."
