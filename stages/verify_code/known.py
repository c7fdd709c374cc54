"""The different programs of each task with what became of its tests, read back from the runs for augmentation."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.shards import list_parts, local, read_shard
from stages.programs.matrix import Matrix
from stages.verify_code.augmented import Known
from stages.verify_code.decide import group_tasks
from stages.verify_code.write import load_programs


class KnownPrograms:
    """Programs of the runs, by task. Texts are read when they are asked for."""

    def __init__(self, runs: Path) -> None:
        self._paths = list_parts(runs)
        self._ends = np.cumsum([pq.read_metadata(local(path)).num_rows for path in self._paths])
        self._programs = load_programs(runs, [int(path.stem.removeprefix("part-")) for path in self._paths], ())
        self._groups = {group.suite: group for group in group_tasks(self._programs)}

    def of(self, suite: str) -> Known:
        """The different programs that a task has, in order of appearance, and how often each occurs."""
        group = self._groups[suite]
        firsts = self._firsts(suite)
        matrix = Matrix.of([group.vectors[place] for place in firsts.values()])
        counts = [sum(self._programs.sha[place] == sha for place in group.places) for sha in firsts]
        sources = tuple(self._source(int(group.places[place])) for place in firsts.values())
        return Known(sources=sources, matrix=matrix, counts=np.array(counts, dtype=np.int64))

    def shas(self, suite: str) -> list[str]:
        """sha256 of the programs of `of`, in its order."""
        return list(self._firsts(suite))

    def _firsts(self, suite: str) -> dict[str, int]:
        """sha256 of each different program to its first place among those of the task."""
        firsts: dict[str, int] = {}
        for number, place in enumerate(self._groups[suite].places):
            sha = self._programs.sha[place]
            if sha is not None:
                firsts.setdefault(sha, number)
        return firsts

    def _source(self, place: int) -> str:
        part = int(np.searchsorted(self._ends, place, side="right"))
        first = int(self._ends[part - 1]) if part else 0
        column = read_shard(self._paths[part], columns=["solution"])["solution"]
        text: str = column.take(pa.array([place - first]))[0].as_py()
        return text
