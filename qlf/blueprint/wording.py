"""What a transition, operation or checkout is called in English, and what its function is called.

`succeed` on a refund is "mark a refund as succeeded", `put_on_hold` on a case "put a case on hold". Only
the wording is decided here, so the contract and the templates share it as they share the names of entities.
"""

from __future__ import annotations

import re

from qlf.core.spec import Action, Spec

__all__ = ["deed", "function_name", "sentence", "with_article"]

_HAPPENS = {
    "succeed": "succeeded",
    "fail": "failed",
    "expire": "expired",
    "lapse": "lapsed",
    "bounce": "bounced",
    "arrive": "arrived",
    "depart": "departed",
    "mature": "matured",
    "default": "defaulted",
    "win": "won",
    "lose": "lost",
    "wait": "waiting",
    "attend": "attended",
    "leave": "left",
    "appear": "appeared",
    "disappear": "missing",
    "respond": "responded",
}
"""Verbs of what happens to a thing by itself, and the state it is then in."""

_NOUNS = {
    "checkout": "check out",
    "checkin": "check in",
    "pickup": "pick up",
    "signoff": "sign off",
    "payment": "pay",
    "shipment": "ship",
    "delivery": "deliver",
    "cancellation": "cancel",
    "approval": "approve",
    "rejection": "reject",
    "renewal": "renew",
    "closure": "close",
    "activation": "activate",
    "deactivation": "deactivate",
    "confirmation": "confirm",
    "completion": "complete",
    "submission": "submit",
    "withdrawal": "withdraw",
}
"""Nouns that are used as names of what is done."""

_CALLING = frozenset({"declare", "flag", "label", "mark", "record", "report", "tag"})
_PUTTING = frozenset({"keep", "leave", "place", "put", "set"})
_PARTICLES = frozenset(
    "apart aside away back down forward in off on out over through together up".split()  # noqa: SIM905
)
_PREPOSITIONS = frozenset("as at by for from into of to under with".split())  # noqa: SIM905
_STATES = frozenset(
    """
    absent active available broken clean complete dirty done due final found free full inactive late lost
    missing open overdue paid present private public read ready sent sold spam stolen unavailable unread
    urgent void won written
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
_DOES_TOO = frozenset({"clean", "complete", "free", "open", "present", "read", "void"})
"""States that are verbs when they stand alone."""

_UNCOUNTED = frozenset(
    "advice equipment feedback furniture hardware information luggage software staff stock".split()  # noqa: SIM905
)
_VERBS_IN_ED = frozenset({"bleed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed"})
_SOUNDS_LIKE_YOU = ("eu", "one", "uni", "usa", "use", "usu", "uti")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,'-]{0,59}")
_SILENT_H = ("heir", "honest", "honor", "honour", "hour")


def with_article(noun: str) -> str:
    """The noun with `a` or `an`, by its sound as far as the spelling tells."""
    if noun.rsplit(maxsplit=1)[-1] in _UNCOUNTED:
        return noun
    word = noun.lower()
    vowel = word[:1] in "aeiou" and not word.startswith(_SOUNDS_LIKE_YOU)
    return f"{'an' if vowel or word.startswith(_SILENT_H) else 'a'} {noun}"


def sentence(name: str, noun: str, title: str | None = None) -> str:
    """What is done, as a summary: `Mark a refund as succeeded`."""
    said = deed(name, noun, title)
    return said[:1].upper() + said[1:]


def deed(name: str, noun: str, title: str | None = None) -> str:
    """What is done, within a sentence.

    Args:
        name: Of the transition, operation or checkout, in snake_case.
        noun: What it is done to, in words.
        title: What the spec calls it, which is kept if it is plain text.
    """
    thing = with_article(noun)
    if title is not None and not _PLAIN.fullmatch(title):
        title = None  # it would have to be changed where it stands in code
    words = (title or name).replace("_", " ").split()
    if title:
        words[0] = words[0][:1].lower() + words[0][1:]
        if noun.lower() in title.lower():
            return " ".join(words)
    ending = noun.split()
    if len(words) > len(ending) and words[-len(ending) :] == ending:
        words = words[: -len(ending)]
    return _said(words, thing, noun)


def _said(words: list[str], thing: str, noun: str) -> str:
    first, *rest = words
    if not rest:
        first = _NOUNS.get(first, first)
        if first in _HAPPENS:
            return f"mark {thing} as {_HAPPENS[first]}"
        named = _is_state(first) and first not in _DOES_TOO
        return f"mark {thing} as {first}" if named else f"{first} {thing}"
    if first in _CALLING and (rest[0] == "as" or first == "mark" or _is_state(rest[-1])):
        return f"{first} {thing} as {' '.join(rest[rest[0] == 'as' :])}"
    if first == "set" and _is_state(rest[-1]):
        return f"mark {thing} as {' '.join(rest)}"
    if first == "make" and _is_state(rest[-1]):
        return f"make {thing} {' '.join(rest)}"
    if first in ("no", "not") or (_is_state(first) and first not in _DOES_TOO and rest[-1] in _PARTICLES):
        return f"mark {thing} as {' '.join(words)}"
    if _is_phrase(first, rest):
        return f"{first} {thing} {' '.join(rest)}"
    if rest[0].endswith("ing") and len(rest) == 1:
        return f"{first} {rest[0]} {thing}"
    particles = 1 + (rest[0] in _PARTICLES)
    object_ = words[particles:]
    if not object_:
        return f"{' '.join(words)} {thing}"
    return f"{' '.join(words[:particles])} the {' '.join(object_)} of {with_article(noun)}"


def _is_phrase(first: str, rest: list[str]) -> bool:
    if rest[-1] in _PARTICLES and len(rest) == 1:
        return False
    if first in _PUTTING and rest[0] in ("at", "in", "on", "under"):
        return True
    return any(word in _PREPOSITIONS for word in rest)


def _is_state(word: str) -> bool:
    return word in _STATES or (word.endswith("ed") and word not in _VERBS_IN_ED and len(word) > len("used"))


def function_name(spec: Spec, verb: str, entity: str, named: dict[str, str]) -> str:
    """Name of the function and the operation: `return_rental`, whether the verb says it or not.

    Args:
        spec: The whole application, in which the name is to be the only one.
        verb: Of the transition, operation or checkout.
        entity: Name of its entity in the code.
        named: Entity of the spec -> name in the code.
    """
    full = f"{verb}_{entity}"
    if not verb.endswith(f"_{entity}"):
        return full
    actions = [(action.value, name) for action in Action for name in named.values()]
    actions += [("get", name) for name in named.values()]
    for machine in spec.state_machines:
        actions += [(step.name, named[machine.entity]) for step in machine.transitions]
    actions += [(item.name, named[item.entity]) for item in spec.operations]
    actions += [(item.name, named[item.entity]) for item in spec.checkouts]
    return full if any(verb == f"{action}_{name}" for action, name in actions) else verb
