"""A report as a bar chart in SVG: readable without colour, by a screen reader, and in the dark."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from qlf.ledger.export import visible
from qlf.ledger.money import format_usd
from qlf.ledger.report import Row

__all__ = ["bar_chart"]

_WIDTH, _LEFT, _BAR, _GAP, _TOP = 760, 250, 20, 12, 76
_MOST = 20
_LABEL = 34
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1a1a1a }
.title { font-size: 17px; font-weight: 600 }
.muted { fill: #555 }
.back { fill: #fff }
.bar { fill: #1f5fa8 }
.held { fill: #fff; stroke: #1f5fa8; stroke-dasharray: 3 2 }
.axis { stroke: #999 }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .muted { fill: #aaa } .back { fill: #161616 } .bar { fill: #7db4f0 }
  .held { fill: #161616; stroke: #7db4f0 } .axis { stroke: #777 }
}
"""


def bar_chart(title: str, subtitle: str, rows: Sequence[Row]) -> str:
    """One bar for each row, the dearest on top, with its amount in words. Held money is a dashed end.

    At most twenty bars; what is left is one more, so that the bars add up to the total.
    """
    bars = [
        (" · ".join(one or "(none)" for one in row.group) or "all", row.spent, row.reserved) for row in rows
    ]
    if len(bars) > _MOST + 1:
        rest = bars[_MOST:]
        both = (sum(one[1] for one in rest), sum(one[2] for one in rest))
        bars = [*bars[:_MOST], (f"{len(rest)} others", *both)]
    largest = max((spent + held for _, spent, held in bars), default=0) or 1
    height = _TOP + max(1, len(bars)) * (_BAR + _GAP) + 20
    amounts = [_amount(spent, held) for _, spent, held in bars]
    # Eight pixels hold a digit of any sans-serif at this size, so no amount is cut off or painted over.
    room = _WIDTH - _LEFT - 24 - 8 * max(map(len, amounts), default=0)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{_text(title)}</title>',
        f'<desc id="desc">{_text(_description(bars))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="20" y="32">{_text(title)}</text>',
        f'<text class="muted" x="20" y="54">{_text(subtitle)}</text>',
    ]
    for number, (label, spent, held) in enumerate(bars):
        y = _TOP + number * (_BAR + _GAP)
        # Whole pixels by integer division: the same bytes on every machine.
        solid, dashed = room * spent // largest, room * held // largest
        short = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 15}" text-anchor="end">{_text(short)}</text>')
        parts.append(f'<rect class="bar" x="{_LEFT}" y="{y}" width="{solid}" height="{_BAR}"/>')
        if dashed:
            parts.append(f'<rect class="held" x="{_LEFT + solid}" y="{y}" width="{dashed}" height="{_BAR}"/>')
        end = _LEFT + solid + dashed + 8
        parts.append(f'<text class="muted" x="{end}" y="{y + 15}">{amounts[number]}</text>')
    if not bars:
        parts.append(f'<text class="muted" x="{_LEFT}" y="{_TOP + 15}">nothing was spent</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" y1="{_TOP - 6}" x2="{_LEFT}" y2="{height - 16}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _amount(spent: int, held: int) -> str:
    return format_usd(spent) + (f" + {format_usd(held)} held" if held else "")


def _description(bars: Sequence[tuple[str, int, int]]) -> str:
    return (
        "; ".join(f"{label}: {_amount(spent, held)}" for label, spent, held in bars) or "Nothing was spent."
    )


def _text(text: str) -> str:
    """Text for XML 1.0, which knows no control characters; invisible ones are shown as escapes."""
    return escape(visible(text), {'"': "&quot;"})
