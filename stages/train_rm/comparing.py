"""Learning which response is better: what a run of `--objective bradley-terry` prepares and examines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.row_fields import Answer
from stages.core.rows import Problem
from stages.models.conversation import ConversationEncoder
from stages.rewards.model import Query, RewardModel
from stages.train_rm.config import PairMode, TrainRmConfig
from stages.train_rm.examples import Comparison
from stages.train_rm.figures import Draws, Figure
from stages.train_rm.forks import plant_comparisons
from stages.train_rm.lesson import (
    DRAWS,
    NO_TEST,
    SMALLEST,
    TRIED,
    Examined,
    Prepared,
    headline_of,
    messages_of,
    passed_on,
)
from stages.train_rm.material import Material, Parts, deal
from stages.train_rm.measures import CALIBRATION, TEST, measure_pairs
from stages.train_rm.pairs import compare, measure_arm, unpaired
from stages.train_rm.show import summarise_pairs

_NEEDS: Final[Mapping[PairMode, str]] = {
    "principle": "one conversation with two responses, of which one satisfies a principle and one does not",
    "fulfilment": "one conversation with two responses that satisfy other shares of their principles",
    "preference": "preferences on the conversations of principle rows",
}

_HEADLINE: Final = ("accuracy", "ties", "mean_margin", "loss")


def deal_parts(config: TrainRmConfig, material: Material) -> tuple[Parts[Comparison], dict[int, str]]:
    """Make the pairs of `--pairs` and deal them into parts; rows without a pair are dropped.

    Raises:
        DataError: there is no pair. Also as `pairs.compare` and `material.deal`.
    """
    pairs = compare(material.examples, material.preferences, config.pairs, config.margin)
    if not pairs:
        raise DataError(
            f"--pairs {config.pairs} finds no two responses to compare among {len(material.examples):,} usable "
            f"principle rows; it needs {_NEEDS[config.pairs]}."
        )
    places = [one.place for one in material.examples] + [p for one in material.preferences for p in one.places]
    return deal(pairs, config.held_out, config.run.seed), unpaired(places, pairs)


def prepare(
    config: TrainRmConfig,
    parts: Parts[Comparison],
    encoder: ConversationEncoder,
    micro_tokens: int,
    advance: Callable[[int], None],
) -> Prepared:
    """Turn the pairs trained on into pieces; `advance` is told of pairs finished."""
    train = parts.train
    planted = plant_comparisons(train, encoder, advance=advance)
    used = _used(train, planted.problems, planted.dropped)
    answers = [answer for one in used for answer in (one.better, one.worse)]
    return Prepared(
        pieces=planted.pieces,
        parts=parts,
        problems=planted.problems,
        dropped=planted.dropped,
        arm=measure_arm([one.conversation for one in used], answers, planted.pieces, 0),
        notes={"truncated": planted.num_truncated},
    )


def examine(config: TrainRmConfig, prepared: Prepared, model: RewardModel, advance: Callable[[int], None]) -> Examined:
    """Measure on both held-out splits how often the better response has the higher score."""
    parts: Parts[Comparison] = prepared.parts
    figures: list[Figure] = []
    problems: dict[int, Problem] = {}
    # pairs trained on: where nothing is held out, they alone show whether there are scores
    tried = _used(parts.train, prepared.problems, prepared.dropped)[:TRIED]
    problems |= _problems(tried, _scores(tried, model, advance))
    for benchmark, pairs in ((CALIBRATION, parts.calibration), (TEST, parts.test)):
        found = _scores(pairs, model, advance)
        problems |= _problems(pairs, found)
        good = [one for one in pairs if not any(isinstance(found[side], Problem) for side in (one.better, one.worse))]
        if not good:
            continue
        differences = np.array([_number(found[one.better]) - _number(found[one.worse]) for one in good])
        figures += measure_pairs(
            benchmark,
            differences,
            np.array([one.margin for one in good]),
            [one.conversation for one in good],
            [one.family for one in good],
            smallest=SMALLEST,
            draws=Draws(DRAWS, config.run.seed),
        )
    tested = any(one.benchmark == TEST for one in figures)
    return Examined(
        figures=figures,
        platt=None,
        problems=problems,
        headline=headline_of(figures, TEST, _HEADLINE),
        summary=summarise_pairs(figures) if tested else {},
        warnings=() if config.held_out else (NO_TEST,),
    )


def held_out_row(pair: Comparison, material: Material) -> dict[str, object]:
    """A held-out pair as a row of the preferences table."""
    sides = [[*answer.messages, Message("assistant", answer.response)] for answer in (pair.better, pair.worse)]
    most = min(map(len, sides)) - 1
    shared = next((n for n in range(most) if sides[0][n] != sides[1][n]), most)
    return {
        **passed_on(material.sources[pair.places[0]]),
        "prompt": messages_of(sides[0][:shared]),
        "chosen": messages_of(sides[0][shared:]),
        "rejected": messages_of(sides[1][shared:]),
        "principle": pair.family,
    }


def _used(pairs: Sequence[Comparison], problems: Mapping[int, Problem], dropped: Mapping[int, str]) -> list[Comparison]:
    """The pairs that none of their rows lost."""
    return [one for one in pairs if not any(place in problems or place in dropped for place in one.places)]


def _scores(
    pairs: Sequence[Comparison], model: RewardModel, advance: Callable[[int], None]
) -> dict[Answer, float | Problem]:
    answers = list(dict.fromkeys(answer for one in pairs for answer in (one.better, one.worse)))
    judged = model.judge([Query(*answer, ()) for answer in answers])
    advance(len(pairs))
    return {
        answer: one if isinstance(one, Problem) else one.score for answer, (one,) in zip(answers, judged, strict=True)
    }


def _problems(pairs: Sequence[Comparison], found: dict[Answer, float | Problem]) -> dict[int, Problem]:
    return {
        place: problem
        for one in pairs
        for answer, places in one.sides
        for place in places
        if isinstance(problem := found[answer], Problem)
    }


def _number(score: float | Problem) -> float:
    assert not isinstance(score, Problem)
    return score
