"""Which pieces make which micro-batch, and which micro-batches make which step: fixed before the first step is taken.

Everything is drawn from the seed alone, so that a resumed run and any number of processes take the same steps.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from stages.train_rm.batch import MicroBatch, Pair, Step

_WINDOW: Final = 32
"""Micro-batches that are filled together: more fill better, fewer leave what stands together to chance."""


def plan_steps(
    pieces: Sequence[MicroBatch], *, epochs: float, step_tokens: int, micro_tokens: int, seed: int, processes: int
) -> list[Step]:
    """Deal pieces into steps: each once an epoch, in a random order; the first of that order where an epoch is partial.

    A step has at most `step_tokens` unique tokens in as few micro-batches of at most `micro_tokens` as that takes,
    filled evenly; a larger piece is a micro-batch alone. The last step may have fewer. Every step is filled up to a
    multiple of `processes` with micro-batches that have neither targets nor pairs; nothing else depends on
    `processes`.
    """
    assert min(step_tokens, micro_tokens, processes) > 0
    if not pieces:
        return []
    per_step = math.ceil(step_tokens / micro_tokens)
    capacity = math.ceil(step_tokens / per_step)
    batches = [
        batch for epoch in range(math.ceil(epochs)) for batch in _epoch(pieces, epoch, epochs - epoch, capacity, seed)
    ]
    idle = MicroBatch(
        trees=(min((tree for piece in pieces for tree in piece.trees), key=lambda tree: tree.num_tokens),)
    )
    width = math.ceil(per_step / processes) * processes
    steps = [batches[start : start + per_step] for start in range(0, len(batches), per_step)]
    return [Step(micro_batches=(*step, *[idle] * (width - len(step)))) for step in steps]


def _epoch(pieces: Sequence[MicroBatch], epoch: int, share: float, capacity: int, seed: int) -> Iterator[MicroBatch]:
    """Micro-batches of one epoch, or of its first `share`."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(pieces))[: round(min(share, 1.0) * len(pieces))].tolist()
    sizes = [piece.num_tokens for piece in pieces]
    for window in _windows(order, sizes, _WINDOW * capacity):
        filled = first_fit(window, sizes, capacity)
        for place in rng.permutation(len(filled)).tolist():
            yield _joined([pieces[number] for number in filled[place]])


def first_fit(numbers: Sequence[int], sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Return `numbers` in groups whose sizes sum to at most `capacity`, a larger one alone: the largest are placed
    first, each into the first group that has room (first-fit decreasing).
    """
    groups: list[list[int]] = []
    rooms: list[int] = []
    for number in sorted(numbers, key=lambda number: -sizes[number]):
        size = sizes[number]
        place = next((place for place, room in enumerate(rooms) if room >= size), None)
        if place is None:
            groups.append([number])
            rooms.append(capacity - size)
        else:
            groups[place].append(number)
            rooms[place] -= size
    return groups


def _windows(order: Sequence[int], sizes: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Consecutive numbers, as many at a time as reach `limit`."""
    window: list[int] = []
    used = 0
    for number in order:
        window.append(number)
        used += sizes[number]
        if used >= limit:
            yield window
            window, used = [], 0
    if window:
        yield window


def _joined(pieces: Sequence[MicroBatch]) -> MicroBatch:
    """One micro-batch of several, places of pairs counted on."""
    pairs: list[Pair] = []
    start = 0
    for piece in pieces:
        pairs += [Pair(start + better, start + worse, margin) for better, worse, margin in piece.pairs]
        start += sum(len(tree.suffixes) for tree in piece.trees)
    return MicroBatch(
        trees=tuple(tree for piece in pieces for tree in piece.trees),
        targets=tuple(target for piece in pieces for target in piece.targets),
        pairs=tuple(pairs),
        rows=tuple(row for piece in pieces for row in piece.rows),
    )
