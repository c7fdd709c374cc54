"""How a generation comes about: draw prompts, sample, score, sort out groups that teach nothing, draw further ones.

It knows neither optimiser nor checkpoints. What it does is a function of the weights, the seed and the place of the
first prompt; pieces that an earlier try has finished are taken from the disk.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from stages.core.errors import DataError, TooManyFailed
from stages.models.sampler import Asked, Drawn, NotFiniteError, Sampler
from stages.rewards.item import Reward, RewardItem, RewardResult
from stages.train_policy.arrays import Prompt, Rollout
from stages.train_policy.config import RolloutOptions
from stages.train_policy.drawing import draw, sampling_seed
from stages.train_policy.grading import judge, num_teaching, without_surplus
from stages.train_policy.presets import Settled
from stages.train_policy.rollout_shards import Generation, read_piece, write_piece
from stages.train_policy.shaping import overlong_penalty

T = TypeVar("T")

_FEWEST: Final = 0.25
"""The smallest share of groups that dynamic sampling expects to keep when it decides how many to draw."""

_NAMED: Final = 3
"""How many completions without a reward an error names."""


class Stopped(Exception):
    """Somebody asked to stop while a generation was made; what is finished of it is on the disk."""


@dataclass(frozen=True, kw_only=True)
class Generator:
    """Makes generations of a policy.

    `folder` holds finished pieces, `scratch` half-written files. `pause` is called between pieces and may raise.
    `start` is told of each generation, `advance` of completions drawn.
    """

    prompts: Sequence[Prompt]
    sampler: Sampler
    reward: Reward
    settled: Settled
    options: RolloutOptions
    per_generation: int
    seed: int
    max_failed: float
    folder: Path
    scratch: Path
    pause: Callable[[], None] = lambda: None
    advance: Callable[[int], None] = lambda completions: None
    start: Callable[[int], None] = lambda number: None

    def __call__(self, number: int, step: int, start: int) -> Generation:
        """Sample generation `number` from a policy of `step` steps; its first prompt is at the place `start`.

        Raises Stopped where `pause` does, and TooManyFailed if more completions than the share `max_failed` have no
        reward for a fault of the scorer.
        """
        self._forget_others(number)
        self.start(number)
        groups: list[list[Rollout]] = []
        right: list[list[bool | None]] = []
        results: list[RewardResult] = []
        place, round_ = start, 0
        last = start + self.per_generation * (self.options.max_gen_batches if self.settled.dynamic_sampling else 1)
        while (missing := self.per_generation - num_teaching(groups)) > 0 and place < last:
            count = min(self._wanted(missing, groups), last - place)
            drawn = self._sample(number, round_, place, count)
            self.pause()
            scored = self._score(drawn, len(groups))
            results += scored.results
            self._check_failed(number, scored.groups, results)
            groups += [judge(group, self.settled, self.reward.best) for group in scored.groups]
            right += scored.right
            place, round_ = place + count, round_ + 1
        rollouts = tuple(one for group in without_surplus(groups, self.per_generation) for one in group)
        return Generation(
            number=number,
            step=step,
            end=place,
            rollouts=rollouts,
            old=(None,) * len(rollouts),
            mini_batches=(None,) * len(rollouts),
            right=tuple(one for flags in right for one in flags),
        )

    def _forget_others(self, number: int) -> None:
        """Remove the pieces of generations before this one, which are stored whole."""
        for path in self.folder.glob("g*.parquet"):
            if not path.name.startswith(f"g{number:05d}-"):
                path.unlink()

    def _wanted(self, missing: int, groups: Sequence[Sequence[Rollout]]) -> int:
        """How many prompts to draw next, by the share of groups that were kept so far."""
        if not groups:
            return missing
        share = max(_FEWEST, num_teaching(groups) / len(groups))
        return min(self.per_generation, -int(-missing // share))

    def _sample(self, number: int, round_: int, place: int, count: int) -> list[tuple[Prompt, list[Drawn]]]:
        """Completions of the prompts at `count` places from `place`, in pieces of whole groups."""
        chosen = draw(len(self.prompts), self.seed, place, count)
        size = self.options.group_size
        asked = [
            (
                self.prompts[prompt],
                [Asked(self.prompts[prompt].ids, sampling_seed(self.seed, at, k)) for k in range(size)],
            )
            for at, prompt in enumerate(chosen, place)
        ]
        result: list[tuple[Prompt, list[Drawn]]] = []
        for piece, part in enumerate(_pieces(asked, max(1, self.options.sample_batch // size))):
            path = self.folder / f"g{number:05d}-{round_:02d}-{piece:05d}.parquet"
            drawn = self._found(path)
            if drawn is None:
                self.pause()
                drawn = self._drawn(number, part)
                write_piece(path, drawn, self.scratch)
            result += zip((prompt for prompt, _ in part), _pieces(drawn, size), strict=True)
        return result

    def _found(self, path: Path) -> list[Drawn] | None:
        """A piece that an earlier try has finished; what the disk damaged is drawn again."""
        if not path.exists():
            return None
        try:
            drawn = read_piece(path)
        except DataError:
            return None
        self.advance(len(drawn))
        return drawn

    def _drawn(self, number: int, part: Sequence[tuple[Prompt, list[Asked]]]) -> list[Drawn]:
        try:
            return self.sampler.sample([one for _, group in part for one in group], self.advance)
        except NotFiniteError as fault:
            prompt = part[fault.place // self.options.group_size][0]
            raise DataError(
                f"Generation {number}, prompt {prompt.id}, token {fault.token}: the policy's probabilities are not "
                "finite (NaN). Its weights are ruined: start again with a lower --learning-rate or --grad-clip, or "
                "with a base that is whole."
            ) from fault

    def _score(self, drawn: Sequence[tuple[Prompt, list[Drawn]]], first: int) -> "_Scored":
        items = [
            RewardItem(
                id=f"{prompt.id}#{k}",
                messages=prompt.messages,
                completion=self.sampler.text(one.ids),
                reference=prompt.reference,
                principle=prompt.principle,
                extra={**prompt.extra, "id": prompt.id},
                prompt_ids=prompt.ids,
                completion_ids=one.ids,
            )
            for prompt, group in drawn
            for k, one in enumerate(group)
        ]
        results = self.reward.score(items)
        assert len(results) == len(items)
        paired = iter(zip(items, results, strict=True))
        groups, right = [], []
        for number, (prompt, group) in enumerate(drawn, first):
            pairs = [next(paired) for _ in group]
            groups.append([self._rollout(prompt, number, k, one, *pairs[k]) for k, one in enumerate(group)])
            right.append([self._is_right(one, result) for one, (_, result) in zip(group, pairs, strict=True)])
        return _Scored(groups, right, results)

    def _rollout(
        self, prompt: Prompt, group: int, number: int, drawn: Drawn, item: RewardItem, result: RewardResult
    ) -> Rollout:
        value, options = result.value, self.options
        if value is not None and options.overlong_buffer:
            value += overlong_penalty(len(drawn.ids), options.max_new_tokens, options.overlong_buffer)
        return Rollout(
            prompt=prompt,
            group=group,
            number=number,
            completion=item.completion,
            completion_ids=drawn.ids,
            sampling=drawn.logprobs,
            finish=drawn.finish,
            reward=value,
            parts=result.parts,
            status=result.status,
            detail=result.detail,
        )

    def _is_right(self, drawn: Drawn, result: RewardResult) -> bool | None:
        if self.reward.best is None or result.value is None:
            return None
        wrong = drawn.finish == "length" and self.settled.truncated == "wrong"
        return result.value >= self.reward.best and not wrong

    def _check_failed(self, number: int, groups: Sequence[Sequence[Rollout]], results: Sequence[RewardResult]) -> None:
        failed = Counter(result.status for result in results if result.status in ("timeout", "error"))
        if failed.total() <= self.max_failed * len(results):
            return
        named = [one for group in groups for one in group if one.status in failed][:_NAMED]
        told = "; ".join(f"{one.prompt.id}#{one.number}: {one.status}, {one.detail}" for one in named)
        counts = ", ".join(f"{status} {count:,}" for status, count in sorted(failed.items()))
        raise TooManyFailed(
            f"{failed.total():,} of {len(results):,} completions of generation {number} have no reward ({counts}), "
            f"more than --max-failed {self.max_failed:g}: {told}. Mend what is wrong, or accept them with a larger "
            "--max-failed, and the same command goes on here; after generation 0, a changed module of py: makes it a "
            "run of its own."
        )


class _Scored(NamedTuple):
    groups: list[list[Rollout]]
    right: list[list[bool | None]]
    results: Sequence[RewardResult]


def _pieces(items: Sequence[T], size: int) -> Iterator[list[T]]:
    return (list(items[at : at + size]) for at in range(0, len(items), size))
