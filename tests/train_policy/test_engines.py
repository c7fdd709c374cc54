"""What engines other than `local` leave behind; what they train is in the tests of each."""

from pathlib import Path

import pytest

from stages.core.manifest import hidden
from stages.core.progress import quiet
from stages.core.rows import SourceRow
from stages.train_policy import engines, trl_engine
from stages.train_policy.finishing import Course
from stages.train_policy.presets import settle
from tests.train_policy.trl_toy import Vowels, config


@pytest.mark.parametrize(("rank", "left"), [(None, ["rewards"]), ("0", ["rewards"]), ("1", [])])
def test_only_the_first_process_leaves_what_its_reward_stored(
    rank: str | None, left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the run removes `rewards`; those of the other processes are gone by then."""

    def open_rewards(config: object, folder: Path, notice: object) -> Vowels:
        folder.mkdir(parents=True)
        (folder / "known").touch()
        return Vowels()

    monkeypatch.setattr(engines, "open_rewards", open_rewards)
    monkeypatch.setattr(trl_engine, "train_with_trl", lambda *_, **__: trl_engine.TrlRun([], 1))
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    made = config()
    checkpoints = tmp_path / "training"
    (checkpoints / trl_engine.MODEL).mkdir(parents=True)
    course = Course(config=made, settled=settle(made), root=tmp_path, checkpoints=checkpoints, fingerprint="f")
    row = SourceRow("rows.jsonl", 1, {"id": "a", "prompt": "1 plus 1"}, None, None)
    engines.learn_by_trl(course, quiet)(0, iter([row]), lambda rows: None)
    assert sorted(path.name for path in hidden(tmp_path, "").glob("rewards*")) == left
