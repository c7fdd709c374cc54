"""The core set: read from files or taken from the pool, with its chains, stored so that everything after it agrees.

How rows are chosen for a core set that is built says `core_set.py`.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stages.core.errors import DataError, OutputError
from stages.core.inputs import find_files
from stages.core.manifest import hidden
from stages.core.rows import Problem, Row, SourceRow, rename
from stages.core.runner import reading
from stages.core.shards import part_path, to_table, write_part
from stages.core.sources import plan
from stages.core.tables import CHAT
from stages.core.whole import all_rows
from stages.select_cotp.arrays import F32, U64, Codes, Series, tie_of
from stages.select_cotp.chaining import Chain, Item, Method, chains_of, stored_row
from stages.select_cotp.columns import CHAINS
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.jobs import Settings
from stages.select_cotp.pool import codes_of, read_stored, series_of
from stages.select_cotp.reading import Cot, read_cot
from stages.select_cotp.weights import importance

CORE: Final = "core"
"""Folder, among our own files of the output, of the core set; it can be the --core of another run."""

PART: Final = 99_999
"""The number under which the core set's calls to a model are remembered, beyond every part of the pool."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """The core set as the kernels take it. C rows.

    `names` are the distinct pattern names, which `patterns` stands for; `weights` go with `patterns.values`. A chain
    that no distance uses is None. `sha` is a hash of all that is in it.
    """

    ids: tuple[str, ...]
    questions: tuple[str, ...]
    tie: U64
    digest: U64
    names: list[str]
    patterns: Codes | None
    weights: F32 | None
    entropy: Series | None
    entropy_models: tuple[str, ...]
    sha: str

    def __len__(self) -> int:
        return len(self.ids)


def store_core(settings: Settings, method: Method) -> int:
    """Read the files of --core, make their chains, and store them; returns how many rows there are.

    Raises:
        InputMissing: there is no such file. DataError: a row of it cannot be used.
    """
    sources = _sources(settings.config)
    items = [_item(row) for row in sources]
    found = chains_of(replace(method, benchmarks=None), items, PART, lambda rows: None)
    chains = [_usable(one, source) for one, source in zip(found, sources, strict=True)]
    write_core(settings.root, [_core_row(chain, item[2]) for chain, item in zip(chains, items, strict=True)])
    return len(chains)


def write_core(root: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Store the core set, in its order."""
    path = part_path(hidden(root, CORE), 0)
    write_part(path, to_table(rows, _schema()), {"table": CORE}, hidden(root, "tmp"))


def _schema() -> pa.Schema:
    texts = [("prompt", CHAT), ("completion", CHAT), ("gain", pa.float32()), ("why", pa.string())]
    schema = CHAINS.schema()
    for name, type_ in texts:
        schema = schema.append(pa.field(name, type_))
    return schema


def core_files(config: SelectCotpConfig) -> tuple[list[str], int]:
    """The sha256 of each file of --core, and how many rows they have."""
    options = replace(reading(config.run), limit=None, mapping={})
    with tempfile.TemporaryDirectory() as scratch:
        planned = plan(config.core, options, Path(scratch))
    return [info.sha256 for info in planned.inputs], planned.rows


def check_apart(config: SelectCotpConfig, root: Path) -> None:
    """Raise OutputError where the core set lies in the output folder, which a run may empty before it reads it."""
    ours = root.resolve()
    for file in find_files(config.core) if config.core else ():
        if not file.remote and Path(file.path).resolve().is_relative_to(ours):
            raise OutputError(
                f"The core set {file.name} lies in the run's own --out {root}; copy it, or choose another."
            )


def core_sample(config: SelectCotpConfig) -> tuple[Row, ...]:
    """The first readable rows of --core."""
    options = replace(reading(config.run), limit=None, mapping={})
    with tempfile.TemporaryDirectory() as scratch:
        planned = plan(config.core, options, Path(scratch))
        mapping = _mapping(config, planned.columns.names())
        return tuple(rename(row, mapping) for row in planned.sample)


def _mapping(config: SelectCotpConfig, columns: Sequence[str]) -> dict[str, str]:
    """The part of --map that is about columns there are: a core set may have our names already."""
    mapping = reading(config.run).mapping
    return {ours: theirs for ours, theirs in mapping.items() if theirs in columns}


def _sources(config: SelectCotpConfig) -> list[SourceRow]:
    options = replace(reading(config.run), limit=None, mapping={})
    with tempfile.TemporaryDirectory() as scratch:
        planned = plan(config.core, options, Path(scratch))
        mapping = _mapping(config, planned.columns.names())
        if mapping:
            options = replace(options, mapping=mapping)
            planned = plan(config.core, options, Path(scratch))
        return list(all_rows(planned, options))


def _item(source: SourceRow) -> Item:
    where = f"core set {source.file}:{source.row}"
    if source.value is None:
        assert source.problem is not None
        raise DataError(f"{where}: {source.problem.error}")
    cot = read_cot(source.value)
    if isinstance(cot, Problem):
        raise DataError(f"{where}: {cot.error}")
    return source.row, source.value, cot


_WHY: Final = {
    "no_patterns": "has no pattern chain; give it `patterns`, have it annotated (--patterns), or use --lambda 0",
    "no_entropy": "has no entropies; give it `entropy`, have it computed (--entropy-model), or use --lambda 1",
    "bad_entropy": "has entropies that cannot be: NaN, infinite, negative, or above ln of the vocabulary; mend them",
}


def _usable(found: Chain | Problem, source: SourceRow) -> Chain:
    where = f"core set {source.file}:{source.row}"
    if isinstance(found, Problem):
        raise DataError(f"{where}: {found.error}")
    if found.dropped_by is not None:
        raise DataError(f"{where}: the core row {found.id!r} {_WHY[found.dropped_by]}.")
    return found


def _core_row(chain: Chain, cot: Cot) -> dict[str, Any]:
    return stored_row(chain, with_entropy=True) | {"prompt": cot.prompt, "completion": cot.completion}


def load_core(root: Path, config: SelectCotpConfig) -> Core:
    """The stored core set as arrays, with the weights that the options ask for."""
    path = part_path(hidden(root, CORE), 0)
    table = read_stored(path)
    ids, questions = table["id"].to_pylist(), table["question_id"].to_pylist()
    patterns, names = codes_of(table["patterns"]) if config.uses_patterns else (None, [])
    weights = None
    if patterns is not None:
        chains = table["patterns"].to_pylist()
        weights = np.concatenate(importance(chains, questions, idf=config.idf, weights=config.weights))
    return Core(
        ids=tuple(ids),
        questions=tuple(questions),
        tie=np.array([tie_of(name) for name in ids], dtype=np.uint64),
        digest=table["digest"].to_numpy(),
        names=names,
        patterns=patterns,
        weights=weights,
        entropy=series_of(table["bins"]) if config.uses_entropy else None,
        entropy_models=tuple(sorted(set(table["entropy_model"].drop_null().to_pylist()))),
        sha=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
