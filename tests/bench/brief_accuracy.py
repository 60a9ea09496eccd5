"""Measures the brief compiler on labelled briefs: `python tests/bench/brief_accuracy.py FILE`.

The file holds one JSON object a line: `brief`, `expected_entities` (PascalCase), `expected_features`,
`compliance`, `lang`. Nothing of it is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qlf.brief import compile_brief
from qlf.brief.naming import RENAMED
from qlf.brief.wordlists import word_list
from qlf.core.words import snake
from qlf.errors import InputError

OVERLAYS = {
    "PCI-DSS": "pci-dss",
    "HIPAA": "hipaa",
    "HITECH": "hipaa",
    "GDPR": "gdpr",
    "SOC2": "soc2",
    "SOX": "sox",
    "GLBA": "glba",
    "KYC": "aml-kyc",
    "AML/KYC": "aml-kyc",
    "KYC/AML": "aml-kyc",
}


SYNONYMS = tuple(
    frozenset(words.split())
    for words in (
        "customer client",
        "reservation booking",
        "attendance attendance_record",
        "purchase purchase_record",
        "wishlist wishlist_item",
        "waitlist_entry waitlist waiting_list_entry",
        "lesson lecture",
        "todo task todo_item to_do",
        "credit_card card payment_card",
        "medicine medication",
        "data_export data_request",
        "expense_claim claim",
        "receipt_line receipt_item",
        "vehicle car",
        "staff staff_member employee",
        "enrollment enrolment",
        "test_result lab_result",
        "cost_estimate estimate",
    )
)
"""Names for the same thing. A label is met by a synonym only when its own name is not there."""


def meet(found: set[str], expected: set[str]) -> set[str]:
    """The found names, with a synonym under the name of the label that it meets."""
    result = set(found)
    for name in sorted(expected - found):
        group = next((group for group in SYNONYMS if name in group), frozenset())
        other = next((item for item in sorted(group & result) if item not in expected), None)
        if other is not None:
            result = (result - {other}) | {name}
    return result


@dataclass
class Score:
    """Hits, false alarms and misses."""

    hits: int = 0
    extra: int = 0
    missed: int = 0
    extras: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)

    def add(self, found: set[str], expected: set[str]) -> None:
        self.hits += len(found & expected)
        self.extra += len(found - expected)
        self.missed += len(expected - found)
        self.extras.update(found - expected)
        self.misses.update(expected - found)

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.extra)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def line(self) -> str:
        return f"precision {self.precision:.3f}  recall {self.recall:.3f}  F1 {self.f1:.3f}"


@dataclass
class Measured:
    """Scores over a set of briefs."""

    entities: Score = field(default_factory=Score)
    features: Score = field(default_factory=Score)
    overlays: Score = field(default_factory=Score)
    briefs: int = 0
    refused: int = 0
    cpu_ms: list[float] = field(default_factory=list)


def say(text: str, *more: object) -> None:
    """Write one line to standard output."""
    sys.stdout.write(" ".join([text, *map(str, more)]) + "\n")


def load(path: Path) -> list[dict[str, Any]]:
    """The labelled briefs of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def measure(
    briefs: list[dict[str, Any]], *, each: bool = False, languages: tuple[str, ...] = (), strict: bool = False
) -> Measured:
    """Compile every brief and compare; the account counts when people sign in.

    Args:
        briefs: Labelled briefs.
        each: Show every brief.
        languages: Only briefs in these; all when empty.
        strict: Take no synonym for a label.
    """
    result = Measured()
    for item in briefs:
        if languages and item["lang"] not in languages:
            continue
        result.briefs += 1
        expected = {snake(name) for name in item["expected_entities"]}
        start = time.process_time()
        try:
            spec = compile_brief(item["brief"])
        except InputError:
            result.refused += 1
            result.entities.add(set(), expected)
            result.features.add(set(), set(item["expected_features"]))
            named = {OVERLAYS[name] for name in item["compliance"] if name in OVERLAYS}
            result.overlays.add(set(), named)
            continue
        finally:
            result.cpu_ms.append((time.process_time() - start) * 1000)
        found = {entity.name for entity in spec.entities}
        if spec.auth.enabled and "user" in expected:
            found.add("user")
        # A label that the platform keeps for itself is met by a qualified name: `table` by `dining_table`.
        for name in (expected & word_list("platform")) - found:
            for other in sorted(
                item for item in found if item.endswith(f"_{name}") or item == RENAMED.get(name)
            ):
                found = (found - {other}) | {name}
                break
        if not strict:
            found = meet(found, expected)
        features = {feature.name for feature in spec.features}
        result.entities.add(found, expected)
        result.features.add(features, set(item["expected_features"]))
        result.overlays.add(
            {choice.name for choice in spec.overlays},
            {OVERLAYS[name] for name in item["compliance"] if name in OVERLAYS},
        )
        if each:
            say(f"{item['id']:<28} [{spec.app.domain}/{item['domain']}]")
            say(
                f"   entities + {sorted(found - expected)}  - {sorted(expected - found)}  = "
                f"{sorted(found & expected)}"
            )
            say(
                f"   features + {sorted(features - set(item['expected_features']))}  - "
                f"{sorted(set(item['expected_features']) - features)}"
            )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--each", action="store_true", help="show every brief")
    parser.add_argument("--strict", action="store_true", help="take no synonym for a label")
    parser.add_argument("--lang", action="append", default=[], help="only briefs in this language")
    options = parser.parse_args()
    if not options.file.is_file():
        say(f"not run: {options.file} is not there")
        return
    result = measure(
        load(options.file), each=options.each, languages=tuple(options.lang), strict=options.strict
    )
    cpu = sorted(result.cpu_ms)
    say(f"{result.briefs} briefs, {result.refused} refused")
    say(f"entities  {result.entities.line()}")
    say(f"features  {result.features.line()}")
    say(f"overlays  {result.overlays.line()}")
    say(
        f"CPU       first {result.cpu_ms[0]:.0f} ms, median {cpu[len(cpu) // 2]:.1f} ms, "
        f"slowest {cpu[-1]:.0f} ms"
    )
    if options.each:
        say("entities most often too many:", result.entities.extras.most_common(25))
        say("entities most often missed:", result.entities.misses.most_common(25))
        say("features most often too many:", result.features.extras.most_common(25))
        say("features most often missed:", result.features.misses.most_common(25))


if __name__ == "__main__":
    main()
