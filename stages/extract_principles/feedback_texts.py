"""What annotators wrote, looked up in the inputs of a finished run; the output folder itself holds quotes alone."""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from stages.core.errors import RlbffError
from stages.core.inputs import find_files, is_url
from stages.core.lineage import given_options
from stages.core.options import parse_map
from stages.core.slices import ReadOptions, read
from stages.core.sources import plan
from stages.extract_principles.reading import CONSUMED, Response, read_responses

_MOST_BYTES: Final = 2**28
"""Larger inputs are not read again: a report is to take seconds."""

_MOST_ROWS: Final = 50_000
_PARSED: Final = 1_000


def feedback_texts(root: Path, layout: object, ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """The feedback on these responses, one text an annotator, by their ids.

    Empty for a response that is not found: inputs may have moved or changed, be remote, or be too large to read again.
    Whether a text is the one that was read then is for the caller to see.
    """
    options = given_options(root)
    inputs, renamed, longest = options.get("inputs"), options.get("map"), options.get("max_row_bytes")
    if layout not in CONSUMED or not isinstance(inputs, list) or not isinstance(longest, int):
        return {}
    named = tuple(one for one in inputs if isinstance(one, str) and not is_url(one))
    found: dict[str, tuple[str, ...]] = {}
    with suppress(RlbffError, OSError, ValueError):
        mapping = parse_map(tuple(map(str, renamed)) if isinstance(renamed, list) else ())
        how = ReadOptions(rows_per_shard=_PARSED, max_row_bytes=max(1, longest), limit=_MOST_ROWS, mapping=mapping)
        responses = _responses(named, str(layout), how)
        while len(found) < len(ids) and (response := next(responses, None)) is not None:
            if response.id in ids:
                found[response.id] = response.feedback
    return found


def _responses(named: tuple[str, ...], layout: str, options: ReadOptions) -> Iterator[Response]:
    files = find_files(named)
    if sum(Path(file.path).stat().st_size for file in files) > _MOST_BYTES:
        return
    with tempfile.TemporaryDirectory() as spool:
        for part in plan(named, options, Path(spool)).slices:
            for row in read(part, options):
                responses = None if row.value is None else read_responses(row.value, layout)
                if isinstance(responses, list):
                    yield from responses
