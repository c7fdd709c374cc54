"""What the disk damages is done again, taken from an older checkpoint, or an error: never other numbers."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stages.core.errors import DataError
from stages.train_policy.arrays import Metric
from stages.train_policy.loop import LOG, Run, train
from tests.toy_policy import DigitShare
from tests.train_policy.toy_run import toy_run


class KilledError(Exception):
    """Stands for a power cut."""


def killed_after(root: Path, step: int, **options: int) -> None:
    def told(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        if (kind, number) == ("update", step):
            raise KilledError

    with pytest.raises(KilledError):
        train(toy_run(root, told=told, **options))  # type: ignore[arg-type]


def result(run: Run) -> tuple[bytes, ...]:
    root = run.root
    shards = [path.read_bytes() for path in sorted((root / "rollouts").iterdir())]
    weights = [weight.numpy().tobytes() for weight in run.learner.model.state_dict().values()]
    return (*shards, (root / "training" / LOG).read_bytes(), *weights)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    run = toy_run(tmp_path_factory.mktemp("whole"), generations=2)
    train(run)
    return result(run)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("file", ["state.pt", "run.json"])
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, whole: tuple[bytes, ...], file: str, damage: Callable[[Path], None]
) -> None:
    killed_after(tmp_path, 7)
    damage(tmp_path / "training" / "checkpoint-6" / file)
    run = toy_run(tmp_path, generations=2)
    notices: list[str] = []
    object.__setattr__(run, "notice", notices.append)
    train(run)
    assert result(run) == whole
    assert file in notices[0]
    assert "after step 4" in notices[1]


def test_with_all_checkpoints_damaged_a_run_begins_anew(tmp_path: Path, whole: tuple[bytes, ...]) -> None:
    killed_after(tmp_path, 7)
    for checkpoint in (tmp_path / "training").glob("checkpoint-*"):
        cut(checkpoint / "state.pt")
    run = toy_run(tmp_path, generations=2)
    train(run)
    assert result(run) == whole


def test_a_damaged_piece_is_drawn_again(tmp_path: Path, whole: tuple[bytes, ...]) -> None:
    class Broken(DigitShare):
        def score(self, items: object, advance: object = None) -> list[object]:  # type: ignore[override]
            raise KilledError

    with pytest.raises(KilledError):
        train(toy_run(tmp_path, reward=Broken()))
    for path in sorted((tmp_path / "training" / "pieces").glob("*"))[::2]:
        cut(path)
    run = toy_run(tmp_path, generations=2)
    train(run)
    assert result(run) == whole


@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_rollouts_that_were_damaged_between_their_updates_are_an_error(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    killed_after(tmp_path, 7)
    damage(tmp_path / "rollouts" / "part-00001.parquet")
    with pytest.raises(DataError, match=r"part-00001.parquet is gone or damaged, and updates.*--no-resume"):
        train(toy_run(tmp_path))


def test_rollouts_that_were_damaged_before_their_updates_are_drawn_again(
    tmp_path: Path, whole: tuple[bytes, ...]
) -> None:
    killed_after(tmp_path, 5, save_every=4)
    cut(tmp_path / "rollouts" / "part-00001.parquet")
    run = toy_run(tmp_path, generations=2)
    train(run)
    assert result(run) == whole


def test_killed_after_its_end_a_run_that_learned_everything_keeps_its_figures(tmp_path: Path) -> None:
    class OnceDifferent(DigitShare):
        calls = 0

        def score(self, items: Sequence[object], advance: object = None) -> list[object]:  # type: ignore[override]
            OnceDifferent.calls += 1
            results = super().score(items)  # type: ignore[arg-type]
            return list(results) if self.calls == 1 else [one._replace(value=1.0) for one in results]

    state = train(toy_run(tmp_path, reward=OnceDifferent(), save_every=3))
    assert state.ended is not None
    log = (tmp_path / "training" / LOG).read_bytes()
    again = train(toy_run(tmp_path, reward=OnceDifferent(), save_every=3))
    assert again == state
    assert (tmp_path / "training" / LOG).read_bytes() == log
