"""Which files of an output folder travel to a store, and which of them claim others: the order in which they go.

Names alone, relative to the folder, as in `.rlbff/done/part-00000.json`.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import Final

from stages.core.shards import HIDDEN

MANIFEST: Final = f"{HIDDEN}/manifest.json"
PLAN: Final = f"{HIDDEN}/plan.json"


def travels(name: str) -> bool:
    """Whether a file of a folder is pushed and pulled; scratch files, copies of the input and locks are not."""
    parts = name.split("/")
    inside = [after for before, after in pairwise(parts) if before == HIDDEN]
    return not any(part == "tmp" or part.startswith(("lock", "spool")) for part in inside)


def rank(name: str) -> int:
    """0 for a file, 1 for a claim of some files, 2 for the manifest of a folder within, 3 for the folder's own."""
    if name == MANIFEST:
        return 3
    if name.endswith(f"/{MANIFEST}"):
        return 2
    return int(part_of(name)[1] is not None or re.search(r"(^|/)checkpoint-\d+/complete$", name) is not None)


def in_order(names: Iterable[str]) -> Iterator[list[str]]:
    """Names by rank, what claims others last."""
    ranked = sorted(names, key=lambda name: (rank(name), name))
    for _, group in groupby(ranked, rank):
        yield list(group)


def part_of(name: str) -> tuple[str, int | None]:
    """(the folder within the folder, the part) of the record of a finished part; the part is None for other files."""
    match = re.fullmatch(rf"(?:(.*)/)?{re.escape(HIDDEN)}/done/part-(\d+)\.json", name)
    return ("", None) if match is None else (match[1] or "", int(match[2]))
