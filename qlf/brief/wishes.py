"""Wishes that concern the whole application: what is never deleted, the stack, what contradicts itself."""

from __future__ import annotations

import re

from qlf.brief.access import Access
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts
from qlf.brief.packstore import word_pattern, words_data
from qlf.brief.surroundings import INVITED, NO_SIGN_IN, opens_registration
from qlf.brief.tokens import Brief
from qlf.core.spec import Action, Origin, Question, Source

__all__ = ["ask_contradictions", "ask_stack", "forbid_deletion", "named_stack"]

_NO_DELETION = re.compile(
    r"\b(?:nothing (?:may|can|must|should|is) (?:ever )?be deleted|nothing is ever deleted|"
    r"no (?:records?|rows?|data|entry|entries) (?:may|can|must|should|is|are)(?: ever)? (?:be )?deleted|"
    r"(?:records|rows|data|entries) (?:can|may|must) ?(?:not|never) be deleted|never delete(?:d)? anything|"
    r"(?:deletion|deleting) is (?:forbidden|not allowed))\b",
    re.IGNORECASE,
)
_SIGN_IN = re.compile(
    r"\b(?:log(?:s|ged)? ?in|sign(?:s|ed)? ?in|login|sign-in)\b|\b(?:passwords?|authenticat\w+)\b",
    re.IGNORECASE,
)
_NOT_SIGN_IN = re.compile(
    r"\b(?:must|should|may|can|do|does|need) ?(?:not|n't|never)(?: need to)? (?:log|sign) ?in\b",
    re.IGNORECASE,
)
_SELF = re.compile(r"\bany(?:body|one) (?:can|may) (?:register|sign up|create an account)\b", re.IGNORECASE)


def forbid_deletion(brief: Brief, allowed: Access) -> bool:
    """Take the right to delete from everybody when the brief says that nothing may be deleted."""
    if not _NO_DELETION.search(brief.text):
        return False
    kept = []
    for row in allowed.permissions:
        actions = tuple(action for action in row.actions if action != Action.DELETE)
        if actions:
            kept.append(row.model_copy(update={"actions": actions}))
    allowed.permissions = kept
    return True


def named_stack(brief: Brief, facts: Facts) -> list[tuple[str, tuple[int, int]]]:
    """Languages, frameworks and databases that the brief names and that are not what is made, in order."""
    found: dict[str, tuple[int, int]] = {}
    for title, words in words_data("stack").items():
        for word in words:
            match = next(
                (
                    item
                    for item in word_pattern(str(word)).finditer(brief.lower)
                    if not facts.is_negated(item.span())
                ),
                None,
            )
            if match is not None:
                found.setdefault(str(title), match.span())
    return sorted(found.items(), key=lambda pair: pair[1])


def ask_stack(brief: Brief, facts: Facts, draft: Draft) -> None:
    """A stack that is named and not made is a question, never passed over."""
    found = named_stack(brief, facts)
    if not found:
        return
    names = [title for title, _ in found]
    said = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    draft.ask(
        Question(
            name="stack",
            text=f"The brief names {said}. May the application be made without?",
            assumption=f"Yes: it is made with Python, FastAPI and SQLAlchemy, and not with {said}.",
            change="take the name out of the brief; no other stack can be generated",
            source=Source(
                origin=Origin.BRIEF, detail="a stack that is not made", span=found[0][1], confidence=0.9
            ),
        )
    )


def ask_contradictions(brief: Brief, facts: Facts, draft: Draft) -> None:
    """Where the brief says one thing and its opposite, say which of them is taken."""
    without = NO_SIGN_IN.search(brief.text) or _NOT_SIGN_IN.search(brief.text)
    if without is not None:
        rest = (
            brief.text[: without.start()]
            + " " * (without.end() - without.start())
            + brief.text[without.end() :]
        )
        other = next((match for match in _SIGN_IN.finditer(rest)), None)
        if other is not None:
            open_ = NO_SIGN_IN.search(brief.text) is not None
            taken = "Nobody signs in" if open_ else "People sign in"
            draft.ask(
                Question(
                    name="sign_in",
                    text=f"The brief says {brief.quote(without.span())!r} and {brief.quote(other.span())!r}.",
                    assumption=f"{taken}.",
                    change="take one of the two out of the brief",
                    source=Source(
                        origin=Origin.BRIEF, detail="contradiction", span=without.span(), confidence=0.4
                    ),
                )
            )
    closed, free = INVITED.search(brief.text), _SELF.search(brief.text)
    if closed is not None and free is not None and opens_registration(brief, facts) is not None:
        draft.ask(
            Question(
                name="self_registration",
                text=f"The brief says both {brief.quote(closed.span())!r} and {brief.quote(free.span())!r}.",
                assumption="No; an administrator creates the accounts.",
                change="take one of the two out of the brief",
                source=Source(
                    origin=Origin.BRIEF, detail="contradiction", span=closed.span(), confidence=0.4
                ),
            )
        )
