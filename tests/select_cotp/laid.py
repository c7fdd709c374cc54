"""Chains stored as the first pass stores them, and what is laid on them, without a run of the stage."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.core.manifest import hidden
from stages.core.rows import Problem
from stages.core.shards import part_path, to_table, write_part
from stages.select_cotp.chaining import Chain, Item, Method, chains_of, stored_row
from stages.select_cotp.columns import CHAINS
from stages.select_cotp.config import ChainOptions, SelectCotpConfig
from stages.select_cotp.core_rows import load_core, write_core
from stages.select_cotp.finding import Finder
from stages.select_cotp.ground import Ground, lay
from stages.select_cotp.pool import Pool, read_pool
from stages.select_cotp.reading import read_cot

Rows = Sequence[dict[str, Any]]


class Laid(NamedTuple):
    """What a run would rest on; `parts` says how many parts of the chains there are."""

    config: SelectCotpConfig
    method: Method
    chains: Path
    parts: int
    ground: Ground

    def finder(self, *, chain_parts: int = 1, threads: int = 1) -> Finder:
        """`chain_parts` parts of the chains make one of the pool."""
        parts = [range(n, min(n + chain_parts, self.parts)) for n in range(0, self.parts, chain_parts)]
        return Finder(config=self.config, ground=self.ground, chains=self.chains, parts=parts, threads=threads)


def configured(*, bins: str = "8", **options: Any) -> SelectCotpConfig:
    """A configuration; the chains are those of the rows."""
    return SelectCotpConfig(inputs=("x",), core=("y",), chains=ChainOptions(patterns="column", bins=bins), **options)


def by_columns(config: SelectCotpConfig, **further: Any) -> Method:
    """What makes chains out of the rows' own columns."""
    return Method(
        **{"config": config, "annotator": None, "entropies": None, "benchmarks": None, "mapping": {}} | further
    )


def items(rows: Rows) -> list[Item]:
    """Rows as they come out of a file."""
    found = []
    for number, row in enumerate(rows, 1):
        cot = read_cot(row)
        assert not isinstance(cot, Problem), cot
        found.append((number, row, cot))
    return found


def made(method: Method, rows: Rows) -> list[Chain | Problem]:
    """The chains of rows."""
    return chains_of(method, items(rows), 0, lambda done: None)


def store(chains: Path, method: Method, parts: Sequence[Rows]) -> Path:
    """Store the chains of rows, part by part; a part without rows leaves no file."""
    for number, rows in enumerate(parts):
        found = [chain for chain in made(method, rows) if isinstance(chain, Chain)]
        if found:
            table = to_table([stored_row(chain, with_entropy=False) for chain in found], CHAINS.schema())
            write_part(part_path(chains, number), table, {}, hidden(chains, "tmp"))
    return chains


def pool_of(chains: Path, config: SelectCotpConfig, parts: int) -> Pool:
    """The pool behind stored chains."""
    return read_pool(chains, parts, config.near_duplicates)


def laid(root: Path, pool: Sequence[Rows], core: Rows, **options: Any) -> Laid:
    """Lay everything for a pool that comes in parts."""
    config = configured(**options)
    method = by_columns(config)
    chains = store(root / "chains", method, pool)
    core_chains = [chain for chain in made(method, core) if isinstance(chain, Chain)]
    write_core(root, [stored_row(chain, with_entropy=True) for chain in core_chains])
    core_set = load_core(root, config)
    ground = lay(config, core_set, pool_of(chains, config, len(pool)), chains, method)
    return Laid(config, method, chains, len(pool), ground)


def cut(rows: Rows, size: int) -> list[Rows]:
    """Rows in parts of `size`."""
    return [rows[first : first + size] for first in range(0, len(rows), size)]
