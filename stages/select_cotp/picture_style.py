"""How drawings and names of the report look, beside what all pages share (stages/core/page.py)."""

from typing import Final

CHAINS: Final = """
:root { --core: #0b5cad; --pool: #0f766e; --weight: #d6e6f7;
  --c0: #b6bec8; --c1: #e2b13c; --c2: #dd8032; --c3: #c8442b; --c4: #8d1230; }
@media screen and (prefers-color-scheme: dark) { :root { --core: #6cb6ff; --pool: #56d4bc; --weight: #17365a;
  --c0: #4a535e; --c1: #a8862c; --c2: #c4762f; --c3: #f0764f; --c4: #ffb3a0; } }
.core-ink, svg .core-ink { fill: var(--core); color: var(--core); font-weight: 600; }
.pool-ink, svg .pool-ink { fill: var(--pool); color: var(--pool); font-weight: 600; }
.core-box { fill: none; stroke: var(--core); }
.pool-box { fill: none; stroke: var(--pool); }
.weight { fill: var(--weight); }
.c0 { stroke: var(--c0); stroke-width: 1; }
.c1 { stroke: var(--c1); stroke-width: 1.6; }
.c2 { stroke: var(--c2); stroke-width: 2.2; }
.c3 { stroke: var(--c3); stroke-width: 2.8; }
.c4 { stroke: var(--c4); stroke-width: 3.4; }
"""
"""Of the two pattern chains with their links."""

STYLE: Final = f"""{CHAINS}
:root {{ --bar: #7d8fa3; }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --bar: #6e7f93; }} }}
.curve {{ fill: none; stroke-width: 1.25; }}
.core-line {{ stroke: var(--core); }}
.pool-line {{ stroke: var(--pool); }}
.warp {{ stroke: var(--soft); stroke-width: .6; opacity: .45; }}
.bar {{ fill: var(--bar); }}
.outline {{ fill: none; stroke: var(--ink); stroke-width: 1.25; stroke-dasharray: 3 2; }}
"""
