"""From a generation to its updates: which groups stand in which mini-batch, and what every token weighs there.

All weights are fixed before the first update, from true counts, so that no split into micro-batches changes them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from stages.train_policy.arrays import Floats, Rollout, TrainRow
from stages.train_policy.config import Aggregation
from stages.train_policy.drawing import shuffled
from stages.train_policy.forward import micro_batches
from stages.train_policy.rollout_shards import Generation
from stages.train_policy.weights import nll_weights, token_weights

References = Callable[[Sequence[tuple[tuple[int, ...], tuple[int, ...]]]], list[Floats]]
"""Log-probabilities of completions under the base model, for (prompt, completion) pairs."""


class Deck(NamedTuple):
    """How a generation is dealt. `micro_tokens` bound a forward pass; `passes`: how often it is gone through."""

    prompts_per_update: int
    passes: int
    aggregate: Aggregation
    micro_tokens: int
    max_new_tokens: int
    seed: int
    nll: bool


class Update(NamedTuple):
    """One optimiser step: its rows, and the micro-batches as row numbers."""

    rows: tuple[TrainRow, ...]
    batches: list[list[int]]


def assign(rollouts: Sequence[Rollout], number: int, deck: Deck) -> tuple[int | None, ...]:
    """Return for each completion of generation `number` its mini-batch, None where it has no advantage.

    Groups are never split; they are dealt in a drawn order, as many at a time as an update has.
    """
    groups = sorted({one.group for one in rollouts if one.advantage is not None})
    order = shuffled(len(groups), deck.seed, number)
    place = {groups[group]: at // deck.prompts_per_update for at, group in enumerate(order)}
    return tuple(None if one.advantage is None else place[one.group] for one in rollouts)


def deal(generation: Generation, deck: Deck, references: References | None = None) -> list[Update]:
    """Return the updates of a stored generation in order; none where nothing in it can be learned from."""
    last = max((number for number in generation.mini_batches if number is not None), default=-1)
    once = [_update(generation, number, deck, references) for number in range(last + 1)]
    return once * deck.passes


def _update(generation: Generation, number: int, deck: Deck, references: References | None) -> Update:
    places = [place for place, found in enumerate(generation.mini_batches) if found == number]
    rollouts = [generation.rollouts[place] for place in places]
    lengths = [len(one.completion_ids) for one in rollouts]
    batches = micro_batches(
        [len(one.prompt.ids) + length for one, length in zip(rollouts, lengths, strict=True)], deck.micro_tokens
    )
    weights = token_weights(lengths, deck.aggregate, micro_batches=batches, max_new_tokens=deck.max_new_tokens)
    right = [bool(generation.right[place]) for place in places]
    nll = nll_weights(lengths, right, deck.aggregate, micro_batches=batches) if deck.nll else [0.0] * len(places)
    pairs = [(one.prompt.ids, one.completion_ids) for one in rollouts]
    known = [None] * len(places) if references is None else references(pairs)
    rows = [
        _row(one, generation.old[place], weight, also, reference)
        for one, place, weight, also, reference in zip(rollouts, places, weights, nll, known, strict=True)
    ]
    return Update(tuple(rows), batches)


def _row(one: Rollout, old: Floats | None, weight: float, nll_weight: float, reference: Floats | None) -> TrainRow:
    assert one.advantage is not None
    assert old is not None
    return TrainRow(
        id=f"{one.prompt.id}#{one.number} of group {one.group}",
        prompt_ids=one.prompt.ids,
        completion_ids=one.completion_ids,
        advantage=one.advantage,
        weight=weight,
        old=old,
        reference=reference,
        nll_weight=nll_weight,
    )
