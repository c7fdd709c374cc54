"""The rewards of rlbff as verl's compute_score, one completion at a time; the export puts a copy beside run.sh.

They need rlbff in verl's environment (pip install rlbff, with the extras math and models for math: and rm:). Without it
there is no fallback: another reward would be another experiment. A scorer that fails stops the run, never counts as 0.
"""

import atexit
import json
import shutil
from dataclasses import fields
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stages.rewards.item import Reward

# the export sets these at the end of its copy
SPECS: list[str] = []
SOURCES: dict[str, Any] = {}
JUDGE: dict[str, Any] = {}
SEED = 0

_ONE_AT_A_TIME = Lock()


def compute_score(
    data_source: str, solution_str: str, ground_truth: str | None, extra_info: dict[str, Any], **_: object
) -> dict[str, float]:
    """Return what verl logs, with the reward as `score`; raises RuntimeError where there is none."""
    from stages.core.chat import Message
    from stages.rewards.item import RewardItem

    row = json.loads(extra_info["rlbff"])
    item = RewardItem(
        id=row["id"],
        messages=tuple(Message(**message) for message in row["messages"]),
        completion=solution_str,
        reference=row["reference"],
        principle=row["principle"],
        extra=row["extra"],
    )
    with _ONE_AT_A_TIME:
        (result,) = _reward().score([item])
    if result.value is None:
        raise RuntimeError(f"row {item.id} has no reward: {result.status}, {result.detail}")
    return {"score": result.value, **{f"reward/{name}": value for name, value in result.parts.items()}}


@cache
def _reward() -> "Reward":
    try:
        from stages.rewards.source_options import JudgeOptions, SourceOptions
        from stages.rewards.sources import open_reward
        from stages.rewards.spec import parse_specs
    except ModuleNotFoundError as error:
        raise RuntimeError("the rewards of this run need rlbff in verl's environment: pip install rlbff") from error
    paths = {field.name for field in fields(SourceOptions) if "Path" in str(field.type)}
    given: dict[str, Any] = {
        name: Path(value) if name in paths and value is not None else value for name, value in SOURCES.items()
    }
    judge = JudgeOptions(**JUDGE)
    folder = Path(mkdtemp(prefix="rlbff-rewards-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_reward(
        parse_specs(SPECS),
        SourceOptions(**given),
        lambda generative: judge.reward_options(generative=generative, device=None),
        seed=SEED,
        folder=folder,
        notice=lambda text: None,
    )
