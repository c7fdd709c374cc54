"""What `--dry-run` says about the time of distances, from the first rows of the input and this machine's speed.

What a model needs to make chains is not forecast: that is the model's own time. `Hunt.forecast` knows more.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from stages.core.rows import Problem, Row
from stages.core.sources import Plan
from stages.select_cotp.annotating import RulesAnnotator
from stages.select_cotp.arrays import Block, Codes, Objective, Series
from stages.select_cotp.chaining import Chain, Method, chains_of
from stages.select_cotp.choose import first_of
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.core_rows import core_files, core_sample
from stages.select_cotp.finding import Kernels
from stages.select_cotp.jobs import Settings
from stages.select_cotp.pool import codes_of
from stages.select_cotp.reading import read_cot
from stages.select_cotp.speed import Forecast
from stages.select_cotp.speed import forecast as measure


def forecast(settings: Settings, plan: Plan, threads: int) -> dict[str, object]:
    """Figures for a pool like its first rows; nothing is written, no model is asked."""
    config = settings.config
    pool = _chains(settings, plan.sample)
    core, num_core = pool, config.build_core or 1
    if config.core:
        core, num_core = _chains(settings, core_sample(config)), core_files(config)[1]
    figures: dict[str, object] = {"rows": plan.rows, "core_rows": num_core, "pairs": num_core * plan.rows}
    if not pool or not core:
        return figures | {"seconds_for_distances": "unknown: no row of the sample can be used"}
    found = _measured(config, pool, [core[place % len(core)] for place in range(num_core)], plan.rows, threads)
    return figures | {"seconds_for_distances": round(found.seconds, 1), "threads": threads}


def _measured(
    config: SelectCotpConfig, pool: Sequence[Chain], core: Sequence[Chain], rows: int, threads: int
) -> Forecast:
    patterns, names = _codes(config, core)
    weights = np.ones(0 if patterns is None else len(patterns.values), dtype=np.float32)
    kernels = Kernels(config, names, patterns, weights, _series(config, core))
    codes, pool_names = _codes(config, pool)
    kernels.learn(pool_names)
    num = len(pool)
    block = Block(np.arange(num), np.arange(num, dtype=np.uint64), codes, _series(config, pool), np.zeros(num))
    return measure(
        patterns=kernels.patterns,
        entropy=kernels.entropy,
        core=kernels.series,
        num_core=len(core),
        objectives=[Objective(f"{share:g}", share, 1 - share) for share in config.lambdas],
        nearest=first_of(config, config.per_core or 1),
        threads=threads,
        block=block,
        rows=rows,
        prune=config.prune if config.kernel == "simd" else "none",
        radius=kernels.radius,
    )


def _chains(settings: Settings, sample: Sequence[Row]) -> list[Chain]:
    """Chains of the first rows: by the rules where a model would name the patterns, without entropies."""
    config = replace(settings.config, benchmarks=(), lambda_=1.0, sweep=(), output_arm=None)
    own_names = settings.annotates == "column" and settings.config.needs_patterns
    annotator = None if own_names else RulesAnnotator()
    method = Method(config=config, annotator=annotator, entropies=None, benchmarks=None, mapping={})
    cots = [(row, read_cot(dict(row))) for row in sample]
    items = [(place, row, cot) for place, (row, cot) in enumerate(cots) if not isinstance(cot, Problem)]
    found = chains_of(method, items, 0, lambda rows: None)
    return [chain for chain in found if isinstance(chain, Chain) and chain.patterns]


def _codes(config: SelectCotpConfig, chains: Sequence[Chain]) -> tuple[Codes | None, list[str]]:
    if not config.uses_patterns:
        return None, []
    return codes_of(pa.chunked_array([pa.array([chain.patterns for chain in chains], type=pa.list_(pa.string()))]))


def _series(config: SelectCotpConfig, chains: Sequence[Chain]) -> Series | None:
    """Entropy chains of the right lengths, which are what the time depends on most; their values are drawn."""
    if not config.uses_entropy:
        return None
    bins, draw = config.chains.bins, np.random.default_rng(0)
    if bins == "per-step":
        lengths = [len(chain.patterns) for chain in chains]
    else:
        lengths = [chain.num_tokens if bins == "none" else int(bins) for chain in chains]
    starts = np.cumsum([0, *(max(1, length) for length in lengths)], dtype=np.int64)
    return Series(draw.exponential(0.5, int(starts[-1])).astype(np.float32), starts)
