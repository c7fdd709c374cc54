"""Learning whether a response satisfies a principle: what a run of `--objective entailment` prepares and examines."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from stages.core.rows import Problem
from stages.models.encoding import PairEncoder
from stages.rewards.model import Query, RewardModel
from stages.train_rm.ablations import HIDDEN, SHUFFLED, hide_responses, majority_log_odds, shuffle_principles, strata
from stages.train_rm.config import TrainRmConfig
from stages.train_rm.examples import Example
from stages.train_rm.figures import Draws
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
from stages.train_rm.measures import TEST, Scored, measure
from stages.train_rm.pairs import measure_arm, opposites
from stages.train_rm.show import doubts, summarise
from stages.train_rm.trees import plant_entailment

_HEADLINE: Final = tuple(
    f"{metric}.{source}"
    for source in ("raw", "calibrated")
    for metric in ("accuracy", "balanced_accuracy", "auroc", "nll", "brier", "ece")
) + tuple(f"accuracy.{name}" for name in ("majority", SHUFFLED, HIDDEN))


def deal_parts(config: TrainRmConfig, material: Material) -> tuple[Parts[Example], dict[int, str]]:
    """Deal all examples into parts; no row is dropped. Raises DataError as `material.deal`."""
    return deal(material.examples, config.held_out, config.run.seed), {}


def prepare(
    config: TrainRmConfig,
    parts: Parts[Example],
    encoder: PairEncoder,
    micro_tokens: int,
    advance: Callable[[int], None],
) -> Prepared:
    """Turn the examples trained on into pieces; `advance` is told of rows finished."""
    train = parts.train
    planted = plant_entailment(
        train,
        encoder,
        pairs=opposites(train) if config.margin_weight else (),
        margin=config.margin,
        micro_tokens=micro_tokens,
        advance=advance,
    )
    used = [one for one in train if one.place not in planted.problems]
    return Prepared(
        pieces=planted.pieces,
        parts=parts,
        problems=planted.problems,
        dropped=planted.dropped,
        arm=measure_arm([one.conversation for one in used], [one.answer for one in used], planted.pieces, 0),
        notes={"truncated": planted.num_truncated, "merged": planted.num_merged, "pairs_apart": planted.num_apart},
    )


def examine(config: TrainRmConfig, prepared: Prepared, model: RewardModel, advance: Callable[[int], None]) -> Examined:
    """Measure the model on both held-out splits, on the test split also with something taken away from the rows."""
    parts: Parts[Example] = prepared.parts
    problems: dict[int, Problem] = {}
    # rows trained on: where nothing is held out, they alone show whether there are scores
    _scored([one for one in parts.train if one.place not in prepared.problems][:TRIED], model, problems, advance)
    _, calibration = _scored(parts.calibration, model, problems, advance)
    rows, test = _scored(parts.test, model, problems, advance)
    measures = measure(
        calibration,
        test,
        majority=majority_log_odds(
            [one.family for one in parts.train], np.array([one.label for one in parts.train]), test.families
        ),
        ablations=_ablations(rows, model, config.run.seed, advance),
        groups=strata(rows),
        smallest=SMALLEST,
        draws=Draws(DRAWS, config.run.seed),
    )
    return Examined(
        figures=measures.figures,
        platt=measures.platt,
        problems=problems,
        headline=headline_of(measures.figures, TEST, _HEADLINE),
        summary=summarise(measures.figures, measures.platt) if rows else {},
        warnings=[*measures.warnings, *(doubts(measures.figures) if rows else ())] if config.held_out else [NO_TEST],
    )


def held_out_row(example: Example, material: Material) -> dict[str, object]:
    """A held-out example as a row of the principles table."""
    return {
        **passed_on(material.sources[example.place]),
        "prompt": messages_of(example.messages),
        "completion": messages_of([("assistant", example.response)]),
        "principle": example.principle,
        "label": example.label,
        "agreement": example.target,
    }


def _ablations(
    rows: Sequence[Example], model: RewardModel, seed: int, advance: Callable[[int], None]
) -> dict[str, Any]:
    """Raw log-odds of the rows with something taken away; an ablation that cannot be made for all rows is left out."""
    changed = {HIDDEN: hide_responses(rows), SHUFFLED: shuffle_principles(rows, seed) if rows else None}
    found = {name: _scores(others, model, advance) for name, others in changed.items() if others}
    return {
        name: np.array(scores, dtype=np.float64)
        for name, scores in found.items()
        if not any(isinstance(score, Problem) for score in scores)
    }


def _scored(
    rows: Sequence[Example], model: RewardModel, problems: dict[int, Problem], advance: Callable[[int], None]
) -> tuple[list[Example], Scored]:
    """The rows that have a score, and their arrays; the others are entered into `problems`."""
    found = dict(zip(rows, _scores(rows, model, advance), strict=True))
    problems |= {row.place: score for row, score in found.items() if isinstance(score, Problem)}
    scored = {row: score for row, score in found.items() if not isinstance(score, Problem)}
    good = list(scored)
    return good, Scored(
        scores=np.array(list(scored.values()), dtype=np.float64),
        labels=np.array([row.label for row in good], dtype=np.bool_),
        targets=np.array([row.target for row in good], dtype=np.float64),
        families=[row.family for row in good],
        conversations=[row.conversation for row in good],
    )


def _scores(rows: Sequence[Example], model: RewardModel, advance: Callable[[int], None]) -> list[float | Problem]:
    """The score of each row, in order; the principles of one response are asked together."""
    groups: dict[object, list[int]] = {}
    for number, one in enumerate(rows):
        groups.setdefault(one.answer, []).append(number)
    queries = [
        Query(*rows[numbers[0]].answer, [rows[number].principle for number in numbers]) for numbers in groups.values()
    ]
    judged = model.judge(queries)
    advance(len(rows))
    scores: dict[int, float | Problem] = {}
    for numbers, judgements in zip(groups.values(), judged, strict=True):
        for number, judgement in zip(numbers, judgements, strict=True):
            scores[number] = judgement if isinstance(judgement, Problem) else judgement.score
    return [scores[number] for number in range(len(rows))]
