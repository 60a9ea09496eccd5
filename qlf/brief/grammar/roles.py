"""Who uses the application and what each of them does."""

from __future__ import annotations

import re

from qlf.brief.facts import ActFact, Facts, RoleFact, Span
from qlf.brief.grammar.items import split_list
from qlf.brief.grammar.phrases import Chunk, chunks, clean_phrase, of_target
from qlf.brief.grammar.tags import Tag
from qlf.brief.naming import entity_name, safe_entity
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list

__all__ = ["find_roles", "is_person", "role_name"]

_STORY = re.compile(r"\bas an? ([a-z][\w -]{1,40}?)\s*(?:,|:|(?=\bi\b)|(?= we\b))", re.IGNORECASE)
_LISTED = re.compile(
    (
        r"\b(?:(?:user |the |two |three |four |five |different |these |following )*roles?|"
        r"user types?|types of users?|actors?)\b(?:\s+(?:in the system|are|include|includes|"
        r"such as|like|for|of|based on|with))*\s*[:;,-]?\s*(?P<list>(?:[\w "
        r"-]+?(?:\([^)]*\))?(?:\s*,\s*|\s+and\s+|\s*/\s*|\s+or\s+))+[\w -]+)"
    ),
    re.IGNORECASE,
)
_USERS = re.compile(r"\b(?:users|accounts)\s*\(([^)]+)\)", re.IGNORECASE)
_SYNONYM = {
    "administrator": "admin",
    "administrators": "admin",
    "superuser": "admin",
    "super_admin": "admin",
    "system_admin": "admin",
    "super_administrator": "admin",
    "system_administrator": "admin",
    "end_user": "user",
    "regular_user": "user",
    "normal_user": "user",
    "registered_user": "user",
    "authenticated_user": "user",
    "personnel": "staff",
    "staff_member": "staff",
    "team_member": "team_member",
}


def is_person(name: str) -> bool:
    """Whether the name stands for people who act."""
    head = name.rpartition("_")[2]
    return (
        head in word_list("persons")
        or head in word_list("extra")
        or name in word_list("extra")
        or name in _SYNONYM
    )


def role_name(phrase: str) -> str | None:
    """The role that a phrase stands for, or `None`."""
    name = entity_name(clean_phrase(phrase))
    if name is None:
        return None
    name = re.sub(
        r"\A(?:registered|authenticated|logged_in|regular|normal|new|guest_user|authorized|authorised)_",
        "",
        name,
    )
    name = _SYNONYM.get(name, name)
    if name != safe_entity(name) and name not in ("user", "principal"):
        return None
    return None if (name in word_list("not_roles") and name != "user") or name == "public" else name


def find_roles(brief: Brief, facts: Facts) -> None:
    """Add roles and what they do."""
    speaker: str | None = None
    for sentence in brief.sentences:
        match = _STORY.search(sentence.text)
        if match:
            speaker = role_name(match[1])
            if speaker and (is_person(speaker) or len(speaker.split("_")) <= 2):
                facts.roles.append(
                    RoleFact(speaker, _span(sentence, match.span(1)), "speaks in a user story")
                )
            else:
                speaker = None
        elif not sentence.bullet and not re.match(r"I\b", sentence.text):
            speaker = None
        _listed(sentence, facts)
        _subjects(sentence, facts, speaker)


def _span(sentence: Sentence, span: tuple[int, int]) -> Span:
    return sentence.start + span[0], sentence.start + span[1]


def _listed(sentence: Sentence, facts: Facts) -> None:
    match = _LISTED.search(sentence.text)
    found = [(match["list"], match.start("list"))] if match else []
    found += [(other[1], other.start(1)) for other in _USERS.finditer(sentence.text)]
    for text, begin in found:
        members = split_list(text.replace("/", ","))
        names = [(role_name(member.text), member) for member in members]
        people = [name for name, _ in names if name and is_person(name)]
        if not people or len(people) * 2 < len(names):
            continue
        for name, member in names:
            if name and len(name.split("_")) <= 3 and is_person(name):
                facts.roles.append(
                    RoleFact(
                        name,
                        _span(sentence, (begin + member.start, begin + member.end)),
                        "listed as a role",
                        listed=True,
                    )
                )


def _subjects(sentence: Sentence, facts: Facts, speaker: str | None) -> None:
    items = chunks(sentence)
    subjects: list[tuple[str, Span]] = []
    pending: list[tuple[str, Span]] = []
    verbs: list[str] = []
    own = False
    for index, item in enumerate(items):
        if item.tag is Tag.NOUN:
            name = role_name(item.lower)
            following = next((other for other in items[index + 1 :] if other.tag is not Tag.ADV), None)
            acts = following is not None and (
                following.tag in (Tag.MODAL, Tag.VERB)
                or (
                    following.tag is Tag.AUX
                    and index + 2 < len(items)
                    and items[index + 2].lower in ("able", "allowed", "to")
                )
            )
            joined = (
                following is not None
                and following.lower in ("and", ",", "or", "/")
                and name is not None
                and is_person(name)
            )
            if name and (acts or joined) and is_person(name) and not (verbs and _is_object(items, index)):
                pending.append((name, item.span))
                if acts:
                    subjects, pending, verbs = pending, [], []
                    for role, span in subjects:
                        if not facts.is_negated(span):
                            facts.roles.append(RoleFact(role, span, "does something"))
                continue
            pending = []
            if verbs and (subjects or speaker):
                target = items[of_target(items, index)]
                own = (
                    own
                    or target.det in ("their", "my", "own", "his", "her")
                    or any(
                        other.lower in ("own", "their", "my") for other in items[max(0, index - 2) : index]
                    )
                )
                for verb in verbs:
                    for role, _ in subjects or ([(speaker, item.span)] if speaker else []):
                        facts.acts.append(ActFact(role, verb, target.name, target.span, own))
                own = False
        elif item.tag is Tag.VERB:
            if verbs and index and items[index - 1].tag is Tag.NOUN:
                verbs = []
            verbs.append(item.base)
            pending = []
        elif (item.tag is Tag.PRON and item.lower in ("i", "they", "we")) or item.lower in (";", ":"):
            verbs = []
        elif item.lower in (",", "and", "or") and index and items[index - 1].tag is Tag.NOUN:
            # The next word decides: another verb starts a new clause, another noun continues the list.
            following = items[index + 1] if index + 1 < len(items) else None
            if following is not None and following.tag is Tag.VERB:
                verbs = []
        elif index and item.lower in ("for", "with", "by", "from", "to") and items[index - 1].tag is Tag.NOUN:
            verbs = []


def _is_object(items: list[Chunk], index: int) -> bool:
    """A person right after a verb, as in `assign tasks to members`, is an object, not a subject."""
    return (
        index > 0
        and items[index - 1].tag in (Tag.VERB, Tag.PREP, Tag.DET)
        and not any(other.tag is Tag.MODAL for other in items[index + 1 : index + 2])
    )
