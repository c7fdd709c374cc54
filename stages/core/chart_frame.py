"""What the drawings of charts.py share: how they look, axes with round ticks, legends, and labels that fit.

Colours are classes, light and dark; dashes, frames and shapes stand beside them for those who do not tell colours
apart. The palette is that of Okabe and Ito, darkened on white until lines reach 3:1.
"""

import math
import unicodedata
from collections.abc import Sequence
from typing import Final

from stages.core.svg import escaped, number

MOST_SERIES: Final = 8
"""Series that a drawing can tell apart; all further ones look like the last."""

SHADES: Final = 9
DARK_FROM: Final = 5
"""The first shade of heat() on which text has the colour of the paper; no shade lies between, where neither reads."""

STYLE: Final = """
:root { --l0: #1f2328; --l1: #0072b2; --l2: #b34e00; --l3: #00795b; --l4: #9c4a7b; --l5: #6b6f00; --l6: #5b50b8;
  --l7: #59636e; --gone: #dfe4ea; --path: #b34e00;
  --h0: #eef4f9; --h1: #d5e5f2; --h2: #b7d2e8; --h3: #96bedd; --h4: #74a9d2; --h5: #35719f; --h6: #255c87;
  --h7: #164870; --h8: #083457; }
@media screen and (prefers-color-scheme: dark) { :root { --l0: #e6edf3; --l1: #56b4e9; --l2: #f0a35e; --l3: #3ecfa8;
  --l4: #e0a0c4; --l5: #d8d048; --l6: #b0a8f5; --l7: #9198a1; --gone: #2b323b; --path: #ffb46b;
  --h0: #16202b; --h1: #1a2f42; --h2: #1e3e59; --h3: #234d70; --h4: #285c87; --h5: #5795c4; --h6: #7bafd7;
  --h7: #a2c9e8; --h8: #cbe3f6; } }
.run { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.l0 { stroke: var(--l0); } .l1 { stroke: var(--l1); stroke-dasharray: 7 3; }
.l2 { stroke: var(--l2); stroke-dasharray: 2 2; } .l3 { stroke: var(--l3); stroke-dasharray: 9 3 2 3; }
.l4 { stroke: var(--l4); stroke-dasharray: 4 4; } .l5 { stroke: var(--l5); stroke-dasharray: 12 4; }
.l6 { stroke: var(--l6); stroke-dasharray: 6 2 2 2 2 2; } .l7 { stroke: var(--l7); stroke-dasharray: 1 3; }
.f0 { fill: var(--l0); } .f1 { fill: var(--l1); } .f2 { fill: var(--l2); } .f3 { fill: var(--l3); }
.f4 { fill: var(--l4); } .f5 { fill: var(--l5); } .f6 { fill: var(--l6); } .f7 { fill: var(--l7); }
.dot { stroke: var(--paper); stroke-width: .75; }
.band { fill-opacity: .16; }
.bar { fill: var(--l1); } .below { fill: var(--l2); stroke: var(--ink); stroke-width: .75; }
.gone { fill: var(--gone); stroke: var(--soft); stroke-width: .5; stroke-dasharray: 2 2; }
.whisker { fill: none; stroke: var(--ink); stroke-width: 1.25; }
.ideal { stroke: var(--soft); stroke-dasharray: 3 3; }
.zero { stroke: var(--soft); }
.way { fill: none; stroke: var(--path); stroke-width: 2; stroke-linejoin: round; }
.way-under { fill: none; stroke: var(--paper); stroke-width: 4; stroke-linejoin: round; }
.h0 { fill: var(--h0); } .h1 { fill: var(--h1); } .h2 { fill: var(--h2); } .h3 { fill: var(--h3); }
.h4 { fill: var(--h4); } .h5 { fill: var(--h5); } .h6 { fill: var(--h6); } .h7 { fill: var(--h7); }
.h8 { fill: var(--h8); }
svg .mid { text-anchor: middle; } svg .faint { fill: var(--soft); } svg .inverse { fill: var(--paper); }
"""


def place_of(series: int) -> int:
    """The number of the style of a series."""
    return min(series, MOST_SERIES - 1)


def span_of(values: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis goes: from or to zero where the values come near it, and never nowhere."""
    low, high = min(values), max(values)
    if 0 <= low <= 0.6 * high:
        low = 0.0
    elif 0.6 * low <= high <= 0:
        high = 0.0
    if low == high:
        pad = abs(low) / 10 or 1.0
        low, high = low - (pad if low else 0), high + pad
    return low, high


def ticks_of(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` + 1 round numbers from `low` to `high`: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [round(k * step, 12) for k in range(first, last + 1)]


def short(value: float) -> str:
    """As much of a number as there is room for in a drawing: seven characters or so."""
    if not math.isfinite(value):
        return "\N{EN DASH}"
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    if abs(value) >= 1000 or value == round(value):
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.2e}"
    return f"{value:.3g}"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Names of series, each beside a piece of its drawing, 32 by 12; nothing for a single one."""
    if len(entries) < 2:
        return ""
    shown = [
        f'<span><svg viewBox="0 0 32 12" aria-hidden="true">{drawn}</svg>{escaped(name)}</span>'
        for name, drawn in (*entries[: MOST_SERIES - 1], *entries[MOST_SERIES - 1 : MOST_SERIES])
    ]
    others = len(entries) - MOST_SERIES
    return (
        f'<div class="legend">{"".join(shown)}{f"<span>and {others:,} more like it</span>" if others > 0 else ""}</div>'
    )


def label(text: str, x: float, y: float, letters: int, kind: str = "") -> str:
    """Text at a place, cut to `letters` narrow letters, with the whole of it to be pointed at."""
    cut = shortened(text, letters)
    title = "" if cut == text else f"<title>{escaped(text)}</title>"
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{number(x)}" y="{number(y)}">{escaped(cut)}{title}</text>'


def shortened(text: str, letters: int) -> str:
    """The beginning of a text, where a wide letter counts as two; the last letter is an ellipsis if any are lost."""
    if width_of(text) <= letters:
        return text
    kept, room = "", letters - 1
    for letter in text:
        room -= width_of(letter)
        if room < 0:
            break
        kept += letter
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def width_of(text: str) -> int:
    """Narrow letters that take as much room."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
