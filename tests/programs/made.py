"""Standings made by hand: columns that are not given are unknown, or follow from the others."""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.programs.standings import Floats, Standings

Numbers = Sequence[float] | Floats


def made(
    passed: Sequence[int],
    total: Sequence[int],
    *,
    task: Sequence[int] | None = None,
    further: Mapping[str, Numbers] | None = None,
    group: Sequence[int] | None = None,
    **columns: Numbers,
) -> Standings:
    """One program a number of `passed`; all of one task where `task` is not given."""
    num = len(passed)
    counts, totals = np.array(passed, dtype=np.int64), np.array(total, dtype=np.int64)
    rate = np.divide(counts, totals, out=np.full(num, np.nan), where=totals > 0)
    floats = {
        name: np.array(columns.pop(name, np.full(num, np.nan)), dtype=np.float64)
        for name in ("weighted_rate", "consensus", "strength", "judge", "truth")
    }
    assert not columns
    return Standings(
        task=np.array(task if task is not None else [0] * num, dtype=np.int64),
        passed=counts,
        total=totals,
        pass_rate=rate,
        group=np.array(group if group is not None else [1] * num, dtype=np.int64),
        further={name: np.array(values, dtype=np.float64) for name, values in (further or {}).items()},
        **floats,
    )


def labelled(
    rng: np.random.Generator, num_tasks: int, *, solutions: int = 10, slope: float = 9.0, spread: float = 0.5
) -> Standings:
    """Tasks of ten tests whose programs are the more often right the more they pass, and some tasks easier."""
    num = num_tasks * solutions
    task = np.repeat(np.arange(num_tasks), solutions)
    passed = rng.integers(0, 11, num)
    ease = rng.normal(0, spread, num_tasks)[task]
    right = rng.random(num) < 1 / (1 + np.exp(-(slope * (passed / 10 - 0.5) + ease)))
    group = [int((passed[task == own] == count).sum()) for own, count in zip(task, passed, strict=True)]
    best = np.maximum.reduceat(passed, np.arange(0, num, solutions))[task]
    return made(
        passed.tolist(),
        [10] * num,
        task=task.tolist(),
        group=group,
        weighted_rate=passed / 10,
        consensus=passed / np.maximum(best, 1),
        strength=rng.random(num_tasks)[task],
        truth=right.astype(np.float64),
    )
