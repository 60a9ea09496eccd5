"""What stands around the data: kind, title, sign-in, features, overlays, pages and open questions."""

from __future__ import annotations

import re

from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, Span
from qlf.brief.grammar.roles import is_person
from qlf.brief.grammar.tags import Tag, base_class, tag
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list
from qlf.core.spec import (
    App,
    AppKind,
    Origin,
    Page,
    PageKind,
    Registration,
    Source,
)
from qlf.core.words import singular, title

__all__ = [
    "INVITED",
    "NO_SIGN_IN",
    "auth_source",
    "kind_of",
    "opens_registration",
    "pages_of",
    "registration_of",
    "signs_in",
    "title_of",
]

_WEB = re.compile(
    (
        r"\b(?:web ?sites?|web ?apps?|web applications?|web ?pages?|portal|front[- ]?end|user "
        r"interface|UI|dashboard|single[- ]page|browser|responsive|screens?|color scheme|"
        r"pages? for)\b"
    ),
    re.IGNORECASE,
)
_API = re.compile(
    r"\b(?:REST(?:ful)?|API|APIs|endpoints?|back[- ]?end|microservice|web service|JSON|HTTP)\b", re.IGNORECASE
)
NO_SIGN_IN = re.compile(
    (
        r"\b(?:no|without(?: any)?|no need (?:for|to)|(?:do|does) not (?:need|require|have)|"
        r"doesn't (?:need|require|have)|don't (?:need|require))\s+(?:user )?(?:to )?(?:an? "
        r")?(?:log[- ]?in|logins?|sign[- ]?in|sign[- ]?up|authentication|authenticate|"
        r"authorization|user accounts?|accounts?|auth)\b"
    ),
    re.IGNORECASE,
)
_OPEN = re.compile(
    (
        r"\b(?:(?P<register>registers?|registering)|(?P<registration>registration)|sign(?:s|ing)?[- ]?up|"
        r"create (?:an |new |their |own )*accounts?)\b"
    ),
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"\s+(?!(?:(?:new|their|the|an?|other)\s+)*(?:users?|accounts?|members?|customers?|with|via|using|and|to|on|"
    r"as|for|themselves|here|by|through|or|online|first|at|in|if|when|then|before|endpoint)\b)[a-z]",
    re.IGNORECASE,
)
_THING = re.compile(r"(?P<word>[A-Za-z]+)\s+\Z")
INVITED = re.compile(
    (
        r"\b(?:invite[- ]only|invitation[- ]only|by invitation|no (?:self[- ])?registration|"
        r"only (?:an )?admins? (?:can )?create accounts?|accounts are created by)\b"
    ),
    re.IGNORECASE,
)
_TITLE = re.compile(
    (
        r"\A(?:please\s+)?(?:(?:i|we)(?:'d| would)? (?:need|want|like)(?: to (?:build|create|"
        r"develop|have|make|track|manage|keep track of))?|keep track of|track|manage|record|"
        r"organi[sz]e|create|build|develop|implement|design|make|write|generate|set "
        r"up|model)?\s*(?:me |us )?(?:an?|the|our|my)?\s*"
        r"(?P<title>[A-Za-z][\w' &/-]{2,60}?)(?=\s+(?:with|for|to|that|where|which|in which|"
        r"using|so|including|who|and|of)\b|[.:,;(\n]|\Z)"
    ),
    re.IGNORECASE,
)


def opens_registration(brief: Brief, facts: Facts) -> Span | None:
    """Where the brief lets people make accounts; who registers a product or a vehicle makes none."""
    for match in _OPEN.finditer(brief.text):
        if facts.is_negated(match.span()):
            continue
        if match["register"] and _OBJECT.match(brief.text, match.end()):
            continue
        if match["registration"]:
            lead = _THING.search(brief.text, max(0, match.start() - 40), match.start())
            word = lead["word"].lower() if lead else ""
            person = is_person(singular(word)) or word in ("user", "self", "account", "login", "email")
            if word and base_class(word) is Tag.NOUN and not person:
                continue
            if re.match(
                r"\s+(?:number|plate|fee|date|of (?!users?|new|accounts?|members?))",
                brief.text[match.end() :],
            ):
                continue
        return match.span()
    return None


def kind_of(brief: Brief, facts: Facts) -> AppKind:
    """`web` when the brief speaks of pages or a site, `api` when it speaks of an API or of neither."""
    web = [match for match in _WEB.finditer(brief.text) if not facts.is_negated(match.span())]
    api = [match for match in _API.finditer(brief.text) if not facts.is_negated(match.span())]
    if api and (not web or api[0].start() < web[0].start()):
        return AppKind.API
    return AppKind.WEB if web else AppKind.API


def title_of(brief: Brief, words: Vocabulary, draft: Draft) -> str:
    """A short title: the brief's own words for the application, else the domain's."""
    lines = brief.text.split("\n")
    head = lines[0].lstrip("#* ").strip()
    match = _TITLE.match(head)
    found = re.sub(r"[^\w' &/-]", "", match["title"]).strip(" -&/'") if match else ""
    small = found.lower().split()
    if found and any(
        item.tag in (Tag.VERB, Tag.AUX, Tag.MODAL, Tag.PRON) or "/" in item.word.text
        for item in tag(Sentence(found, 0))
    ):
        found, small = "", []
    general = all(word in word_list("general") for word in small)
    weak = (
        general
        or len(small) < 2
        or len(small) > 6
        or any(
            word
            in (
                "can",
                "should",
                "must",
                "will",
                "is",
                "are",
                "has",
                "have",
                "rent",
                "keep",
                "users",
                "we",
                "i",
            )
            for word in small
        )
    )
    if found and not (weak and words.chosen) and not general and len(found) >= 3:
        return found[:1].upper() + found[1:60]
    if words.chosen:
        return words.chosen[0].pack.title
    return f"{title(next(iter(draft.entities)))} records"


def signs_in(brief: Brief) -> bool:
    """Whether people sign in; they do unless the brief says that they do not."""
    return not NO_SIGN_IN.search(brief.text)


def auth_source(brief: Brief, facts: Facts) -> Source:
    """Where the decision about sign-in came from."""
    match = NO_SIGN_IN.search(brief.text)
    span = (
        match.span()
        if match
        else next(
            (
                first_match(brief, facts, word)
                for word in (
                    "authentication",
                    "login",
                    "log in",
                    "sign in",
                    "register",
                    "registration",
                    "account",
                    "role",
                )
                if first_match(brief, facts, word)
            ),
            None,
        )
    )
    if span:
        return Source(origin=Origin.BRIEF, detail="sign-in", span=span, confidence=0.9)
    return Source(origin=Origin.DEFAULT, detail="rows of people need people who sign in", confidence=0.6)


def registration_of(brief: Brief, facts: Facts, words: Vocabulary) -> Registration:
    """Open when the brief lets people register, or when that is usual in the domain."""
    if INVITED.search(brief.text):
        return Registration.CLOSED
    if opens_registration(brief, facts) is not None:
        return Registration.OPEN
    if words.chosen:
        return Registration(words.chosen[0].pack.registration)
    return (
        Registration.OPEN
        if any(fact.name in ("user", "member", "customer") for fact in facts.roles)
        else Registration.CLOSED
    )


def pages_of(app: App, draft: Draft) -> tuple[Page, ...]:
    """A list, a form and a detail page for every entity of a web application."""
    if app.kind is not AppKind.WEB:
        return ()
    source = Source(
        origin=Origin.DEFAULT, detail="every entity of a web application has them", confidence=0.6
    )
    pages = []
    for name, entity in draft.entities.items():
        if entity.routes:
            kinds = (
                (PageKind.LIST, PageKind.DETAIL)
                if entity.append_only
                else (PageKind.LIST, PageKind.DETAIL, PageKind.FORM)
            )
            pages += [
                Page(name=f"{name}_{kind.value}"[-48:], kind=kind, entity=name, source=source)
                for kind in kinds
            ]
    return tuple(pages)
