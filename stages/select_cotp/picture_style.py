"""How the report looks: its style sheet, light and dark, on a phone and in print."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d0d7de; --panel: #f6f8fa;
  --core: #0b5cad; --pool: #0f766e; --weight: #d6e6f7; --bar: #7d8fa3;
  --c0: #b6bec8; --c1: #e2b13c; --c2: #dd8032; --c3: #c8442b; --c4: #8d1230; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1;
  --line: #3d444d; --panel: #151b23; --core: #6cb6ff; --pool: #56d4bc; --weight: #17365a; --bar: #6e7f93;
  --c0: #4a535e; --c1: #a8862c; --c2: #c4762f; --c3: #f0764f; --c4: #ffb3a0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
a { color: var(--core); }
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
.core-ink, svg .core-ink { fill: var(--core); color: var(--core); font-weight: 600; }
.pool-ink, svg .pool-ink { fill: var(--pool); color: var(--pool); font-weight: 600; }
.core-box { fill: none; stroke: var(--core); }
.pool-box { fill: none; stroke: var(--pool); }
.weight { fill: var(--weight); }
.axis { stroke: var(--line); }
.curve { fill: none; stroke-width: 1.25; }
.core-line { stroke: var(--core); }
.pool-line { stroke: var(--pool); }
.warp { stroke: var(--soft); stroke-width: .6; opacity: .45; }
.bar { fill: var(--bar); }
.outline { fill: none; stroke: var(--ink); stroke-width: 1.25; stroke-dasharray: 3 2; }
.c0 { stroke: var(--c0); stroke-width: 1; }
.c1 { stroke: var(--c1); stroke-width: 1.6; }
.c2 { stroke: var(--c2); stroke-width: 2.2; }
.c3 { stroke: var(--c3); stroke-width: 2.8; }
.c4 { stroke: var(--c4); stroke-width: 3.4; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: .25rem 0; font-size: .875rem; color: var(--soft); }
.legend svg { display: inline-block; width: 2rem; height: .75rem; vertical-align: middle; margin-right: .35rem; }
blockquote { margin: .25rem 0; padding: .5rem .75rem; background: var(--panel); border-radius: .25rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; unicode-bidi: isolate; }
summary { cursor: pointer; color: var(--soft); font-size: .875rem; }
@media (max-width: 30rem) { body { padding: .5rem; } article { padding: .5rem; } }
@media print { body { max-width: none; padding: 0; font-size: 11pt; }
  article { border: 0; padding: 0; } article + article { break-before: page; }
  h2, h3, .note, .legend { break-after: avoid; } figure svg { max-height: 13cm; }
  figure, blockquote, tr { break-inside: avoid; } nav, details { display: none; } .scroll { overflow: visible; }
  svg, blockquote { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
