"""A page of ours as HTML: one file, nothing from elsewhere and no script; light and dark, on a phone and in print.

What stands on it is the stages' own; drawings are made with svg.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from stages.core.svg import escaped

_STYLE: Final = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d0d7de; --panel: #f6f8fa;
  --link: #0b5cad; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1;
  --line: #3d444d; --panel: #151b23; --link: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
a { color: var(--link); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, .facts td, .links td { text-align: left; }
th { color: var(--soft); font-weight: 600; }
.facts th { text-align: left; white-space: nowrap; vertical-align: top; }
.facts td { overflow-wrap: anywhere; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.two { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.two > *, .grid > * { min-width: 0; }
article { margin: 1rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; }
dl { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: .5rem 0; }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; }
figure { margin: 0; max-width: 32rem; }
figcaption, .note { color: var(--soft); font-size: .875rem; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); stroke: none; }
svg .halo { stroke: var(--paper); stroke-width: 4; paint-order: stroke; }
svg .end { text-anchor: end; }
.axis { stroke: var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: .25rem 0; font-size: .875rem; color: var(--soft); }
.legend svg { display: inline-block; width: 2rem; height: .75rem; vertical-align: middle; margin-right: .35rem; }
blockquote { margin: .25rem 0; padding: .5rem .75rem; background: var(--panel); border-radius: .25rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; unicode-bidi: isolate; }
summary { cursor: pointer; color: var(--soft); font-size: .875rem; }
@media (max-width: 30rem) { body { padding: .5rem; } article { padding: .5rem; } }
@media print { @page { margin: 14mm; } html { font-size: 11px; }
  body { max-width: none; padding: 0; font-size: 8.5pt; line-height: 1.4; }
  article { border: 0; padding: 0; } article + article { break-before: page; }
  h2, h3, .note, .legend { break-after: avoid; } figure svg { max-height: 13cm; }
  figure, blockquote, tr { break-inside: avoid; } nav, details { display: none; } .scroll { overflow: visible; }
  svg, blockquote { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def page(title: str, style: str, facts: Mapping[str, str], parts: Sequence[str]) -> str:
    """The whole page: title, facts by name, then `parts`, which are markup; `style` adds to the rules of all pages."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    shown = [
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escaped(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<style>{_STYLE}{style}</style>\n</head>\n<body>\n<h1>{escaped(title)}</h1>",
        f'<div class="scroll"><table class="facts">{"".join(map(_fact, facts.items()))}</table></div>' if facts else "",
        *parts,
        "</body>\n</html>\n",
    ]
    return "\n".join(part for part in shown if part)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is too wide; `head` and the cells are markup already."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def _fact(fact: tuple[str, str]) -> str:
    return f'<tr><th scope="row">{escaped(fact[0])}</th><td>{escaped(fact[1])}</td></tr>'
