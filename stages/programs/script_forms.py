"""Whether tests that are pairs of texts are for a function after all, or for scripts that read and print.

Rows of mixed sets name an entry point beside tests of both kinds; then the solutions tell.
"""

import re
from collections.abc import Sequence
from typing import Final

from stages.programs import syntax
from stages.programs.material import Calls, Material

_READS: Final = re.compile(r"\binput\s*\(|\bstdin\b|\bopen\s*\(\s*0\s*[,)]")


def may_be_scripts(material: Material) -> bool:
    """Whether all tests give one text and expect one."""
    return isinstance(material, Calls) and all(
        len(call.args) == 1 and not call.kwargs and isinstance(call.args[0], str) and isinstance(call.expected, str)
        for call in material.calls
    )


def read_input(programs: Sequence[str | None], entry_point: str) -> bool:
    """Whether programs read their input, and none of them defines the entry point."""
    sources = [source for source in programs if source is not None]
    return any(map(_READS.search, sources)) and not any(_defines(source, entry_point) for source in sources)


def _defines(source: str, name: str) -> bool:
    tree = syntax.parse(source)
    if tree is None:
        return f"def {name}" in source
    return name in syntax.bound(tree.body)
