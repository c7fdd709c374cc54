"""Control arms: programs that differ in being right alone, for training runs that ask whether being right matters.

The third question of "Verification Limits Code LLM Training" (arXiv 2509.20837), which does not say how its arms were
matched; this way is ours. Shapes: N programs, in the order of the input.
"""

from typing import Final, Literal, NamedTuple

import numpy as np

from stages.programs.matrix import Bools, Floats, Ints

ArmName = Literal["correct", "incorrect", "mixed"]

_DECILES: Final = 10


class Arm(NamedTuple):
    """Which programs are in the arm (N,), and what can be written as JSON about how it was matched.

    `facts`: `pairs` of a right and a wrong program, `tasks` that give some, `tasks_without_pairs`, programs of
    `unknown_truth`, and the mean length of the right and of the wrong ones of all pairs, None without pairs.
    """

    kept: Bools
    facts: dict[str, object]


def arm(kind: ArmName, *, task: Ints, truth: Floats, length: Floats, seed: int = 0) -> Arm:
    """One program of every matched pair: the right one, the wrong one, or either.

    A pair is a right and a wrong program of one task, both of one decile of the lengths of all programs whose truth is
    known; as many pairs as there can be, which programs is drawn. So the arms of one input and seed have the same
    number of programs in every task and decile. `mixed` takes the right one of half of all pairs, drawn, of
    an odd number one more, and the wrong one of the others.

    Args:
        kind: which arm.
        task: number of each program's task (N,).
        truth: 1 right, 0 wrong, NaN not known (N,).
        length: of each program, in any unit (N,).
        seed: of what is drawn.
    """
    assert task.shape == truth.shape == length.shape
    known = ~np.isnan(truth)
    right, wrong = _pairs(task, truth, deciles(length, known), seed)
    takes_right = np.full(len(right), kind == "correct")
    if kind == "mixed":
        takes_right = np.random.default_rng([seed, 1]).permutation(len(right)) % 2 == 0
    kept = np.zeros(len(task), dtype=np.bool_)
    kept[np.where(takes_right, right, wrong)] = True
    tasks = len(np.unique(task[right]))
    return Arm(
        kept,
        {
            "pairs": len(right),
            "tasks": tasks,
            "tasks_without_pairs": len(np.unique(task)) - tasks,
            "unknown_truth": int((~known).sum()),
            "mean_length_right": float(length[right].mean()) if len(right) else None,
            "mean_length_wrong": float(length[wrong].mean()) if len(right) else None,
        },
    )


def deciles(length: Floats, known: Bools) -> Ints:
    """Decile 0 to 9 of each length (N,) among the known ones; equal lengths lie in the same."""
    if not known.any():
        return np.zeros(len(length), dtype=np.int64)
    inner = np.arange(1, _DECILES) / _DECILES
    edges = np.quantile(length[known], inner, method="inverted_cdf")
    return np.searchsorted(edges, length, side="left").astype(np.int64)


def _pairs(task: Ints, truth: Floats, decile: Ints, seed: int) -> tuple[Ints, Ints]:
    """Places of the right and of the wrong programs of all pairs."""
    rng = np.random.default_rng([seed, 0])
    order = rng.permutation(len(task))
    cells: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for place in order.tolist():
        if not np.isnan(truth[place]):
            rights, wrongs = cells.setdefault((int(task[place]), int(decile[place])), ([], []))
            (rights if truth[place] else wrongs).append(place)
    pairs = [pair for key in sorted(cells) for pair in zip(*cells[key], strict=False)]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
