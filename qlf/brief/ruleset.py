"""Turns the rules that the grammar found into rules of the spec, or into questions where none fits."""

from __future__ import annotations

import re
from decimal import Decimal

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts, RuleFact
from qlf.brief.grammar.phrases import clean_phrase
from qlf.brief.grammar.roles import role_name
from qlf.brief.grammar.rules import amount
from qlf.brief.lookup import find_entity, find_field, subject_of
from qlf.brief.naming import entity_name, field_name
from qlf.brief.wordlists import word_list
from qlf.core.spec import (
    Approval,
    Capacity,
    FieldType,
    NoOverlap,
    Ordered,
    Origin,
    OtherRule,
    Question,
    Source,
    UniqueTogether,
)
from qlf.core.words import singular

__all__ = ["apply_rules"]

_NUMERIC = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY, FieldType.DURATION)
_UNIQUE = (
    FieldType.STRING,
    FieldType.EMAIL,
    FieldType.PHONE,
    FieldType.URL,
    FieldType.INTEGER,
    FieldType.UUID,
)
_STARTS = (
    "start_date",
    "starts_at",
    "start_time",
    "start",
    "check_in",
    "scheduled_at",
    "from_date",
    "starts_on",
    "date",
)
_ENDS = ("end_date", "ends_at", "end_time", "end", "check_out", "until_date", "ends_on")
_MAX_OTHERS = 12


def apply_rules(facts: Facts, words: Vocabulary, draft: Draft) -> None:
    """Add the rules of the brief to the draft."""
    for fact in facts.rules:
        done = _APPLY[fact.kind](fact, words, draft)
        if not done:
            _other(fact.text, fact.span, subject_of(fact, words, draft), draft)
    for other in facts.others:
        entity = next(
            (name for name in (words.resolve(noun) for noun in other.nouns) if name in draft.entities), None
        )
        if entity is not None:
            _other(other.text, other.span, entity, draft)


def _source(fact: RuleFact) -> Source:
    return Source(
        origin=Origin.BRIEF, detail=f"rule of the kind {fact.kind}", span=fact.span, confidence=0.85
    )


def _unique(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    phrase = arguments["field"]
    done = False
    pieces = re.split(r",\s*|\s+and\s+", phrase)
    last = clean_phrase(pieces[-1]).split()
    targets = find_field(phrase if len(pieces) == 1 else pieces[-1], fact, words, draft)
    if arguments.get("entity"):
        entity = find_entity(arguments["entity"], words, draft)
        targets = [item for item in find_field(phrase, fact, words, draft) if entity in (None, item[0])]
    for piece in pieces[:-1]:
        # "category, supplier and store name must be unique": the last word belongs to all of them.
        targets += find_field(f"{piece} {last[-1]}" if last else piece, fact, words, draft) or find_field(
            piece, fact, words, draft
        )
    for entity, field in targets:
        if field.type in _UNIQUE:
            draft.entities[entity].fields[field.name] = field.model_copy(update={"unique": True})
            done = True
    return done


def _unique_in(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    parent = find_entity(arguments["parent"], words, draft)
    for entity, field in find_field(arguments["field"], fact, words, draft):
        link = next((item for item in draft.relations if item.from_ == entity and item.to == parent), None)
        if link is not None:
            draft.rules.append(
                UniqueTogether(
                    name=f"{entity}_{field.name}_once"[:48].rstrip("_"),
                    entity=entity,
                    of=(link.name, field.name),
                    text=fact.text,
                    source=_source(fact),
                )
            )
            return True
    return _unique(fact, words, draft) if parent is None else False


def _unique_together(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    entity = find_entity(arguments["child"], words, draft)
    if entity is None:
        return False
    of = []
    for key in ("first", "second"):
        target = find_entity(arguments[key], words, draft)
        link = next(
            (item.name for item in draft.relations if item.from_ == entity and item.to == target), None
        )
        name = link or field_name(clean_phrase(arguments[key]))
        if name is None or name not in draft.attributes(entity):
            return False
        of.append(name)
    if len(set(of)) < 2:
        return False
    draft.rules.append(
        UniqueTogether(
            name=f"one_{entity}_per_{of[0]}_{of[1]}"[:48].rstrip("_"),
            entity=entity,
            of=tuple(of),
            text=fact.text,
            source=_source(fact),
        )
    )
    return True


def _bounds(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    low, high = _limits(arguments)
    if low is None and high is None:
        return False
    done = False
    for entity, field in find_field(arguments["field"], fact, words, draft):
        if field.type not in _NUMERIC:
            continue
        update: dict[str, Decimal] = {}
        if low is not None:
            update["minimum"] = low
        if high is not None:
            update["maximum"] = high
        minimum, maximum = update.get("minimum", field.minimum), update.get("maximum", field.maximum)
        if minimum is not None and maximum is not None and minimum > maximum:
            continue
        draft.entities[entity].fields[field.name] = field.model_copy(update=update)
        done = True
    return done


def _limits(arguments: dict[str, str]) -> tuple[Decimal | None, Decimal | None]:
    word = arguments["word"].lower()
    first, second = amount(arguments.get("a", "")), amount(arguments.get("b", ""))
    negated = "not" in arguments
    if "negative" in word and (word != "negative" or negated):
        return Decimal(0), None
    if word == "positive":
        return Decimal(1) if "a" not in arguments else first, None
    if word in ("between", "from") and first is not None and second is not None and first <= second:
        return first, second
    if first is None:
        return None, None
    up = word in (
        ">=",
        "at least",
        "no less than",
        "greater than or equal to",
        ">",
        "greater than",
        "more than",
        "above",
    )
    if word in ("exceed", "not exceed"):
        return None, first
    if word == ">" or word in ("greater than", "more than", "above"):
        return (None, first) if negated else (first, None)
    if up:
        return first, None
    if negated and word in ("less than", "below", "<"):
        return first, None
    return None, first


def _capacity(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    limit = amount(arguments["number"])
    child, parent = (
        find_entity(arguments["child"], words, draft),
        find_entity(arguments["parent"], words, draft),
    )
    if (
        limit is None
        or limit < 1
        or limit != limit.to_integral_value()
        or parent is None
        or child is None
        or child == parent
    ):
        return False
    link = next((item for item in draft.relations if item.from_ == child and item.to == parent), None)
    rows = child
    if link is None:
        # "a member can borrow 3 books": the rows that count are those that link the two, such as loans.
        for item in draft.relations:
            if item.to == parent and any(
                other.from_ == item.from_ and other.to == child for other in draft.relations
            ):
                link, rows = item, item.from_
                break
    if link is None:
        return False
    machine = draft.machines.get(rows)
    running = (
        tuple(state for state in machine.states if state not in word_list("over"))
        if machine is not None
        else ()
    )
    draft.rules.append(
        Capacity(
            name=f"{rows}_limit_per_{link.name}"[:48].rstrip("_"),
            entity=rows,
            per=link.name,
            limit=int(limit),
            states=running,
            text=fact.text,
            source=_source(fact),
        )
    )
    return True


def _no_overlap(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    if any(isinstance(rule, NoOverlap) and rule.entity in draft.entities for rule in draft.rules):
        return True
    for name, entity in draft.entities.items():
        start = next((field for field in _STARTS if field in entity.fields), None)
        end = next((field for field in _ENDS if field in entity.fields), None)
        links = [
            item for item in draft.relations if item.from_ == name and item.cardinality.value == "many_to_one"
        ]
        if not start or not end or not links or entity.fields[start].type is not entity.fields[end].type:
            continue
        said = {words.resolve(entity_name(word) or "x") for word in re.findall(r"[A-Za-z][\w-]+", fact.text)}
        per = next((item for item in links if item.to in said), None) or next(
            (item for item in links if not _is_person(item.to)), links[0]
        )
        machine = draft.machines.get(name)
        states = (
            tuple(state for state in machine.states if state not in word_list("over"))
            if machine is not None
            else ()
        )
        draft.rules.append(
            NoOverlap(
                name=f"{name}_no_overlap"[:48],
                entity=name,
                per=per.name,
                start=start,
                end=end,
                states=states,
                text=fact.text,
                source=_source(fact),
            )
        )
        return True
    return False


def _is_person(name: str) -> bool:
    from qlf.brief.grammar.roles import is_person

    return is_person(name)


def _ordered(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    before = arguments["word"].lower() in ("before", "earlier than", "precede")
    swap = before != ("not" in arguments)
    for entity, one in find_field(arguments["last"], fact, words, draft):
        for other_entity, other in find_field(arguments["first"], fact, words, draft):
            if (
                entity == other_entity
                and one.name != other.name
                and one.type is other.type
                and one.type in (FieldType.DATE, FieldType.DATETIME, FieldType.TIME, *_NUMERIC)
            ):
                first, last = (one.name, other.name) if swap else (other.name, one.name)
                draft.rules.append(
                    Ordered(
                        name=f"{first}_before_{last}"[:48].rstrip("_"),
                        entity=entity,
                        first=first,
                        last=last,
                        text=fact.text,
                        source=_source(fact),
                    )
                )
                return True
    return False


def _approval(fact: RuleFact, words: Vocabulary, draft: Draft) -> bool:
    arguments = dict(fact.arguments)
    entity = find_entity(arguments["entity"], words, draft)
    above = amount(arguments["number"])
    machine = draft.machines.get(entity) if entity else None
    if entity is None or above is None or machine is None:
        return False
    money = next(
        (field for field in draft.entities[entity].fields.values() if field.type is FieldType.MONEY), None
    )
    step = next(
        (
            item
            for item in machine.transitions
            if item.name.startswith(("approve", "accept", "confirm", "authorize"))
        ),
        None,
    )
    if money is None or step is None:
        return False
    role = role_name(arguments.get("role", "")) or "admin"
    draft.rules.append(
        Approval(
            name=f"{entity}_approval"[:48],
            entity=entity,
            field=money.name,
            above=above,
            transition=step.name,
            roles=(singular(role),),
            text=fact.text,
            source=_source(fact),
        )
    )
    return True


_APPLY = {
    "unique": _unique,
    "unique_in": _unique_in,
    "unique_together": _unique_together,
    "bounds": _bounds,
    "capacity": _capacity,
    "no_overlap": _no_overlap,
    "ordered": _ordered,
    "approval": _approval,
}


def _other(text: str, span: tuple[int, int], entity: str | None, draft: Draft) -> None:
    """A rule that is kept as text, with a question that says that nothing enforces it."""
    number = sum(isinstance(rule, OtherRule) for rule in draft.rules) + 1
    if entity is None or number > _MAX_OTHERS or any(rule.text == text for rule in draft.rules):
        return
    name = f"{entity}_rule_{number}"[-48:].lstrip("_")
    source = Source(
        origin=Origin.BRIEF, detail="a rule of no kind that is enforced", span=span, confidence=0.5
    )
    draft.rules.append(OtherRule(name=name, entity=entity, text=text, source=source))
    draft.ask(
        Question(
            name=name,
            text=f"How should this be enforced: {text}",
            assumption="It is written down as text only; nothing in the application enforces it.",
            change=(
                f"replace the rule {name} with one of the kinds that are enforced, or write it by "
                f"hand in the service of {entity}"
            ),
            source=source,
        )
    )
