"""Answers to the open questions of a brief: what each one changes in the spec.

An answer is `yes`, `no` or words. What cannot be built is refused by name; an answer in words that no rule of
the application can carry stays in the spec as text, and the question stays open and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qlf.errors import InputError

if TYPE_CHECKING:
    from qlf.core.spec import Spec

__all__ = ["MAX_ANSWER", "Answer", "parse_answers", "settle"]

MAX_ANSWER = 2_000
"""Characters of one answer."""
_MAX_ANSWERS = 200
_YES = frozenset(["yes", "y", "true", "on", "open", "ja", "oui"])
_NO = frozenset(["no", "n", "false", "off", "closed", "none"])
_AGREED = frozenset(["", "ok", "okay", "as assumed", "default", "agreed", "fine"])

Answer = str | bool


def parse_answers(text: str, name: str = "the answers") -> dict[str, Answer]:
    """Question id -> answer, out of YAML.

    Raises:
        InputError: If it is no such mapping.
    """
    from qlf.core.yaml import load_yaml, plain

    data = plain(load_yaml(text, name=name))
    if not isinstance(data, dict) or not data or len(data) > _MAX_ANSWERS:
        raise InputError(
            f"{name} must map the id of a question to its answer",
            hint="For example: `registration: closed`. qlf plan --explain shows the ids.",
        )
    return {str(key): _answer(str(key), value, name) for key, value in data.items()}


def _answer(key: str, value: Any, name: str) -> Answer:
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        value = ", ".join(str(item) for item in value)
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_ANSWER:
        raise InputError(
            f"the answer to {key!r} in {name} is no text of at most {MAX_ANSWER} characters",
            hint="Answer with yes, no, words, or a list of words.",
        )
    return value.strip()


def settle(text: str, answers: Mapping[str, Answer], *, name: str | None = None) -> Spec:
    """The spec of a brief with some of its questions answered.

    Args:
        text: The brief.
        answers: Question id -> answer; as `qlf plan --explain` names the questions.
        name: Name of the application; derived from the brief when absent.

    Raises:
        InputError: When the brief is refused, an id names no open question, or an answer cannot be honoured.
    """
    from qlf.brief import compile_brief
    from qlf.core.spec import parse_spec

    spec = compile_brief(text, name=name)
    open_ = {question.name: question for question in spec.questions}
    for key in answers:
        if key not in open_:
            known = ", ".join(sorted(open_)) or "none"
            raise InputError(
                f"the brief leaves no question {key!r} open", hint=f"open questions are: {known}"
            )
    words = {key: str(value) for key, value in answers.items() if _is_text(key, value, open_[key].assumption)}
    if words:
        longer = text.rstrip() + "\n\n" + "\n".join(_sentence(value) for value in words.values())
        spec = compile_brief(longer, name=name)
    data = spec.to_data()
    data["questions"] = [item for item in data.get("questions", []) if item["name"] not in answers]
    before = {rule.text for rule in compile_brief(text, name=name).rules} if words else set()
    for key, value in answers.items():
        if key in words:
            _remember(data, key, words[key], open_[key].text, before)
            continue
        for pattern, apply in _APPLY:
            if re.fullmatch(pattern, key):
                apply(data, key, value)
                break
    return parse_spec(data)


def truth(key: str, value: Answer) -> bool:
    """Yes or no.

    Raises:
        InputError: If it is neither.
    """
    if isinstance(value, bool):
        return value
    lower = value.lower().strip(" .!")
    if lower in _YES | _NO:
        return lower in _YES
    raise InputError(f"the answer to {key!r} must be yes or no, not {value[:60]!r}", hint="Write yes or no.")


def _is_text(key: str, value: Answer, assumption: str) -> bool:
    """Whether an answer says something that only the compiler can read."""
    if any(re.fullmatch(pattern, key) for pattern, _ in _APPLY):
        return False
    lower = str(value).lower().strip(" .!")
    if lower in _AGREED:
        return False
    if isinstance(value, bool) or lower in _YES | _NO:
        agreed = (value is True or lower in _YES) == (not assumption.lower().startswith("no"))
        if agreed:
            return False
        raise InputError(
            f"{key!r} cannot be answered with {lower!r} alone: what is assumed is {assumption!r}",
            hint="Say in a sentence what should hold instead.",
        )
    return True


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def _source(key: str) -> dict[str, Any]:
    return {"origin": "user", "detail": f"answer to {key}"}


def _remember(data: dict[str, Any], key: str, words: str, asked: str, before: set[str]) -> None:
    """Keep what an answer in words came to: rules that are enforced, else the words themselves."""
    fresh = [
        rule
        for rule in data.get("rules", [])
        if rule.get("text") not in before and rule.get("kind") != "other"
    ]
    if fresh:
        for rule in fresh:
            rule["source"] = _source(key)
        data["rules"] = [rule for rule in data["rules"] if rule["name"] != key or rule.get("kind") != "other"]
        data["questions"] = [item for item in data["questions"] if words[:80] not in item["text"]]
        return
    data["questions"] = [item for item in data["questions"] if words[:80] not in item["text"]]
    data["questions"].append(
        {
            "name": key,
            "text": asked,
            "assumption": f"Answered: {words} This is written down; nothing in the application enforces it."[
                :1900
            ],
            "change": "write it by hand where the application decides it",
            "source": _source(key),
        }
    )


def _registration(data: dict[str, Any], key: str, value: Answer) -> None:
    data["auth"]["registration"] = "open" if truth(key, value) else "closed"
    data["auth"]["source"] = _source(key)


def _currency(data: dict[str, Any], key: str, value: Answer) -> None:
    del key
    code = str(value).upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise InputError(
            f"the currency {str(value)[:30]!r} is no ISO 4217 code", hint="Write three letters, such as EUR."
        )
    for entity in data["entities"]:
        for field in entity.get("fields", []):
            if field.get("type") == "money":
                field["unit"] = code


def _fields(data: dict[str, Any], key: str, value: Answer) -> None:
    from qlf.brief.compiler import find_facts
    from qlf.brief.lexicon import make_field
    from qlf.brief.naming import field_name
    from qlf.brief.text import clean
    from qlf.brief.tokens import read
    from qlf.core.spec import Origin, Source

    name = key.removeprefix("fields_of_")
    entity = next((item for item in data["entities"] if item["name"] == name), None)
    words = str(value).strip(" .")
    if entity is None or not words or isinstance(value, bool):
        raise InputError(
            f"the answer to {key!r} names no fields", hint="List them: name, price, delivery date."
        )
    source = Source(origin=Origin.USER, detail=f"answer to {key}")
    title = name.replace("_", " ")
    found = {
        fact.name: fact.field.model_copy(update={"source": source})
        for fact in find_facts(read(clean(f"Each {title} has {words}."))).fields
    }
    if not found and (single := field_name(words)) is not None and len(words.split()) <= 4:
        found = {single: make_field(single, source=source)}
    if not found:
        raise InputError(
            f"no fields can be read in the answer to {key!r}: {words[:60]!r}",
            hint="List them with commas: name, price, delivery date.",
        )
    linked = {item["name"] for item in data.get("relations", []) if item["from"] == name}
    kept = [
        field
        for field in entity.get("fields", [])
        if field.get("source", {}).get("origin") != "default" and field["name"] not in found
    ]
    entity["fields"] = kept + [
        field.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for label, field in found.items()
        if label not in linked
    ]
    if entity.get("label") not in {field["name"] for field in entity["fields"]}:
        entity.pop("label", None)


def _overlay(data: dict[str, Any], key: str, value: Answer) -> None:
    if not truth(key, value):
        return
    name = key.removeprefix("overlay_").replace("_", "-")
    data.setdefault("overlays", []).append(
        {
            "name": name,
            "confidence": 1.0,
            "reason": "a question was answered with yes",
            "source": _source(key),
        }
    )


def _uploads(data: dict[str, Any], key: str, value: Answer) -> None:
    del data
    if truth(key, value):
        raise InputError(
            "files cannot be uploaded into the application yet",
            hint="Answer uploads with no: a field then holds the address of each file.",
        )


def _stack(data: dict[str, Any], key: str, value: Answer) -> None:
    del data
    if not truth(key, value):
        raise InputError(
            "an application can only be made with Python, FastAPI and SQLAlchemy",
            hint="Answer stack with yes, or take the other name out of the brief.",
        )


_APPLY: tuple[tuple[str, Callable[[dict[str, Any], str, Answer], None]], ...] = (
    (r"registration", _registration),
    (r"currency", _currency),
    (r"fields_of_\w+", _fields),
    (r"overlay_\w+", _overlay),
    (r"uploads", _uploads),
    (r"stack", _stack),
)
"""Questions that an answer settles without words; the others are read by the compiler."""
