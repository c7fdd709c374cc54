"""genrm:self: a policy that is itself the judge, rewarded for judgements that agree with the label of the row.

What it is asked is in judge_prompt.py, where its verdict stands in local_spot.py. The model is read as it is at each
call, without gradient, so that nothing here may be cached.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.models.generate import end_tokens, render
from stages.models.next_token import choice_log_probs
from stages.models.sampler import evaluating
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.judge_prompt import judge_messages
from stages.rewards.judgement import NO, NO_JUDGEMENT, YES
from stages.rewards.local_spot import Spot, find_spot
from stages.rewards.spec import OWN_SIGN, Spec

LARGEST: Final = 20.0
"""Log-odds beyond which a verdict is worth no more; what an answer without a verdict loses."""

_PROBE: Final = "principle-7f3a"
_LINE: Final = "It is so.\n\nFinal Judgement: "


class OwnJudge:
    """A Reward: +-clip(log-odds of Yes over No at the verdict, +-20), positive where they agree with the label.

    The label is the item's reference, true or false. The log-odds are those of the model's full softmax at temperature
    1 after the tokens that it drew, by one forward pass. No verdict: -20, status no_answer. The reward does not depend
    on which of the two words was drawn; under `genrm:self-sign` it depends on nothing else: +1 for a verdict that
    agrees with the label, -1 for one that does not, and for none.

    `parts` of a result say what training is watched by: `verdict` is 1 where there is one, else 0; of those that have
    one, `right` is 1 where the value is above 0 and `yes` where the verdict is Yes. `row_tokens` and `autocast` are
    those of `choice_log_probs`. Raises ConfigError as `check_judge`, but for the role.
    """

    best: Final = None

    def __init__(
        self,
        spec: Spec,
        model: Any,  # noqa: ANN401 - transformers' models and tokenizers share no useful type
        tokenizer: Any,  # noqa: ANN401 - as above
        *,
        row_tokens: int,
        autocast: torch.dtype | None = None,
    ) -> None:
        _check_words(tokenizer)
        self.name: Final = f"{spec.kind}:{spec.argument}"
        self._counts_words = spec.argument == OWN_SIGN
        self._model, self._tokenizer = model, tokenizer
        self._row_tokens, self._autocast = row_tokens, autocast
        self._ends = frozenset(end_tokens(model, tokenizer))
        self._counts = Counter[str]()

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """See Reward. The seconds of a result are its share of the time that all took together."""
        started = time.perf_counter()
        spots = [find_spot(item.prompt_ids, self._written(item), self._tokenizer) for item in items]
        odds = iter(self._log_odds([spot for spot in spots if spot is not None]))
        results = [
            self._none() if spot is None else self._judged(item, spot, next(odds))
            for item, spot in zip(items, spots, strict=True)
        ]
        seconds = (time.perf_counter() - started) / max(1, len(items))
        for result in results:
            self._counts.update({"items": 1, **{name: int(value) for name, value in result.parts.items()}})
        advance(len(items))
        return [result._replace(seconds=seconds) for result in results]

    def facts(self) -> dict[str, object]:
        """Completions, and how many of them have a verdict, a right one, and Yes."""
        return dict(self._counts)

    def close(self) -> None:
        """The model belongs to somebody else."""

    def _log_odds(self, spots: Sequence[Spot]) -> list[float]:
        """The log-odds of Yes over No at each verdict; under genrm:self-sign +-1, by the word that was written."""
        if self._counts_words:
            return [1.0 if spot.answer == YES else -1.0 for spot in spots]
        with evaluating(self._model):
            choices = [spot.choice for spot in spots]
            chances = choice_log_probs(self._model, choices, self._row_tokens, autocast=self._autocast)
        return [yes - no for yes, no in chances]

    def _judged(self, item: RewardItem, spot: Spot, log_odds: float) -> RewardResult:
        assert isinstance(item.reference, bool), "the reference of an item is the row's label"
        if not math.isfinite(log_odds):
            return RewardResult(None, "error", detail="the log-odds of Yes and No are no number; the weights diverged")
        clipped = max(-LARGEST, min(LARGEST, log_odds))
        value = clipped if item.reference else -clipped
        parts = {"verdict": 1.0, "right": float(value > 0), "yes": float(spot.answer == YES)}
        return RewardResult(value, "ok", parts)

    def _none(self) -> RewardResult:
        value = -1.0 if self._counts_words else -LARGEST
        return RewardResult(value, "no_answer", {"verdict": 0.0}, detail=NO_JUDGEMENT)

    def _written(self, item: RewardItem) -> tuple[int, ...]:
        """The tokens of a completion without the one that ends it, which some tokenizers write as text."""
        ids = item.completion_ids
        return ids[:-1] if ids and ids[-1] in self._ends else ids


def check_judge(tokenizer: Any, role: str) -> None:  # noqa: ANN401 - as above
    """Raise ConfigError for a tokenizer with which no judge can be trained.

    Yes and No must be one token each where the verdict stands, and the chat template must show messages of `role`, that
    of the principle.
    """
    _check_words(tokenizer)
    prompt = judge_messages([Message("user", "Hi")], "Hello.", _PROBE, role)
    if _PROBE not in render(prompt, tokenizer, thinking=True):
        raise ConfigError(
            f"The chat template of {tokenizer.name_or_path} leaves out messages of the role {role!r}; use "
            "--principle-role user."
        )


def _check_words(tokenizer: Any) -> None:  # noqa: ANN401 - as above
    first, second = (
        tokenizer(f"{_LINE}{word}", add_special_tokens=False, verbose=False)["input_ids"] for word in (YES, NO)
    )
    if len(first) != len(second) or first[:-1] != second[:-1] or first[-1] == second[-1]:
        raise ConfigError(
            f"genrm:self compares one token with one: the tokenizer of {tokenizer.name_or_path} does not write Yes and "
            "No as one token each after 'Final Judgement:'; use another base."
        )
