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
from qlf.blueprint.views.names import entity_names
from qlf.blueprint.wording import deed, function_name, sentence
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
    refused = problems(401, 403, 404, 409, 422, *((400, 413, 415) if asks else ()))
    summary = sentence(verb, spoken(subject.name), _title(subject, verb))
    answer = ok(f"{subject.cls}Read")
    if isinstance(part, Checkout):
        answer = created(f"{_holder(subject, part).cls}Read")
    parts: Json = {"requestBody": body(reference(_body_name(subject, verb)))} if asks else {}
    return operation(
        function_name(subject.app, verb, subject.name, entity_names(subject.app)),
        f"{summary}.",
        spoken(subject.plural),
        secured=True,
        answers={**answer, **refused},
        parameters=[path_id(f"{subject.name}_id")],
        summary=summary,
        **parts,
    )


def _part(subject: Subject, verb: str) -> Operation | Checkout | None:
    return next((part for part in _all(subject) if part.name == verb), None)


def _title(subject: Subject, verb: str) -> str | None:
    machine = subject.app.machine(subject.spec.name)
    steps = machine.transitions if machine is not None else ()
    return next((item.title for item in (*steps, *_all(subject)) if item.name == verb), None)


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
    return f"What it takes to {deed(part.name, spoken(subject.name), part.title)}."
