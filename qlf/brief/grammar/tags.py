"""A small word-class tagger: closed classes and verbs by list, everything else is a noun."""

from __future__ import annotations

from qlf.brief.wordlists import word_list

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from qlf.brief.tokens import Sentence, Word

__all__ = ["Tag", "Tagged", "base_verb", "tag"]


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


_CLOSED: dict[str, Tag] = {}
for _tag, _words in {
    Tag.DET: "a an the this these those each every any all some both my our your their its his her another other no "
    "several many multiple various different few more most such same own either",
    Tag.PREP: "of in on at by for from to with without into onto over under between among across through during before "
    "after since until via per within about against as like including towards toward than beyond regarding against "
    "upon inside outside near",
    Tag.CONJ: "and or but nor & plus so that if when while because where whether unless once",
    Tag.PRON: "i we you he she it they them us who which what whom whose me him there that",
    Tag.MODAL: "can could should must may might shall will would cannot can't won't shouldn't mustn't let lets",
    Tag.AUX: "is are was were be been being has have had do does did am isn't aren't doesn't don't having",
    Tag.ADV: "also only not never always then too very just already still yet easily quickly online directly later "
    "along alongside automatically manually securely together etc e.g i.e here how why back again up down out off away soon well "
    "please first properly effectively efficiently basically simply optionally additionally however at-least "
    "respectively currently usually often sometimes daily weekly monthly able",
    Tag.ADJ: "sensitive secret-free confidential new old available current existing upcoming past future open closed certain specific relevant unique "
    "required optional mandatory necessary important simple basic advanced secure modern full complete "
    "real-time detailed related responsible valid invalid overall large small good better best high low free "
    "additional main general possible own recent previous next last entire whole appropriate clear different easy "
    "visible public private personal active inactive pending successful individual actual potential popular "
    "damaged finished corresponding comprehensive intuitive user-friendly multi-tenant scalable robust "
    "web-based online offline mobile front-end back-end restful internal external digital electronic",
}.items():
    _CLOSED.update(dict.fromkeys(_words.split(), _tag))

word_list("verbs") = word_list("create_verbs") | word_list("keep_verbs") | word_list("see_verbs") | word_list("do_verbs")
# Business nouns that are verbs as well: nouns unless the words around say otherwise.
_IRREGULAR = {
    "made": "make", "bought": "buy", "sold": "sell", "sent": "send", "paid": "pay", "kept": "keep", "lent": "lend",
    "taken": "take", "given": "give", "written": "write", "brought": "bring", "held": "hold", "found": "find",
    "seen": "see", "shown": "show", "chosen": "choose", "done": "do", "got": "get", "built": "build", "left": "leave",
    "lost": "lose", "won": "win", "driven": "drive", "flown": "fly", "read": "read", "set": "set", "put": "put",
    "gave": "give", "wrote": "write", "took": "take", "saw": "see", "ran": "run", "begun": "begin", "spent": "spend",
}  # fmt: skip


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
    if lower in _CLOSED and not (lower in ("own", "like", "open", "complete") and verb_place):
        return Tagged(word, _CLOSED[lower])
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
    if verb_place:
        if ending == "s" and not before and base in word_list("both"):
            return Tagged(word, Tag.NOUN)
        return Tagged(word, Tag.VERB, base)
    if base not in word_list("both"):
        if previous is not None and previous.tag in (Tag.DET, Tag.ADJ):
            return Tagged(word, Tag.NOUN)
        return Tagged(word, Tag.VERB, base)
    if previous is not None and previous.tag is Tag.NOUN and _plural(previous.lower) and ending == "":
        starts = _CLOSED.get(following) in (Tag.DET, Tag.PREP) or _plural(following)
        if starts and following != "of":
            return Tagged(word, Tag.VERB, base)
    return Tagged(word, Tag.NOUN)


def _verb_place(before: list[Tagged], following: str, word: str) -> bool:
    if not before:
        form = base_verb(following)
        third = form is not None and form[1] == "s" and form[0] not in word_list("both")
        return (
            following not in (":", "(", "-", "=", ",")
            and _CLOSED.get(following) not in (Tag.AUX, Tag.MODAL)
            and not third
        )
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


def _infinitive(before: list[Tagged]) -> bool:
    """Whether the clause has a verb in its base form, so that another may follow after a comma."""
    return any(item.tag is Tag.VERB and item.lower == item.base for item in before)


def _plural(word: str) -> bool:
    return (len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))) or word in (
        "staff",
        "people",
        "children",
    )
