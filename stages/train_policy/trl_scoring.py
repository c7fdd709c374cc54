"""Our rewards as TRL's reward function: completions in, values out, and a halt where too many have none."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import torch.distributed as dist

from stages.core.errors import TooManyFailed
from stages.rewards.item import Reward, RewardItem, RewardResult
from stages.train_policy.arrays import Prompt
from stages.train_policy.config import TrainPolicyConfig
from stages.train_policy.presets import Settled
from stages.train_policy.shaping import overlong_penalty

T = TypeVar("T")

_NAMED: Final = 3
"""How many completions without a reward an error names."""


class Scorer:
    """TRL's reward function: our rewards of completions of prompts that are named by id; None has no advantage."""

    __name__ = "reward"

    def __init__(
        self,
        config: TrainPolicyConfig,
        settled: Settled,
        prompts: Sequence[Prompt],
        reward: Reward,
        ends: frozenset[int],
    ) -> None:
        self._config = config
        self._settled = settled
        self._prompts = {prompt.id: prompt for prompt in prompts}
        self._reward = reward
        self._ends = ends

    def __call__(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        log_metric: Callable[[str, float], None],
        **columns: object,
    ) -> list[float | None]:
        """Score the completions of this process. Raises TooManyFailed on all processes, by the counts of all."""
        items = [
            _item(self._prompts[prompt], number, text, tuple(ids))
            for number, (prompt, text, ids) in enumerate(zip(prompts, completions, completion_ids, strict=True))
        ]
        results = self._reward.score(items)
        self._check_failed(items, results)
        for name, values in _by_part(results).items():
            log_metric(f"reward.{name}", sum(values) / len(values))
        return [self._worth(item, result) for item, result in zip(items, results, strict=True)]

    def _worth(self, item: RewardItem, result: RewardResult) -> float | None:
        value, options = result.value, self._config.rollouts
        if value is None:
            return None
        ids = item.completion_ids
        cut_off = len(ids) >= options.max_new_tokens and ids[-1] not in self._ends
        if cut_off and self._settled.truncated == "wrong":
            return 0.0
        return value + overlong_penalty(len(ids), options.max_new_tokens, options.overlong_buffer)

    def _check_failed(self, items: Sequence[RewardItem], results: Sequence[RewardResult]) -> None:
        told = [
            f"{item.id}: {result.status}, {result.detail}"
            for item, result in zip(items, results, strict=True)
            if result.status in ("timeout", "error")
        ]
        sums = of_all((len(told), len(items), told[:_NAMED]))
        failed, total = sum(one[0] for one in sums), sum(one[1] for one in sums)
        if failed > self._config.run.max_failed * total:
            named = "; ".join([text for one in sums for text in one[2]][:_NAMED])
            raise TooManyFailed(
                f"{failed:,} of {total:,} completions of a generation have no reward, more than --max-failed "
                f"{self._config.run.max_failed:g}: {named}. Mend the reward, or accept them with a larger --max-failed."
            )


def of_all(value: T) -> list[T]:
    """What all processes have; all must call it."""
    if not dist.is_initialized():
        return [value]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, value)
    return gathered


def _item(prompt: Prompt, number: int, completion: str, ids: tuple[int, ...]) -> RewardItem:
    return RewardItem(
        id=f"{prompt.id}#{number}",
        messages=prompt.messages,
        completion=completion,
        reference=prompt.reference,
        principle=prompt.principle,
        extra={**prompt.extra, "id": prompt.id},
        prompt_ids=prompt.ids,
        completion_ids=ids,
    )


def _by_part(results: Sequence[RewardResult]) -> dict[str, list[float]]:
    parts: dict[str, list[float]] = {}
    for result in results:
        for name, value in result.parts.items():
            parts.setdefault(name, []).append(value)
    return parts
