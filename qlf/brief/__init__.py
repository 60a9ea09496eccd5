"""From a brief in plain words to the typed spec, by rules and domain packs, without a model.

from qlf.brief import compile_brief, explain

spec = compile_brief("A shop with products, a cart and orders.")
for row in explain(spec):
    print(row.path, row.origin, row.words)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.brief.explanation import Row
    from qlf.core.spec import Spec

__all__ = ["compile_brief", "explain"]


def compile_brief(text: str, *, name: str | None = None) -> Spec:
    """The spec that a brief asks for.

    Args:
        text: The brief, in English, at most 100 000 characters.
        name: Name of the application; derived from the brief when absent.

    Raises:
        InputError: When the brief is empty, too large, not text, or names nothing that could be built.
    """
    from qlf.brief.compiler import compile_text

    return compile_text(text, name=name)


def explain(spec: Spec) -> list[Row]:
    """One row for every part of the spec: where it came from, and the words of the brief behind it."""
    from qlf.brief.explanation import rows

    return rows(spec)
