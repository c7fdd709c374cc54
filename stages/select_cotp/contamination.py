"""Which rows ask a question of a benchmark: those that share a run of 13 words with one, or equal a short one.

Answers are not looked at: that of one question, such as 42, is that of many others. Shapes: Q questions of benchmarks,
R their runs.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from stages.core.errors import DataError
from stages.core.rows import SourceRow
from stages.core.slices import ReadOptions
from stages.core.sources import plan
from stages.core.whole import all_rows
from stages.select_cotp.arrays import I64, U64
from stages.select_cotp.cells import BadCell
from stages.select_cotp.reading import question_of
from stages.select_cotp.word_runs import normalised, run_hashes, word_hashes

RUN: Final = 13
"""Words in a run; a question of fewer must be equal."""

_COLUMNS: Final = ("question", "problem", "prompt", "input")
_NO_TEXT: Final = re.compile(r"\s|\$|\\[()\[\]]")


class Hit(NamedTuple):
    """A question of a benchmark that a row repeats: its file and row, and the share of its words in shared runs.

    A small share may be a set phrase, such as that m and n are relatively prime positive integers.
    """

    item: str
    share: float


class Benchmarks:
    """The questions of benchmark files, in memory: 16 bytes a run and the texts of short ones."""

    def __init__(self, items: Sequence[tuple[str, str]], identity: Sequence[str]) -> None:
        """`items` are (name, text of the question); `identity` the sha256 of each file behind them."""
        self.identity = tuple(identity)
        self._names = [name for name, _ in items]
        self._short: dict[str, int] = {}
        runs: list[U64] = []
        for place, (_, text) in enumerate(items):
            words = word_hashes(text)
            runs.append(run_hashes(words, RUN) if len(words) >= RUN else np.zeros(0, dtype=np.uint64))
            if len(words) < RUN and (whole := _whole(text)):
                self._short.setdefault(whole, place)
        self._starts: I64 = np.cumsum([0, *map(len, runs)], dtype=np.int64)
        self._runs: U64 = np.concatenate(runs) if runs else np.zeros(0, dtype=np.uint64)
        self._sorted: U64 = np.unique(self._runs)

    def __len__(self) -> int:
        return len(self._names)

    @classmethod
    def read(cls, paths: Sequence[str], reading: ReadOptions) -> "Benchmarks":
        """The questions of files; each in `question`, `problem`, `prompt` or `input`, as text or chat.

        Raises:
            InputMissing: there is no such file. DataError: it is damaged, or a row of it has no question.
        """
        options = replace(reading, limit=None, mapping={}, unique_ids=False)
        with tempfile.TemporaryDirectory() as scratch:
            planned = plan(tuple(paths), options, Path(scratch))
            items = [(f"{row.file}:{row.row}", _question(row)) for row in all_rows(planned, options)]
        return cls(items, [info.sha256 for info in planned.inputs])

    def hit(self, prompt: str) -> Hit | None:
        """The question that a prompt repeats most of, the first of equals; None where it repeats none.

        Long ones are met by a shared run of 13 words; short ones where all of the prompt, or a line of it, is equal up
        to case, white space, dollar signs and the punctuation at its ends.
        """
        for text in (prompt, *prompt.splitlines()) if self._short else ():
            if (place := self._short.get(_whole(text))) is not None:
                return Hit(self._names[place], 1.0)
        runs = run_hashes(word_hashes(prompt), RUN)
        places = np.searchsorted(self._sorted, runs)
        places[places == len(self._sorted)] = 0
        if not len(self._sorted) or not (self._sorted[places] == runs).any():
            return None
        return self._most_shared(runs)

    def _most_shared(self, runs: U64) -> Hit:
        shared = np.flatnonzero(np.isin(self._runs, runs))
        owners = np.searchsorted(self._starts, shared, side="right") - 1
        hits = []
        for owner in np.unique(owners).tolist():
            start, end = int(self._starts[owner]), int(self._starts[owner + 1])
            covered = np.zeros(end - start + RUN - 1, dtype=np.bool_)
            for first in (shared[owners == owner] - start).tolist():
                covered[first : first + RUN] = True
            hits.append(Hit(self._names[owner], float(covered.mean())))
        return max(hits, key=lambda hit: hit.share)


def _whole(text: str) -> str:
    """What two short questions must have in common: all but white space, the marks of formulas, and their ends."""
    return _NO_TEXT.sub("", normalised(text)).strip(".,:;!?")


def _question(row: SourceRow) -> str:
    where = f"benchmark {row.file}:{row.row}"
    if row.value is None:
        assert row.problem is not None
        raise DataError(f"{where}: {row.problem.error}")
    try:
        return question_of(row.value, _COLUMNS)[1]
    except BadCell as error:
        raise DataError(f"{where}: {error.problem.error}") from None
