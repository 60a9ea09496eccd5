"""Field lists: `customers with name and e-mail`, `Product: id, name (unique)`, bullets."""

from __future__ import annotations

import re

from qlf.brief.facts import Facts, FieldFact, Mention, Span
from qlf.brief.grammar.items import Item, parse_hints, split_list
from qlf.brief.grammar.phrases import Chunk, chunks, clean_phrase, of_target
from qlf.brief.grammar.tags import Tag, base_verb
from qlf.brief.lexicon import TYPE_WORDS, is_known, make_field
from qlf.brief.naming import entity_name, field_name
from qlf.brief.tokens import Brief, Sentence
from qlf.brief.wordlists import word_list
from qlf.core.spec import Origin, Source
from qlf.core.words import singular

__all__ = ["find_fields"]


def find_fields(brief: Brief, facts: Facts) -> None:
    """Add the field lists of the brief to the facts."""
    for sentence in brief.sentences:
        if sentence.text.startswith("|"):
            continue
        items = chunks(sentence)
        if _heading_bullet(sentence, facts):
            continue
        if _colon(sentence, facts):
            continue
        _parentheses(sentence, items, facts)
        _triggers(sentence, items, facts)


def _triggers(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    for index, item in enumerate(items):
        if item.lower not in word_list("trigger") or item.tag is Tag.NOUN:
            continue
        owner = _owner(items, index)
        if owner is None:
            continue
        begin = item.span[1] - sentence.start
        text = sentence.text[begin:]
        text, begin = _past(
            text,
            begin,
            (
                r"\s*(?:(?:been|to (?:have|store|include)|of|the following|following|fields?|"
                r"attributes?|at least|information about|information like|details like|such as|like|"
                r"properties)\b:?|[:-])"
            ),
        )
        final = next(
            (
                other
                for other in items[index + 1 :]
                if other.lower in word_list("trigger") and other.tag is not Tag.NOUN
            ),
            None,
        )
        if final is not None and final.span[0] - sentence.start > begin:
            text = text[: final.span[0] - sentence.start - begin]
        _take(owner, text, sentence.start + begin, facts, loose=item.lower == "with")


def _of_things(members: list[Item]) -> bool:
    """Whether a list names things, not fields: two plurals that are no usual field, half of the list."""
    plain = [
        clean_phrase(member.text).lower() for member in members if not member.note and ":" not in member.text
    ]
    many = [
        text
        for text in plain
        if text.endswith("s")
        and not text.endswith(("ss", "us", "is", "notes", "hours", "address", "skills", "interests"))
        and not is_known(field_name(text) or "")
    ]
    return len(many) >= 2 and len(many) * 2 >= len(members)


def _past(text: str, begin: int, pattern: str) -> tuple[str, int]:
    while (match := re.match(pattern, text, re.IGNORECASE)) and match.end() > 0:
        text, begin = text[match.end() :], begin + match.end()
    return text, begin


def _owner(items: list[Chunk], index: int) -> Chunk | None:
    """The noun phrase that the list is about: right before the trigger, or the subject of the sentence."""
    step = index - 1
    while step >= 0 and (
        items[step].lower in ("that", "which", "who", "also", "may", "can", "must", "should", "will", "each")
        or items[step].tag in (Tag.MODAL, Tag.ADV)
    ):
        step -= 1
    if step >= 0 and items[step].tag is Tag.NOUN:
        return items[of_target(items, step)]
    if (
        step >= 0
        and items[step].lower in (",", "and", ")")
        and items[index].lower in ("has", "have", "includes", "contains")
    ):
        return next((item for item in items[:index] if item.tag is Tag.NOUN), None)
    return None


def _parentheses(sentence: Sentence, items: list[Chunk], facts: Facts) -> None:
    for index, item in enumerate(items[:-1]):
        if item.tag is not Tag.NOUN or items[index + 1].lower != "(" or not item.name:
            continue
        begin = items[index + 1].span[1] - sentence.start
        depth, end = 1, begin
        while end < len(sentence.text) and depth:
            depth += {"(": 1, ")": -1}.get(sentence.text[end], 0)
            end += 1
        inside = sentence.text[begin : end - 1 if depth == 0 else end]
        members = split_list(inside)
        known = [
            member
            for member in members
            if is_known(field_name(clean_phrase(member.text.partition(":")[0])) or "")
        ]
        if len(members) >= 2 and len(known) * 2 > len(members) and not is_known(singular(item.name)):
            _take(item, inside, sentence.start + begin, facts, loose=False)


def _colon(sentence: Sentence, facts: Facts) -> bool:
    match = re.match(
        r"[*_`\"]*([A-Za-z][\w -]{1,40}?)[*_`\"]*\s*(?:\([^)]*\))?\s*(?::|->|\u2014|\u2013| - )\s*(?=\S)",
        sentence.text,
    )
    if not match or len(match[1].split()) > 4:
        return False
    owner = clean_phrase(
        re.sub(
            r"\b(?:fields?|attributes|entity|table|model|has|have|with)\b", "", match[1], flags=re.IGNORECASE
        )
    )
    parts = owner.split()
    adjectives = word_list("class_adj")
    while (
        len(parts) > 1
        and parts[-1].lower() in word_list("light_heads")
        and not all(part.lower() in adjectives for part in parts[:-1])
    ):
        parts.pop()
    owner = " ".join(parts)
    name = entity_name(owner)
    if (
        name is None
        or name in word_list("stop_items")
        or owner.lower()
        in word_list("noise")
        - {"user", "users", "role", "session", "record", "team", "organization", "company", "person"}
    ):
        return False
    rest = sentence.text[match.end() :]
    members = split_list(rest)
    if _of_things(members) or (members and re.match(r"(?:with|that has|having)\b", members[0].tail)):
        return False
    good = [member for member in members if _plausible(member)]
    known = [
        member
        for member in good
        if is_known(_member_name(member)[0] or "")
        or _member_name(member)[0] in word_list("skip")
        or member.note
    ]
    if len(members) < 2 or len(good) < len(members) * 0.7 or len(known) * 2 < len(members):
        return False
    chunk = Chunk(
        Tag.NOUN, name, name.rpartition("_")[2], (sentence.start, sentence.start + match.end(1)), plural=False
    )
    _take(chunk, rest, sentence.start + match.end(), facts, loose=False)
    return True


def _heading_bullet(sentence: Sentence, facts: Facts) -> bool:
    """A bullet that is one field, below a line that names the entity."""
    if not sentence.bullet or not sentence.heading:
        return False
    heading = re.sub(
        r"\b(?:fields?|attributes|entity|table|model|has|have|with|the|following|properties|contains)\b",
        "",
        sentence.heading,
        flags=re.IGNORECASE,
    )
    owner = clean_phrase(heading)
    name = entity_name(owner)
    if name is None or len(owner.split()) > 3 or owner.lower() in word_list("noise") - {"user", "users"}:
        return False
    members = split_list(sentence.text)
    if (len(members) != 1 or not _plausible(members[0])) and ":" not in sentence.text:
        return False
    raw = re.split(r"[:(]", sentence.text, maxsplit=1)[0]
    rest = sentence.text.partition(":")[2]
    member = _split_item(sentence.text)
    label, _ = _member_name(member)
    if (
        label is None
        or len(clean_phrase(raw).split()) > 3
        or (base_verb(raw.split()[0].lower() if raw.split() else "") and not is_known(label))
    ):
        return False
    if not (is_known(label) or member.note or rest.strip().split(" ")[0].strip("(,").lower() in TYPE_WORDS):
        return False
    span = (sentence.start, sentence.end)
    _field(name, member, span, facts)
    facts.mentions.append(Mention(name, span, 1.5, "a list of its fields"))
    return True


def _split_item(text: str) -> Item:
    members = split_list(text)
    if members and members[0].note:
        return members[0]
    head, sign, rest = text.partition(":")
    return Item(head.strip() + (": " + rest.strip() if sign else ""), "", 0, len(text))


def _take(owner: Chunk, text: str, begin: int, facts: Facts, *, loose: bool) -> None:
    members = []
    for member in split_list(text):
        if not _plausible(member) or re.match(
            r"(?:is|are|was|were|has|have|will|can)\b", member.tail, re.IGNORECASE
        ):
            break
        members.append(member)
        if re.search(
            r"\A(?:so|when|if|because|while|to)\b|\b(?:can|should|must) (?!be)", member.tail, re.IGNORECASE
        ):
            break
    if not members or not owner.name:
        return
    managed = bool(owner.light) and loose
    if owner.head in word_list("technical"):
        return
    if singular(owner.head) in word_list("app_nouns") or owner.lower in word_list("noise") or managed:
        # The parts of an application are candidates for entities, not fields of it.
        if singular(owner.head) in word_list("app_nouns") | {"functionality", "functionalities"} or managed:
            for member in members:
                _part(member, begin, facts)
        if managed or singular(owner.head) not in ("user", "product", "project", "company", "agency"):
            return
    if loose and _of_things(members):
        return
    names = [_member_name(member)[0] for member in members]
    known = sum(1 for name in names if name and (is_known(name) or name in word_list("skip")))
    if loose and known == 0 and not any(member.note for member in members):
        # "book a table with friends": nothing here looks like a field; entities may still be meant.
        for member in members:
            _fact(owner.name, member, begin, facts)
        return
    facts.mentions.append(
        Mention(
            singular(owner.name),
            owner.span,
            1.5 if known >= 2 or len(members) > 2 else 0.9,
            "a list of its fields",
        )
    )
    for member in members:
        _fact(owner.name, member, begin, facts)


def _part(member: Item, begin: int, facts: Facts) -> None:
    parts = clean_phrase(member.text).split()
    managed = False
    while len(parts) > 1 and parts[-1].lower() in word_list("light_heads"):
        managed = parts.pop().lower() == "management" or managed
    phrase = " ".join(parts)
    name = entity_name(phrase)
    if name and phrase.lower() not in word_list("noise") and len(phrase.split()) <= 3 and not is_known(name):
        span = (begin + member.start, begin + member.end)
        facts.mentions.append(
            Mention(
                name,
                span,
                1.0 if managed else 0.8,
                "named as something to manage" if managed else "named as a part of the application",
                plural=phrase.endswith("s"),
            )
        )


def _fact(owner: str, member: Item, begin: int, facts: Facts) -> None:
    _field(owner, member, (begin + member.start, begin + member.end), facts)


def _field(owner: str, member: Item, span: Span, facts: Facts) -> None:
    name, typed = _member_name(member)
    if name is None or name in word_list("skip") or name in word_list("stop_items"):
        return
    if clean_phrase(member.text.partition(":")[0]).lower().replace(" ", "_") in word_list("skip"):
        return
    hints = parse_hints(", ".join(part for part in (typed, member.note) if part))
    if member.tail:
        tail = parse_hints(member.tail, choices=False)
        hints = hints.joined(tail)
    front = member.text.lower()
    if re.match(r"(?:an? )?optional", front):
        hints = hints.joined(parse_hints("optional"))
    if re.match(r"(?:an? )?(?:unique)", front):
        hints = hints.joined(parse_hints("unique"))
    phrase = clean_phrase(member.text.partition(":")[0]).lower()
    plural = phrase.endswith("s") and not phrase.endswith(("ss", "us", "is"))
    explicit = bool(typed) or hints.has_type
    source = Source(origin=Origin.BRIEF, detail="field list", span=span, confidence=0.95)
    field = make_field(
        name, hints=hints, person=singular(owner).rpartition("_")[2] in word_list("persons"), source=source
    )
    facts.fields.append(FieldFact(singular(owner), name, plural, field, span, explicit))


def _member_name(member: Item) -> tuple[str | None, str]:
    """The field name and the type words of a list member."""
    text, _, typed = member.text.partition(":")
    words = clean_phrase(text).split()
    if (
        not typed
        and len(words) >= 2
        and words[-1].lower() in TYPE_WORDS
        and (
            member.note
            or (
                len(words) == 2
                and words[-1].lower()
                in ("string", "int", "integer", "decimal", "boolean", "bool", "datetime", "text", "float")
            )
        )
    ):
        typed = words.pop()
    if "of" in words[1:] and not is_known(field_name(" ".join(words)) or ""):
        # "e-mail of the owner" is an e-mail; "date of birth" is a field as it stands.
        front = words[: words.index("of", 1)]
        words = front if is_known(field_name(" ".join(front)) or "") else words
    if len(words) > 1 and words[-1].lower() in ("of", "is"):
        words.pop()
    return field_name(" ".join(words)), typed.strip()


def _plausible(member: Item) -> bool:
    text = member.text.partition(":")[0]
    if re.match(r"(?:at most|at least|up to|no more than|a maximum of|only)\s+\w", text, re.IGNORECASE):
        return False
    words = clean_phrase(text).split()
    if not 1 <= len(words) <= 4 or not words[0][0].isalpha():
        return False
    if any(
        word.lower()
        in ("i", "we", "you", "they", "it", "can", "must", "should", "is", "are", "will", "not", "be", "then")
        for word in words
    ):
        return False
    first = base_verb(words[0].lower())
    if (
        first
        and len(words) > 1
        and first[1] == ""
        and not is_known(field_name(" ".join(words)) or "")
        and words[0].lower() not in word_list("nounish")
    ):
        return False
    second = base_verb(words[1].lower()) if len(words) > 1 else None
    return not (second and words[0].lower().endswith("s") and second[1] == "")
