"""English words as names: plural and singular, snake_case, titles.

The ending rules are those of school grammar; irregular nouns that business texts use are listed.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["pascal", "plural", "singular", "snake", "title"]

_IRREGULAR = {
    "person": "people",
    "child": "children",
    "man": "men",
    "woman": "women",
    "foot": "feet",
    "tooth": "teeth",
    "mouse": "mice",
    "goose": "geese",
    "criterion": "criteria",
    "phenomenon": "phenomena",
    "analysis": "analyses",
    "diagnosis": "diagnoses",
    "basis": "bases",
    "crisis": "crises",
    "thesis": "theses",
    "axis": "axes",
    "index": "indexes",
    "matrix": "matrices",
    "vertex": "vertices",
    "quiz": "quizzes",
    "leaf": "leaves",
    "half": "halves",
    "shelf": "shelves",
    "knife": "knives",
    "life": "lives",
    "wife": "wives",
    "loaf": "loaves",
    "calf": "calves",
    "ox": "oxen",
    "hero": "heroes",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "echo": "echoes",
    "bus": "buses",
    "gas": "gases",
    "lens": "lenses",
    "alias": "aliases",
    "status": "statuses",
    "campus": "campuses",
    "bonus": "bonuses",
    "virus": "viruses",
    "census": "censuses",
    "cactus": "cacti",
    "curriculum": "curricula",
    "datum": "data",
    "medium": "media",
    "bacterium": "bacteria",
    "cache": "caches",
    "headache": "headaches",
    "toothache": "toothaches",
    "moustache": "moustaches",
    "niche": "niches",
    "avalanche": "avalanches",
    "quiche": "quiches",
    "axe": "axes",
    "bias": "biases",
    "atlas": "atlases",
    "canvas": "canvases",
    "use": "uses",
    "fuse": "fuses",
    "excuse": "excuses",
    "tie": "ties",
    "pie": "pies",
    "movie": "movies",
    "cookie": "cookies",
    "calorie": "calories",
    "selfie": "selfies",
    "zombie": "zombies",
    "smoothie": "smoothies",
    "hoodie": "hoodies",
    "menu": "menus",
}
_SAME = {
    "equipment",
    "information",
    "inventory_stock",
    "stock",
    "series",
    "species",
    "sheep",
    "fish",
    "aircraft",
    "staff",
    "news",
    "feedback",
    "software",
    "hardware",
    "luggage",
    "merchandise",
    "labour",
    "labor",
    "furniture",
    "evidence",
}
_SINGULAR = {many: one for one, many in reversed(_IRREGULAR.items())}
"""Where two words share a plural, as `axis` and `axe` do, the one listed first is meant."""
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=4096)
def plural(name: str) -> str:
    """The plural of a snake_case or plain noun; only its last word changes."""
    head, word = _last(name)
    lower = word.lower()
    if lower in _IRREGULAR:
        many = _IRREGULAR[lower]
    elif lower in _SAME:
        # A route and a table of many need a name of their own, different from the one.
        many = lower if lower.endswith("s") else f"{lower}_records" if "_" in name else f"{lower}_items"
    elif re.search(r"(?:s|x|z|ch|sh)\Z", lower):
        many = lower + "es"
    elif re.search(r"[^aeiou]y\Z", lower):
        many = lower[:-1] + "ies"
    else:
        many = lower + "s"
    return head + many


@lru_cache(maxsize=4096)
def singular(name: str) -> str:
    """The singular of a snake_case or plain noun; a word that is singular already stays as it is."""
    head, word = _last(name)
    lower = word.lower()
    if lower in _SINGULAR:
        return head + _SINGULAR[lower]
    if lower in _IRREGULAR or lower in _SAME:
        return head + lower
    if len(lower) > 3 and lower.endswith("ies") and lower not in ("series", "species"):
        return head + lower[:-3] + "y"
    hissing = re.search(r"(?:sses|xes|[tz]zes|ches|shes|uses)\Z", lower)
    if hissing and not re.search(r"(?:ause|ouse)s\Z", lower):
        return head + lower[:-2]
    if lower.endswith("s") and not re.search(r"(?:ss|us|is|news|ous)\Z", lower):
        return head + lower[:-1]
    return head + lower


@lru_cache(maxsize=4096)
def snake(text: str) -> str:
    """`text` as snake_case, ASCII letters and digits only: `Serial No.` gives `serial_no`."""
    return "_".join(part.lower() for part in _SPLIT.split(text) if part)


@lru_cache(maxsize=4096)
def pascal(name: str) -> str:
    """A snake_case name as a class name: `order_item` gives `OrderItem`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@lru_cache(maxsize=4096)
def title(name: str) -> str:
    """A snake_case name for people: `order_item` gives `Order item`."""
    words = " ".join(_SHOUT.get(part, part) for part in name.split("_"))
    return words[:1].upper() + words[1:]


_SHOUT = {
    "id": "ID",
    "sku": "SKU",
    "vin": "VIN",
    "iban": "IBAN",
    "url": "URL",
    "api": "API",
    "vat": "VAT",
    "sms": "SMS",
}


def _last(name: str) -> tuple[str, str]:
    head, separator, word = name.rpartition("_")
    return head + separator, word
