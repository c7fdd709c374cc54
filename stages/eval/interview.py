"""From an item to the questions that a reward model is asked about it, and from the answers back to a scored item."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from stages.eval.answers import Answer
from stages.eval.asking import Ask, Opinion, judgement_of
from stages.eval.benchmarks import Benchmark
from stages.eval.principles import Principles
from stages.rewards.model import Judgement

_EDGE: Final = 2.0**-53
"""The distance from 1 of the largest probability below it; log-odds of stored probabilities end there."""


class Interview(Protocol):
    """What a benchmark asks of a model."""

    def asks(self, item: Any) -> tuple[Ask, ...]:  # noqa: ANN401 - an item of the benchmark
        """All questions about an item that still has its texts."""

    def judged(self, item: Any, opinions: Sequence[Opinion]) -> Any:  # noqa: ANN401
        """The item with what the opinions, in the order of the questions, say. Raises Unfit where it cannot be."""


class Verdict(NamedTuple):
    """One response under all principles that apply: what is compared, and the probability where it is calibrated."""

    score: float
    p_yes: float | None


@dataclass(frozen=True)
class ByPrinciple:
    """Each response of an item under the row's own principle, or those of the item's domain."""

    benchmark: Benchmark
    principles: Principles

    def asks(self, item: Any) -> tuple[Ask, ...]:  # noqa: ANN401
        """Response by response, principle by principle."""
        return tuple(
            Ask(one.texts.messages, one.texts.response, principle)
            for one in item.answers
            for principle in self._principles_of(item, one)
            if one.texts is not None
        )

    def judged(self, item: Any, opinions: Sequence[Opinion]) -> Any:  # noqa: ANN401
        """The item with its scores; the first problem rejects it."""
        judgements = iter([judgement_of(opinion) for opinion in opinions])
        verdicts = [combined([next(judgements) for _ in self._principles_of(item, one)]) for one in item.answers]
        scored = self.benchmark.with_scores(item, tuple(verdict.score for verdict in verdicts))
        return self.benchmark.with_p_yes(scored, tuple(verdict.p_yes for verdict in verdicts))

    def _principles_of(self, item: Any, one: Answer) -> tuple[str, ...]:  # noqa: ANN401
        if one.texts is not None and one.texts.principle is not None:
            return (one.texts.principle,)
        return self.principles.of(self.benchmark.domain(item))


def combined(judgements: Sequence[Judgement]) -> Verdict:
    """One principle's judgement as it is; of several the mean of their calibrated log-odds, else of the raw ones."""
    if len(judgements) == 1:
        return Verdict(judgements[0].score, judgements[0].p_yes)
    return Verdict(math.fsum(_log_odds(judgements)) / len(judgements), None)


def _log_odds(judgements: Sequence[Judgement]) -> Iterator[float]:
    calibrated = all(one.p_yes is not None for one in judgements)
    for one in judgements:
        if calibrated and one.p_yes is not None:
            p = min(max(one.p_yes, _EDGE), 1 - _EDGE)
            yield math.log(p) - math.log1p(-p)
        else:
            yield one.score
