"""Which groups stand in which update, and what their tokens weigh there."""

import numpy as np
import pytest

from stages.train_policy.dealing import Deck, assign, deal
from stages.train_policy.grading import judge
from stages.train_policy.presets import PRESETS
from stages.train_policy.rollout_shards import Generation
from tests.train_policy.rollouts import group_of

DECK = Deck(
    prompts_per_update=2,
    passes=1,
    aggregate="token-mean",
    micro_tokens=12,
    max_new_tokens=8,
    seed=0,
    nll=False,
)


def a_generation(num_groups: int, deck: Deck = DECK) -> Generation:
    groups = [judge(group_of(n, 1.0, 0.0, 1.0), PRESETS["ce-gppo"], 1.0) for n in range(num_groups)]
    silent = judge(group_of(num_groups, 0.0, 0.0), PRESETS["ce-gppo"], 1.0)
    rollouts = tuple(one for group in [*groups, silent] for one in group)
    old = tuple(None if one.advantage is None else one.sampling for one in rollouts)
    right = tuple(one.reward == 1.0 for one in rollouts)
    return Generation(0, 0, 0, rollouts, old, assign(rollouts, 0, deck), right)


def test_groups_stay_whole_and_the_last_update_may_be_smaller() -> None:
    generation = a_generation(5)
    updates = deal(generation, DECK)
    assert [len(update.rows) for update in updates] == [6, 6, 3]
    assert generation.mini_batches[-2:] == (None, None)
    for update in updates:
        prompts = [row.prompt_ids for row in update.rows]
        assert all(prompts.count(prompt) == 3 for prompt in prompts)


def test_every_token_mean_weighs_one_in_each_update() -> None:
    for update in deal(a_generation(3), DECK):
        assert sum(row.weight * len(row.completion_ids) for row in update.rows) == pytest.approx(1)


def test_micro_batches_hold_each_row_once_and_at_most_their_tokens() -> None:
    for update in deal(a_generation(4), DECK):
        assert sorted(place for batch in update.batches for place in batch) == list(range(len(update.rows)))
        assert all(len(batch) <= 2 for batch in update.batches)  # each row has 3 + 2 tokens


def test_two_passes_are_the_updates_twice() -> None:
    once, twice = deal(a_generation(4), DECK), deal(a_generation(4), DECK._replace(passes=2))
    assert [update.batches for update in twice] == [update.batches for update in once + once]
    assert len(twice) == 4


def test_only_right_completions_have_a_log_loss() -> None:
    (update,) = deal(a_generation(2), DECK._replace(nll=True))
    by_number = [(row.id.split("#")[1][0], row.nll_weight > 0) for row in update.rows]
    assert all(weighs == (number != "1") for number, weighs in by_number)
    assert sum(row.nll_weight * len(row.completion_ids) for row in update.rows) == pytest.approx(1)


def test_references_are_asked_for_what_is_trained_on() -> None:
    asked: list[object] = []

    def references(pairs: object) -> list[np.ndarray]:
        asked.extend(pairs)  # type: ignore[arg-type]
        return [np.zeros(2, dtype=np.float32) for _ in pairs]  # type: ignore[attr-defined]

    updates = deal(a_generation(2), DECK, references)
    assert asked == [(row.prompt_ids, row.completion_ids) for row in updates[0].rows]
    assert all(row.reference is not None for row in updates[0].rows)


def test_a_generation_that_teaches_nothing_has_no_updates() -> None:
    assert deal(a_generation(0), DECK) == []
