from dataclasses import dataclass, field

import pytest

from stages.core.errors import ConfigError
from stages.core.options import LlmOptions, RunOptions, identity, parse_map, parse_shard


def test_map_takes_pairs_in_one_text_or_several() -> None:
    assert parse_map(("prompt=question,completion=answer", "id=task_id")) == {
        "prompt": "question",
        "completion": "answer",
        "id": "task_id",
    }


@pytest.mark.parametrize("text", ["prompt", "=x", "prompt=", "a=b,a=c", "a=c,b=c"])
def test_map_refuses_what_is_not_ours_equals_theirs(text: str) -> None:
    with pytest.raises(ConfigError, match="--map"):
        parse_map((text,))


@pytest.mark.parametrize(("text", "share"), [(None, (0, 1)), ("1/4", (0, 4)), ("4/4", (3, 4))])
def test_shard_counts_from_one(text: str | None, share: tuple[int, int]) -> None:
    assert parse_shard(text) == share


@pytest.mark.parametrize("text", ["0/4", "5/4", "x", "1/", "-1/4", "1/4/2"])
def test_shard_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        parse_shard(text)


@pytest.mark.parametrize(
    ("environ", "share"),
    [
        ({"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "5"}, (2, 4)),
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "3"}, (0, 3)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
    ],
)
def test_shard_auto_reads_the_scheduler(environ: dict[str, str], share: tuple[int, int]) -> None:
    assert parse_shard("auto", environ) == share


def test_shard_auto_without_a_scheduler_says_what_it_looked_for() -> None:
    with pytest.raises(ConfigError, match="SLURM_ARRAY_TASK_ID"):
        parse_shard("auto", {"HOME": "x"})


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"limit": 0}, {"max_failed": 1.5}, {"rows_per_shard": 0}, {"shard": "9/4"}]
)
def test_run_options_out_of_bounds_name_the_option(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="--" + next(iter(wrong)).replace("_", "-")):
        RunOptions(**wrong)  # type: ignore[arg-type]


def test_max_cost_needs_prices() -> None:
    with pytest.raises(ConfigError, match="--price-in"):
        LlmOptions(max_cost=1.0)


def test_identity_is_flat_and_leaves_out_what_cannot_change_the_result() -> None:
    @dataclass(frozen=True)
    class Config:
        word: str = "x"
        run: RunOptions = field(default_factory=RunOptions)

    slow, fast = Config(), Config(run=RunOptions(workers=8, overwrite=True, max_failed=0.5))
    assert identity(slow) == identity(fast)
    assert identity(slow)["word"] == "x"
    assert identity(slow)["seed"] == 0
    assert identity(Config(run=RunOptions(seed=1))) != identity(slow)
