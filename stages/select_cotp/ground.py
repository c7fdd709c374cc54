"""What every share must agree on before distances are computed: pool, core set, scales, objectives, how much to select.

All of it follows from the stored chains, so that each share works it out by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from stages.core.errors import DataError
from stages.core.manifest import fingerprint
from stages.select_cotp.annotating import COLUMN
from stages.select_cotp.arms import capacity_for_tokens
from stages.select_cotp.arrays import F32, F64, I64, Block, Bools, Objective, taken_codes, taken_series
from stages.select_cotp.chaining import Method
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.core_rows import Core
from stages.select_cotp.dtw import EntropyKernel
from stages.select_cotp.ngrams import name_distances
from stages.select_cotp.pattern_dtw import PatternKernel
from stages.select_cotp.patterns import Inventory
from stages.select_cotp.pool import Pool, check_models, inventory, read_block
from stages.select_cotp.scales import sample, scale
from stages.select_cotp.utility import shortfall, without_rate

MAIN: Final = 0
"""The place of the objective that the method and the control arms select by."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What selection rests on. C core rows, N pool rows.

    `shortfall` (N,) is 1 - utility; `capacity` (C,) pool rows to select for each core row; `scales` are (pattern,
    entropy), 1 where a term is not used. `told` is what is known of names and models, for the report.
    """

    core: Core
    pool: Pool
    shortfall: F64
    scales: tuple[float, float]
    objectives: tuple[Objective, ...]
    capacity: I64
    warnings: tuple[str, ...]
    told: dict[str, object]

    @property
    def identity(self) -> dict[str, object]:
        """What candidates rest on, for their fingerprint."""
        eligible = fingerprint(np.flatnonzero(self.pool.eligible).tolist())
        return {
            "core": self.core.sha,
            "eligible": eligible,
            "objectives": [list(one) for one in self.objectives],
            "weights": fingerprint([] if self.core.weights is None else self.core.weights.tolist()),
            "shortfall": fingerprint(self.shortfall.tolist()) if any(o.of_shortfall for o in self.objectives) else "",
        }


def lay(config: SelectCotpConfig, core: Core, pool: Pool, chains: Path, method: Method) -> Ground:
    """Settle everything that distances and selection rest on.

    Raises:
        DataError: entropies of different models are mixed; nothing is left to select from; fewer rows are left than
            are to be selected.
    """
    check_models((*pool.entropy_models, *core.entropy_models))
    pool.drop(np.isin(pool.digest, core.digest), "in_core")
    rates = pool.success_rate
    lacking = shortfall(rates, config.utility) if config.utility != "none" else np.zeros(len(pool))
    scales, warnings = _scales(config, core, pool, chains)
    names, unnamed = inventory(chains, len(pool.part_starts) - 1)
    return Ground(
        core=core,
        pool=pool,
        shortfall=lacking,
        scales=scales,
        objectives=tuple(_objectives(config, scales)),
        capacity=_capacity(config, core, pool),
        warnings=(*_doubts(config, core, pool, names), *warnings),
        told={
            "annotator": COLUMN if method.annotator is None else method.annotator.name,
            "names": len(names.occurrences),
            "patterns_without_a_name": unnamed,
            "inventory": names.facts(method.mapping) | {"most_frequent": dict(list(names.occurrences.items())[:50])},
            "entropy_model": ", ".join(pool.entropy_models) or "none",
            "rows_with_a_question_of_the_core": _same_question(core, pool),
        },
    )


def _capacity(config: SelectCotpConfig, core: Core, pool: Pool) -> I64:
    left = int(pool.eligible.sum())
    pool.check_left()
    if config.tokens is not None:
        each = capacity_for_tokens(config.tokens, pool.num_tokens[pool.eligible], len(core))
    else:
        each = config.per_core or 1
    if config.max_distance is None and left < each * len(core):
        most = left // len(core)
        remedy = f"the most that is possible is --per-core {most:,}" if most else "add pool rows or leave out core rows"
        if config.tokens is not None and most:
            mean = float(pool.num_tokens[pool.eligible].mean())
            remedy = f"the most that is possible is --tokens {int(most * len(core) * mean):,}".replace(",", "")
        raise DataError(
            f"{len(core):,} core rows x {each:,} each need {each * len(core):,} pool rows, but only {left:,} can be "
            f"selected (dropped: {pool.drops_told()}); {remedy}."
        )
    return np.full(len(core), min(each, left), dtype=np.int64)


def _objectives(config: SelectCotpConfig, scales: tuple[float, float]) -> list[Objective]:
    """The distances: one for each lambda, and one with the utility."""
    found = [_objective(f"lambda={share:g}", share, scales) for share in config.lambdas]
    if config.utility != "none":
        name = f"{config.utility}:{config.utility_weight:g}"
        main = _objective(name, config.lambda_, scales)
        found.append(main._replace(of_shortfall=config.utility_weight))
    return found


def _objective(name: str, share: float, scales: tuple[float, float]) -> Objective:
    return Objective(name, share / scales[0], (1 - share) / scales[1])


def _scales(config: SelectCotpConfig, core: Core, pool: Pool, chains: Path) -> tuple[tuple[float, float], list[str]]:
    """The medians of both terms over sampled pairs of rows that may be selected."""
    if config.scale == "none" or not pool.eligible.any():
        return (1.0, 1.0), []
    rows = np.flatnonzero(pool.eligible)
    some_core, some_pool = sample(core.tie, pool.tie[rows], config.run.seed)
    wanted = np.zeros(len(pool), dtype=np.bool_)
    wanted[rows[some_pool]] = True
    pattern, entropy = _distances(config, core, some_core, read_some(chains, pool, wanted))
    found, warnings = [], []
    for name, table in (("pattern", pattern), ("entropy", entropy)):
        value, doubt = (1.0, None) if table is None else scale(table, name)
        found.append(value)
        warnings += [] if doubt is None else [doubt]
    return (found[0], found[1]), warnings


def read_some(chains: Path, pool: Pool, wanted: Bools) -> tuple[Block, list[str]]:
    """A few rows of the pool (N,) from the parts that hold them, in the order of position, and their pattern names."""
    parts = np.unique(np.searchsorted(pool.part_starts, np.flatnonzero(wanted), side="right") - 1)
    return read_block(chains, parts.tolist(), pool, np.zeros(len(pool)), wanted)


def _distances(
    config: SelectCotpConfig, core: Core, rows: I64, some: tuple[Block, list[str]]
) -> tuple[F32 | None, F32 | None]:
    """Both terms between some core rows and a few rows of the pool; None for one that is not used."""
    block, names = some
    pattern = entropy = None
    codes, weights = taken_codes(core.patterns, core.weights, rows)
    series = taken_series(core.entropy, rows)
    if codes is not None and block.patterns is not None:
        table = name_distances(core.names, names, config.name_distance)
        pattern = PatternKernel(codes, weights, table, engine=engine_of(config)).block(block.patterns)
    if series is not None and block.entropy is not None:
        entropy = EntropyKernel(series, band=config.band, engine=config.kernel).block(block.entropy)
    return pattern, entropy


def engine_of(config: SelectCotpConfig) -> Literal["simd", "scalar"]:
    """The engine of pattern distances: tslearn has none, and leaves them to the plain loops."""
    return "simd" if config.kernel == "simd" else "scalar"


def _doubts(config: SelectCotpConfig, core: Core, pool: Pool, names: Inventory) -> Iterator[str]:
    """What may be wrong with what is compared, a sentence each."""
    if len(set(core.digest.tolist())) < len(core):
        yield "Some core rows have the same completion; they compete for the same pool rows."
    models = {*pool.entropy_models, *core.entropy_models}
    if COLUMN in models and len(models) > 1:
        known = max(models - {COLUMN})
        yield f"Some rows do not say which model their entropies are of; they are compared as if of {known}."
    if config.uses_patterns and (doubt := names.warning()) is not None:
        yield doubt
    if config.utility != "none" and (unknown := without_rate(pool.success_rate)):
        yield f"{unknown:,} of {len(pool):,} rows have no success_rate; their utility counts as 0."


def _same_question(core: Core, pool: Pool) -> int:
    """How many rows that may be selected answer a question of the core set."""
    known = set(core.questions)
    asked = np.array([name in known for name in pool.questions], dtype=np.bool_)
    return int((asked[pool.question] & pool.eligible).sum())
