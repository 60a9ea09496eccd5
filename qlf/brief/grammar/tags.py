"""A small word-class tagger: closed classes and verbs by list, everything else is a noun."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from qlf.brief.tokens import Sentence, Word
from qlf.brief.wordlists import word_list
from qlf.core.words import singular

__all__ = ["Tag", "Tagged", "base_class", "base_verb", "tag"]


class Tag(StrEnum):
    """The word classes that the grammar tells apart."""

    DET = "det"
    PREP = "prep"
    CONJ = "conj"
    PRON = "pron"
    MODAL = "modal"
    AUX = "aux"
    ADV = "adv"
    ADJ = "adj"
    VERB = "verb"
    PARTICIPLE = "participle"
    GERUND = "gerund"
    NOUN = "noun"
    NUMBER = "number"
    SIGN = "sign"


@lru_cache(maxsize=1)
def _closed() -> dict[str, Tag]:
    """The words of the closed classes; a word of several has the last one."""
    classes = (Tag.DET, Tag.PREP, Tag.CONJ, Tag.PRON, Tag.MODAL, Tag.AUX, Tag.ADV, Tag.ADJ)
    return {word: kind for kind in classes for word in word_list(f"class_{kind.value}")}


_IRREGULAR = {
    "made": "make",
    "bought": "buy",
    "sold": "sell",
    "sent": "send",
    "paid": "pay",
    "kept": "keep",
    "lent": "lend",
    "taken": "take",
    "given": "give",
    "written": "write",
    "brought": "bring",
    "held": "hold",
    "found": "find",
    "seen": "see",
    "shown": "show",
    "chosen": "choose",
    "done": "do",
    "got": "get",
    "built": "build",
    "left": "leave",
    "lost": "lose",
    "won": "win",
    "driven": "drive",
    "flown": "fly",
    "read": "read",
    "set": "set",
    "put": "put",
    "gave": "give",
    "wrote": "write",
    "took": "take",
    "saw": "see",
    "ran": "run",
    "begun": "begin",
    "spent": "spend",
}


@lru_cache(maxsize=4096)
def base_verb(word: str) -> tuple[str, str] | None:
    """The base form and the ending (`""`, `s`, `ed`, `ing`) if the word is a form of a known verb."""
    if word in _IRREGULAR:
        return _IRREGULAR[word], "ed"
    if word in word_list("verbs") or word in word_list("both"):
        return word, ""
    for ending, tails in (("ing", ("", "e")), ("ed", ("", "e")), ("s", ("",))):
        if not word.endswith(ending) or len(word) <= len(ending) + 1:
            continue
        stem = word[: -len(ending)]
        forms = [stem + tail for tail in tails]
        if len(stem) > 2 and stem[-1] == stem[-2]:
            forms.append(stem[:-1])
        if ending == "ed" and stem.endswith("i"):
            forms.append(stem[:-1] + "y")
        if ending == "s" and stem.endswith("ie"):
            forms.append(stem[:-2] + "y")
        if ending == "s" and stem.endswith("e"):
            forms.append(stem[:-1])
        for form in forms:
            if form in word_list("verbs") or form in word_list("both"):
                return form, ending
    return None


def base_class(word: str) -> Tag:
    """The class of a word by itself."""
    closed = _closed().get(word)
    if closed is not None:
        return closed
    form = base_verb(word)
    return Tag.VERB if form is not None and form[0] not in word_list("both") else Tag.NOUN


@dataclass(frozen=True, slots=True)
class Tagged:
    """A word with its class and, for verbs, the base form."""

    word: Word
    tag: Tag
    base: str = ""

    @property
    def lower(self) -> str:
        """The word in lower case."""
        return self.word.lower


def tag(sentence: Sentence) -> list[Tagged]:
    """Give every word of the sentence its class."""
    words = sentence.words
    result: list[Tagged] = []
    for index, word in enumerate(words):
        following = words[index + 1].lower if index + 1 < len(words) else ""
        result.append(_one(word, result, following))
    return result


def _one(word: Word, before: list[Tagged], following: str) -> Tagged:
    lower = word.lower
    previous = before[-1] if before else None
    if not word.is_word:
        return Tagged(word, Tag.NUMBER if word.text[0].isdigit() else Tag.SIGN)
    verb_place = _verb_place(before, following, lower)
    if lower in _closed() and not (lower in ("own", "like", "open", "complete") and verb_place):
        return Tagged(word, _closed()[lower])
    if lower in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"):
        return Tagged(word, Tag.NUMBER)
    form = base_verb(lower)
    if form is None:
        return Tagged(word, Tag.ADV if lower.endswith("ly") and len(lower) > 4 else Tag.NOUN)
    base, ending = form
    if ending == "ing":
        return Tagged(word, Tag.GERUND, base)
    if ending == "ed":
        return Tagged(word, Tag.PARTICIPLE, base)
    if ending == "s" and previous is not None and previous.tag in (Tag.VERB, Tag.GERUND):
        # "plan walks": right after a verb stands its object.
        return Tagged(word, Tag.NOUN)
    if ending == "s" and len(before) == 1 and before[0].lower in word_list("app_heads"):
        # "System matches patients with doctors."
        return Tagged(word, Tag.VERB, base)
    if verb_place:
        if ending == "s" and not before and base in word_list("both"):
            return Tagged(word, Tag.NOUN)
        return Tagged(word, Tag.VERB, base)
    if base not in word_list("both"):
        if previous is not None and previous.tag in (Tag.DET, Tag.ADJ):
            return Tagged(word, Tag.NOUN)
        return Tagged(word, Tag.VERB, base)
    if previous is not None and previous.tag is Tag.NOUN and ending == "" and _people(previous.lower):
        # "residents book drop-off slots": people do something.
        return Tagged(word, Tag.VERB, base)
    if (
        previous is not None
        and previous.tag is Tag.NOUN
        and ending == "s"
        and _people(previous.lower + "s")
        and _closed().get(following) in (Tag.PRON, Tag.DET)
    ):
        # "a lender hands them out"
        return Tagged(word, Tag.VERB, base)
    if previous is not None and previous.tag is Tag.NOUN and _plural(previous.lower) and ending == "":
        starts = _closed().get(following) in (Tag.DET, Tag.PREP) or _plural(following)
        if starts and following != "of":
            return Tagged(word, Tag.VERB, base)
    return Tagged(word, Tag.NOUN)


def _verb_place(before: list[Tagged], following: str, word: str) -> bool:
    if not before:
        if word in ("track", "manage", "organize", "organise") and _plural(following):
            return True
        if word in word_list("both") and following in word_list("light_heads"):
            # "Order management": the first word is part of a name.
            return False
        form = base_verb(following)
        third = form is not None and form[1] == "s" and form[0] not in word_list("both")
        return (
            following not in (":", "(", "-", "=", ",")
            and _closed().get(following) not in (Tag.AUX, Tag.MODAL)
            and not third
        )
    while len(before) > 1 and before[-1].tag is Tag.ADV and before[-1].lower not in ("not", "also", "only"):
        before = before[:-1]
    previous = before[-1]
    if (
        previous.lower in (",", "and", "or")
        and before
        and _infinitive(before)
        and len(before) > 1
        and before[-2].tag in (Tag.NOUN, Tag.SIGN, Tag.CONJ, Tag.ADV)
    ):
        return word in word_list("verby") and following not in (",", "and", "or", "of", "for", "", ":")
    if previous.tag is Tag.MODAL or previous.lower in (
        "to",
        "i",
        "we",
        "they",
        "you",
        "not",
        "please",
        "who",
        "also",
        "only",
    ):
        return not (
            previous.lower == "to"
            and len(before) > 1
            and before[-2].base in ("belong", "assign", "link", "connect", "relate", "attach")
        )
    if previous.lower in (",", "and", "or", "/") and len(before) > 1:
        earlier = before[-2]
        if earlier.lower == ",":
            earlier = before[-3] if len(before) > 2 else earlier
        return earlier.tag is Tag.VERB
    return False


@lru_cache(maxsize=2048)
def _people(word: str) -> bool:
    """Whether the word is a plural that stands for people."""
    if not _plural(word):
        return False
    one = singular(word)
    return one in word_list("persons") or one in word_list("extra") or one in word_list("outsiders")


def _infinitive(before: list[Tagged]) -> bool:
    """Whether the clause has a verb in its base form, so that another may follow after a comma."""
    return any(item.tag is Tag.VERB and item.lower == item.base for item in before)


def _plural(word: str) -> bool:
    return (len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))) or word in (
        "staff",
        "people",
        "children",
    )
