"""The work of score as the runner takes it: the scoring of parts, and the one part that compares all scores."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from stages.core.job import Job, PartOutput, Stage, Transform, model_load
from stages.core.options import identity
from stages.core.passing import PassThrough
from stages.core.rows import SourceRow
from stages.core.runner import reading, schema_with
from stages.core.sources import Plan
from stages.core.tables import DROPPED_ROWS, SCORES
from stages.core.whole import as_one_part
from stages.rewards.model import RewardModel
from stages.score.columns import output_columns, output_table, score_columns
from stages.score.config import ScoreConfig
from stages.score.late_model import open_model
from stages.score.principles import PrincipleSet
from stages.score.scoring import Method, score_part


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs besides its part: the configuration, and what input, principles file and model settled.

    `root` is the folder of the run; `decided` is what decides the result besides the options.
    """

    config: ScoreConfig
    root: Path
    layout: str
    principles: PrincipleSet
    pass_through: tuple[PassThrough, ...]
    decided: dict[str, object]


def transform(settings: Settings, model: RewardModel) -> Transform:
    """The work on one part, with the model at hand."""
    config = settings.config
    method = Method(
        model=model,
        layout=settings.layout,
        principles=settings.principles,
        aggregate=config.aggregate,
        skip_missing=config.missing == "skip",
        needs_prompt=config.output != "scores",
        reads_rows=config.source is not None,
        pass_through=settings.pass_through,
    )

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        return score_part(method, rows, advance)

    return work_on


def _open(settings: Settings, root: Path) -> Transform:
    return transform(settings, open_model(settings.config, settings.root, lambda text: None))


STAGE: Final = Stage(name="score", version=1, writes=SCORES, dropped=DROPPED_ROWS, open=_open)


def scoring_job(settings: Settings, plan: Plan, root: Path) -> Job:
    """The scoring of all parts into `root`."""
    config = settings.config
    decisive = _identity(settings)
    if config.output != "scores":
        # Pairs and best responses, whatever the margin, are made of the same scores.
        decisive = {name: value for name, value in decisive.items() if name not in ("output", "min_margin")}
    return Job(
        stage=STAGE,
        config=settings,
        root=root,
        identity=decisive,
        schema=schema_with(SCORES, [*score_columns(config, settings.layout), *_passing(settings)]),
        reading=reading(config.run, unique_ids=False),
        slices=plan.slices,
        load=model_load(config.reward.device),
    )


def comparing_job(settings: Settings, plan: Plan) -> Job:
    """The one part that makes best responses or pairs of all scores."""
    config, table = settings.config, output_table(settings.config)
    return Job(
        stage=replace(STAGE, writes=table),
        config=settings,
        root=settings.root,
        identity=_identity(settings),
        schema=schema_with(table, [*output_columns(config, settings.layout), *_passing(settings)]),
        reading=reading(config.run, unique_ids=False),
        slices=as_one_part(plan).slices,
    )


def _identity(settings: Settings) -> dict[str, object]:
    """The options that decide a result, those of sources of rewards by what is settled, and all that is settled."""
    config = replace(settings.config, reward=settings.config.model_options)
    without = {name: value for name, value in identity(config).items() if name not in identity(config.sources)}
    return without | settings.decided


def _passing(settings: Settings) -> list[tuple[str, pa.DataType]]:
    return [(name, type_) for _, name, type_ in settings.pass_through]
