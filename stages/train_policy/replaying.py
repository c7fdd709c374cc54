"""Generations out of stored rollouts: what another loss would have made of what a policy wrote.

Rewards and log-probabilities are those that were stored, and groups beyond the number wanted stay aside; advantages and
mini-batches are decided anew. Only the first generation is what the policy under training would have sampled itself:
the further, the more are the ratios those of two policies.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from stages.core.rows import Problem, Row, SourceRow
from stages.train_policy.arrays import Floats, Rollout
from stages.train_policy.grading import SURPLUS, as_surplus, judge
from stages.train_policy.presets import Settled
from stages.train_policy.rollout_shards import Generation, rollout_of

NEEDED: Final = (
    "generation",
    "group",
    "number",
    "prompt_id",
    "prompt",
    "completion",
    "prompt_ids",
    "completion_ids",
    "sampling_logprobs",
    "finish",
    "reward",
)


def find_problem(row: Row, vocabulary: int) -> Problem | None:
    """Say what is wrong with a row of rollouts for a model of that many tokens; None for a good one."""
    lacking = next((name for name in NEEDED if name not in row), None)
    if lacking is not None:
        return Problem("missing", lacking, f"the row has no {lacking!r}; give the folder rollouts of a policy.")
    ids = [*row["prompt_ids"], *row["completion_ids"]]
    if not row["completion_ids"] or len(row["completion_ids"]) != len(row["sampling_logprobs"]):
        return Problem("bad_length", "completion_ids", "the completion has no tokens, or not one log-probability each.")
    if min(ids) < 0 or max(ids) >= vocabulary:
        return Problem(
            "bad_token", "completion_ids", f"token {max(ids)} is none of the model's {vocabulary:,}; use the same base."
        )
    return None


class Replay:
    """A Source of stored generations, in the order of their numbers; rows that are no problem, in any order."""

    def __init__(self, rows: Sequence[SourceRow], settled: Settled) -> None:
        self._settled = settled
        self._generations: dict[int, list[Row]] = {}
        for row in rows:
            assert row.value is not None
            self._generations.setdefault(row.value["generation"], []).append(row.value)
        self._numbers = sorted(self._generations)

    @property
    def num_generations(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def __call__(self, number: int, step: int, start: int) -> Generation | None:
        """See loop.Source."""
        if number >= len(self._numbers):
            return None
        rows = sorted(self._generations[self._numbers[number]], key=lambda row: (row["group"], row["number"]))
        best = 1.0 if any(row.get("correct") is not None for row in rows) else None
        groups: dict[int, list[Rollout]] = {}
        for row in rows:
            fresh = rollout_of({"reward_model": None, "parts": None, "principle": None, "detail": None, **row})
            groups.setdefault(row["group"], []).append(fresh._replace(advantage=None, dropped_by=None))
        surplus = {row["group"] for row in rows if row.get("dropped_by") == SURPLUS}
        judged = {number: judge(group, self._settled, best) for number, group in groups.items()}
        judged |= {number: [as_surplus(one) for one in judged[number]] for number in surplus}
        rollouts = [one for group in judged.values() for one in group]
        return Generation(
            number=number,
            step=step,
            end=start,
            rollouts=tuple(rollouts),
            old=tuple(_old(row) for row in rows),
            mini_batches=(None,) * len(rows),
            right=tuple(row.get("correct") for row in rows),
        )


def _old(row: Mapping[str, Any]) -> Floats:
    """The log-probabilities that ratios are to: those before the updates, at sampling where these were not stored."""
    found = row.get("old_logprobs")
    return np.array(row["sampling_logprobs"] if found is None else found, dtype=np.float32)
