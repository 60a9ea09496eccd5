"""What stands around the data: kind, title, sign-in, features, overlays, pages and open questions."""

from __future__ import annotations

import re

from qlf.brief.access import Access
from qlf.brief.choose import Vocabulary, first_match
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, Span
from qlf.brief.packstore import word_pattern, words_data
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.spec import (
    App,
    AppKind,
    Auth,
    Capacity,
    Cardinality,
    Checkout,
    Feature,
    FieldType,
    NoOverlap,
    Origin,
    OverlayChoice,
    Ownership,
    Page,
    PageKind,
    Question,
    Registration,
    Source,
    Total,
)
from qlf.core.words import title

__all__ = [
    "ask_questions",
    "auth_source",
    "features_of",
    "kind_of",
    "overlays_of",
    "pages_of",
    "registration_of",
    "signs_in",
    "title_of",
]

_WEB = re.compile(
    r"\b(?:web ?sites?|web ?apps?|web applications?|web ?pages?|portal|front[- ]?end|user interface|UI|dashboard|single[- ]page|browser|responsive|screens?|color scheme|pages? for)\b",
    re.IGNORECASE,
)
_API = re.compile(
    r"\b(?:REST(?:ful)?|API|APIs|endpoints?|back[- ]?end|microservice|web service|JSON|HTTP)\b", re.IGNORECASE
)
_NO_SIGN_IN = re.compile(
    r"\b(?:no|without(?: any)?|no need (?:for|to)|(?:do|does) not (?:need|require|have)|doesn't (?:need|require|have)|don't (?:need|require))\s+(?:user )?(?:to )?(?:an? )?(?:log[- ]?in|logins?|sign[- ]?in|sign[- ]?up|authentication|authenticate|authorization|user accounts?|accounts?|auth)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:register|registers|registration|registering|sign[- ]?up|signup|create (?:an |new |their |own )*accounts?)\b",
    re.IGNORECASE,
)
_INVITED = re.compile(
    r"\b(?:invite[- ]only|invitation[- ]only|by invitation|no (?:self[- ])?registration|only (?:an )?admins? (?:can )?create accounts?|accounts are created by)\b",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\A(?:please\s+)?(?:(?:i|we)(?:'d| would)? (?:need|want|like)(?: to (?:build|create|develop|have|make))?|create|build|develop|implement|design|make|write|generate|set up|model)?\s*(?:me |us )?(?:an?|the|our|my)?\s*"
    r"(?P<title>[A-Za-z][\w' &/-]{2,60}?)(?=\s+(?:with|for|to|that|where|which|in which|using|so|including|who|and|of)\b|[.:,;(\n]|\Z)",
    re.IGNORECASE,
)  # fmt: skip


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


def signs_in(brief: Brief, facts: Facts) -> bool:
    """Whether people sign in; they do unless the brief says that they do not."""
    return not _NO_SIGN_IN.search(brief.text)


def auth_source(brief: Brief, facts: Facts) -> Source:
    """Where the decision about sign-in came from."""
    match = _NO_SIGN_IN.search(brief.text)
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
    if _INVITED.search(brief.text):
        return Registration.CLOSED
    match = next((item for item in _OPEN.finditer(brief.text) if not facts.is_negated(item.span())), None)
    if match is not None:
        return Registration.OPEN
    if words.chosen:
        return Registration(words.chosen[0].pack.registration)
    return (
        Registration.OPEN
        if any(fact.name in ("user", "member", "customer") for fact in facts.roles)
        else Registration.CLOSED
    )


def features_of(
    brief: Brief, facts: Facts, words: Vocabulary, draft: Draft, allowed: Access, auth: Auth
) -> tuple[Feature, ...]:
    """Capabilities in one word each: asked for in the brief, brought by a pack, or following from the spec."""
    found: dict[str, Feature] = {}

    # In "damage report" the word "report" names a thing that is kept, not a capability.
    phrases = tuple(
        mention.span for mention in facts.mentions if words.resolve(mention.name) in draft.entities
    )

    def add(name: str, source: Source) -> None:
        found.setdefault(name, Feature(name=name, source=source))

    for name, asked in words_data("features").items():
        if name == "no_auth":
            continue
        span = next(
            (
                place
                for place in (first_match(brief, facts, str(word), outside=phrases) for word in asked)
                if place
            ),
            None,
        )
        if span is not None:
            add(name, Source(origin=Origin.BRIEF, detail="asked for", span=span, confidence=0.85))
    for item in words.chosen[:2]:
        for name, feature in item.pack.features.items():
            span = next(
                (place for place in (first_match(brief, facts, word) for word in feature.when) if place), None
            )
            if (not feature.when or span) and all(entity in draft.entities for entity in feature.needs):
                add(name, item.pack.source("usual in the domain", 0.7))
    for name, why in _following(facts, draft, allowed, auth):
        add(name, Source(origin=Origin.DEFAULT, detail=why, confidence=0.8))
    if not auth.enabled:
        for name in ("auth", "registration", "rbac", "ownership"):
            found.pop(name, None)
        match = _NO_SIGN_IN.search(brief.text)
        add(
            "no_auth",
            Source(
                origin=Origin.BRIEF, detail="asked for", span=match.span() if match else None, confidence=0.9
            ),
        )
    return tuple(found.values())


def _following(facts: Facts, draft: Draft, allowed: Access, auth: Auth) -> list[tuple[str, str]]:
    """Features that the spec shows by itself."""
    entities = list(draft.entities.values())
    checks: list[tuple[str, bool, str]] = [
        ("crud", any(entity.routes for entity in entities), "every entity has its routes"),
        ("auth", auth.enabled, "people sign in"),
        (
            "registration",
            auth.enabled
            and auth.registration is Registration.OPEN
            and any(entity.account for entity in entities),
            "people register themselves",
        ),
        ("openapi", any(entity.account for entity in entities), "the contract is published"),
        (
            "rbac",
            len([role for role in allowed.roles if role.source and role.source.origin is Origin.BRIEF]) > 1
            or len(allowed.roles) > 3,
            "the roles may do different things",
        ),
        (
            "ownership",
            any(
                entity.ownership is Ownership.USER and entity.source and entity.source.origin is Origin.BRIEF
                for entity in entities
            ),
            "rows belong to accounts",
        ),
        (
            "state_machine",
            any(len(machine.states) > 2 and _asked(machine.source) for machine in draft.machines.values()),
            "rows go through states",
        ),
        (
            "enum_status",
            any(_asked(machine.source) for machine in draft.machines.values()),
            "rows have a status",
        ),
        (
            "checkout",
            any(isinstance(item, Checkout) for item in draft.checkouts),
            "a row with lines is turned into another",
        ),
        (
            "no_overlap",
            any(isinstance(rule, NoOverlap) and _asked(rule.source) for rule in draft.rules),
            "periods do not overlap",
        ),
        (
            "totals",
            any(isinstance(rule, Total) and _asked(rule.source) for rule in draft.rules),
            "totals are computed",
        ),
        (
            "unique_constraints",
            any(fact.kind in ("unique", "unique_in", "unique_together") for fact in facts.rules),
            "values are unique",
        ),
        ("validation_rules", sum(fact.kind == "bounds" for fact in facts.rules) > 0, "values have bounds"),
        (
            "many_to_many",
            any(
                item.cardinality is Cardinality.MANY_TO_MANY and _asked(item.source)
                for item in draft.relations
            ),
            "both sides have many",
        ),
        (
            "limit_rule",
            any(isinstance(rule, Capacity) and _asked(rule.source) for rule in draft.rules),
            "numbers of rows are limited",
        ),
    ]
    return [(name, why) for name, holds, why in checks if holds]


def _asked(source: Source | None) -> bool:
    return source is not None and source.origin is Origin.BRIEF


def overlays_of(brief: Brief, facts: Facts, words: Vocabulary) -> tuple[OverlayChoice, ...]:
    """Overlays that the brief names, and with less confidence those that its words or the domain imply."""
    found: dict[str, OverlayChoice] = {}
    for name, value in words_data("overlays").items():
        if _excluded(brief, facts, [str(word) for word in value["named"]]):
            continue
        for word in value["named"]:
            span = first_match(brief, facts, str(word))
            if span is not None and name not in found:
                found[name] = OverlayChoice(
                    name=name,
                    confidence=0.98,
                    reason=f"the brief names it: {brief.quote(span)}",
                    source=Source(origin=Origin.BRIEF, detail="named", span=span, confidence=0.98),
                )
        sure: tuple[float, Span | None] = (0.0, None)
        for word, confidence in value["implied"].items():
            span = first_match(brief, facts, str(word))
            if span is not None and float(confidence) > sure[0]:
                sure = (float(confidence), span)
        if name not in found and sure[1] is not None and sure[0] >= 0.5:
            found[name] = OverlayChoice(
                name=name,
                confidence=sure[0],
                reason=f"implied by the words {brief.quote(sure[1])!r}",
                source=Source(origin=Origin.BRIEF, detail="implied", span=sure[1], confidence=sure[0]),
            )
        for item in words.chosen[:1]:
            if name not in found and name in item.pack.overlays:
                found[name] = OverlayChoice(
                    name=name,
                    confidence=item.pack.overlays[name],
                    reason=f"usual in the domain {item.pack.domain}",
                    source=item.pack.source("usual in the domain", item.pack.overlays[name]),
                )
    return tuple(found.values())


def _excluded(brief: Brief, facts: Facts, named: list[str]) -> bool:
    """Whether the brief names it only to say that it does not apply."""
    matches = [match.span() for word in named for match in word_pattern(word).finditer(brief.lower)]
    return bool(matches) and all(facts.is_negated(span) for span in matches)


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


def ask_questions(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft, app: App, auth: Auth) -> None:
    """Add what the brief left open to the questions of the draft."""
    default = Source(origin=Origin.DEFAULT, detail="left open by the brief", confidence=0.6)
    if auth.enabled and not (_OPEN.search(brief.text) or _INVITED.search(brief.text)):
        is_open = auth.registration is Registration.OPEN
        draft.ask(
            Question(
                name="registration", text="May anybody create an account?",
                assumption="Yes; a new account gets the default role." if is_open else "No; an administrator creates the accounts.",
                change=f"set auth.registration to {'closed' if is_open else 'open'}", source=default,
            )
        )  # fmt: skip
    for item in words.chosen[:1]:
        for name, question in item.pack.questions.items():
            if all(entity in draft.entities for entity in question.needs):
                draft.ask(
                    Question(
                        name=name,
                        text=question.text,
                        assumption=question.assumption,
                        change=question.change,
                        source=item.pack.source("left open", 0.7),
                    )
                )
    money = next(
        (
            entity.name
            for entity in draft.entities.values()
            for field in entity.fields.values()
            if field.type is FieldType.MONEY
        ),
        None,
    )
    if money and not re.search(
        r"\b(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|currency|currencies)\b|[€$£]", brief.text
    ):
        draft.ask(
            Question(
                name="currency",
                text="In which currency are amounts?",
                assumption="All amounts are in one currency, which the application does not name.",
                change="add a field currency to the entities with amounts",
                source=default,
            )
        )
    guessed = [
        entity.name
        for entity in draft.entities.values()
        if any(f.source and f.source.origin is Origin.DEFAULT for f in entity.fields.values())
    ]
    for name in guessed[:8]:
        draft.ask(
            Question(
                name=f"fields_of_{name}"[:48].rstrip("_"), text=f"What should be kept about each {title(name).lower()}?",
                assumption=f"The usual: {', '.join(draft.entities[name].fields)}.", change=f"edit the fields of the entity {name}", source=default,
            )
        )  # fmt: skip
    uploads = [
        f"{entity.name}.{field}"
        for entity in draft.entities.values()
        for field in entity.fields
        if field.endswith(
            ("photo_url", "image_url", "document_url", "file_url", "attachment_url", "picture_url")
        )
    ]
    if uploads:
        draft.ask(
            Question(
                name="uploads",
                text="Should files be uploaded into the application?",
                assumption=f"Files stay where they are; {uploads[0]} holds their address.",
                change=f"replace the field {uploads[0]}",
                source=default,
            )
        )
