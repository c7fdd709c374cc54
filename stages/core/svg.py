"""What all drawings of our pages share: their width, how text is made harmless, and the element around them.

Colours and sizes of letters are classes of page.py's style.
"""

import html
import re
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 420
"""All drawings have this width, so that letters keep their size on a phone."""


def escaped(text: str) -> str:
    """Text for the page: nothing in it is markup, breaks the file, or turns the direction of what follows."""
    return html.escape(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))


def svg(height: float, said: str, parts: Sequence[str]) -> str:
    """A drawing made of `parts`, which are markup already; `said` is what those hear who do not see it."""
    size = f'viewBox="0 0 {WIDTH} {number(height)}"'
    return f'<svg role="img" {size} aria-label="{escaped(said)}">{"".join(parts)}</svg>'


def number(value: float) -> str:
    """A place in a drawing, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


# controls, halves of surrogate pairs, marks that turn the direction of text
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
