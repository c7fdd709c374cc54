"""rm: and genrm: as sources of rewards: what a reward model thinks of a completion under its row's principle.

Which model it is says open.py; genrm:self, the policy as its own judge, is made by the stage.
"""

import re
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from stages.core.errors import ConfigError
from stages.core.rows import Problem
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.model import Judgement, Query, RewardModel
from stages.rewards.open import is_url, open_reward_model
from stages.rewards.options import RewardOptions
from stages.rewards.spec import Kind, Spec
from stages.rewards.tally import Tally

NO_PRINCIPLE: Final = "the row names no principle to judge by; give it a column 'principle', or all rows --principle."


def open_model(
    spec: Spec,
    options: RewardOptions,
    *,
    seed: int,
    folder: Path,
    notice: Callable[[str], None],
    allow_demo: bool = False,
) -> "ModelReward":
    """Open the reward model of a spec of kind rm or genrm; its finished calls, if it makes any, go under `folder`.

    Raises ConfigError for a model that was made for demos, unless that is allowed; and as `open_reward_model`.
    """
    assert spec.kind in ("rm", "genrm"), spec
    assert not spec.is_own, "the stage opens genrm:self"
    if not allow_demo:
        refuse_demo(spec)
    journal = folder / f"{file_stem(spec)}.jsonl"
    model = open_reward_model(spec.argument, options, seed=seed, journal=journal, notice=notice)
    return ModelReward(spec.kind, model)


def file_stem(spec: Spec) -> str:
    """A name for files about a source: the end of its model's name, and a hash that tells it from others."""
    source = spec.argument.removeprefix("local:").rstrip("/")
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", source.rpartition("/")[2]) or "model"
    return f"{spec.kind}-{readable}-{sha256(source.encode()).hexdigest()[:8]}"


class ModelReward:
    """A Reward: the log-odds of Yes over No; of a model that reads no principles, the number that it gives."""

    best: Final = None

    def __init__(self, kind: Kind, model: RewardModel) -> None:
        self.name: Final = f"{kind}:{model.name}"
        self._model = model
        self._tally = Tally()

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """See Reward. An item that lacks a principle which the model needs, or that it cannot judge, is an error.

        The seconds of a result are its share of the time that all took together. Raises EndpointError, Interrupted.
        """
        started = time.perf_counter()
        reads = self._model.reads_principles
        asked = [item for item in items if not reads or _has_principle(item)]
        advance(len(items) - len(asked))
        queries = [Query(item.messages, item.completion, (item.principle,) if reads else ()) for item in asked]  # type: ignore[arg-type]
        answers = iter(self._model.judge(queries, advance) if queries else [])
        seconds = (time.perf_counter() - started) / max(1, len(asked))
        results = [
            RewardResult(None, "error", detail=NO_PRINCIPLE)
            if reads and not _has_principle(item)
            else _result(next(answers)[0], seconds)
            for item in items
        ]
        self._tally.add(results)
        return results

    def facts(self) -> dict[str, object]:
        """Results by status, and what the model noticed."""
        return self._tally.facts() | {"model": self._model.facts()}

    def close(self) -> None:
        """Close the model."""
        self._model.close()


def _result(answer: Judgement | Problem, seconds: float) -> RewardResult:
    if isinstance(answer, Problem):
        return RewardResult(None, "error", seconds=seconds, detail=answer.error)
    return RewardResult(answer.score, "ok", seconds=seconds)


def _has_principle(item: RewardItem) -> bool:
    return item.principle is not None and bool(item.principle.strip())


def refuse_demo(spec: Spec) -> None:
    """Raise ConfigError for a reward model that was made for demos."""
    from stages.rewards.card import read_card

    source = spec.argument.removeprefix("local:")
    if is_url(source):
        return
    card = read_card(Path(source).expanduser())
    if card is not None and card.fidelity == "demo":
        raise ConfigError(
            f"{spec.text}: this reward model was made for demos (train-rm --model tiny), and its judgements "
            "mean nothing elsewhere; name another, or accept it with --allow-demo-rm."
        )
