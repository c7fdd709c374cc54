"""The loop: a run that is stopped anywhere and goes on has the numbers of one that was never stopped."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from stages.core.checkpoints import checkpoint_path, complete_checkpoints
from stages.core.errors import DataError, Interrupted
from stages.core.stopping import StopSign
from stages.train_policy.arrays import Metric
from stages.train_policy.controller import Control
from stages.train_policy.drawing import draw
from stages.train_policy.loop import LOG, Run, train
from stages.train_policy.presets import PRESETS
from stages.train_policy.rollout_shards import read_generation, shard_path
from tests.toy_policy import FirstDigit
from tests.train_policy.toy_run import toy_prompts, toy_run

BAND = Control(start=0.5, band=(0.99, 1.01), rate=0.1)


class Killed(Exception):
    """Stands for a power cut."""


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in run.learner.model.state_dict().items()}


def files(root: Path) -> dict[str, bytes]:
    shards = {path.name: path.read_bytes() for path in sorted((root / "rollouts").glob("*.parquet"))}
    return shards | {LOG: (root / "training" / LOG).read_bytes()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, torch.Tensor], dict[str, bytes], int]:
    root = tmp_path_factory.mktemp("undisturbed")
    run = toy_run(root, control=BAND)
    state = train(run)
    return weights(run), files(root), state.step


def test_a_run_makes_an_update_of_each_mini_batch(
    undisturbed: tuple[dict[str, torch.Tensor], dict[str, bytes], int],
) -> None:
    assert undisturbed[2] > 8
    assert len([name for name in undisturbed[1] if name.startswith("part-")]) == 4


def test_killed_at_every_event_and_started_again_a_run_ends_alike(
    tmp_path: Path, undisturbed: tuple[dict[str, torch.Tensor], dict[str, bytes], int]
) -> None:
    expected, shards, _ = undisturbed
    seen: set[tuple[str, int]] = set()

    def kill_at_new(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        if (kind, number) not in seen:
            seen.add((kind, number))
            raise Killed

    for _ in range(100):
        run = toy_run(tmp_path, control=BAND, told=kill_at_new)
        try:
            train(run)
            break
        except Killed:
            continue
    assert len(seen) > 12
    assert all(torch.equal(expected[name], weight) for name, weight in weights(run).items())
    assert files(tmp_path) == shards


def test_a_signal_stores_the_step_and_the_same_command_goes_on(
    tmp_path: Path, undisturbed: tuple[dict[str, torch.Tensor], dict[str, bytes], int]
) -> None:
    expected, shards, _ = undisturbed
    sign = StopSign()

    def signal_at(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        if (kind, number) == ("update", 5):
            sign.name = "SIGTERM"

    with pytest.raises(Interrupted, match="Stopped by SIGTERM after step 5, in generation 1"):
        train(toy_run(tmp_path, control=BAND, save_every=1000, told=signal_at, sign=sign))
    assert (tmp_path / "training" / "checkpoint-5" / "complete").exists()
    run = toy_run(tmp_path, control=BAND)
    train(run)
    assert all(torch.equal(expected[name], weight) for name, weight in weights(run).items())
    assert files(tmp_path) == shards


def test_a_stored_generation_is_not_sampled_again(tmp_path: Path) -> None:
    def kill(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        if (kind, number) == ("update", 1):
            raise Killed

    with pytest.raises(Killed):
        train(toy_run(tmp_path, told=kill))
    run = toy_run(tmp_path)
    numbers: list[int] = []
    source = run.source

    def counting(number: int, step: int, start: int) -> object:
        numbers.append(number)
        return source(number, step, start)

    object.__setattr__(run, "source", counting)
    train(run)
    assert numbers == [1, 2, 3]


def test_shards_of_another_run_are_sampled_anew(tmp_path: Path) -> None:
    train(toy_run(tmp_path, generations=1))
    (tmp_path / "training" / LOG).unlink()
    for checkpoint in (tmp_path / "training").glob("checkpoint-*"):
        (checkpoint / "complete").unlink()
    before = shard_path(tmp_path, 0).read_bytes()
    train(toy_run(tmp_path, generations=1, fingerprint="g"))
    assert shard_path(tmp_path, 0).read_bytes() != before


def test_old_log_probabilities_are_those_of_the_trainer_before_the_updates(tmp_path: Path) -> None:
    run = toy_run(tmp_path, generations=1)
    fresh = toy_run(tmp_path / "fresh").learner
    train(run)
    generation = read_generation(shard_path(tmp_path, 0))
    trained = [place for place, number in enumerate(generation.mini_batches) if number is not None]
    pairs = [(generation.rollouts[n].prompt.ids, generation.rollouts[n].completion_ids) for n in trained]
    for place, expected in zip(trained, fresh.log_probs(pairs), strict=True):
        old = generation.old[place]
        assert old is not None
        assert torch.allclose(torch.tensor(old), torch.tensor(expected), atol=1e-6)
        assert torch.allclose(torch.tensor(generation.rollouts[place].sampling), torch.tensor(old), atol=1e-5)


def test_the_entropy_band_moves_beta1_once_a_generation(tmp_path: Path) -> None:
    found: list[float] = []

    def told(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        found.extend(one.value or 0.0 for one in metrics if one.metric == "beta1")

    train(toy_run(tmp_path, control=BAND, told=told))
    assert found[0] == 0.5
    assert len({round(value, 6) for value in found}) > 1
    assert all(0 <= value <= 1 for value in found)


def test_a_base_that_always_fails_is_an_error_with_its_rewards(tmp_path: Path) -> None:
    class Zero(FirstDigit):
        def _one(self, item: object) -> object:  # type: ignore[override]
            return super()._one(item)._replace(value=0.0)  # type: ignore[arg-type]

    with pytest.raises(
        DataError, match=r"Nothing can be learned from generation 0.*equal_rewards 128.*Rewards: 0: 128"
    ):
        train(toy_run(tmp_path, reward=Zero()))


def test_a_policy_that_has_learned_everything_ends_the_run_with_its_weights(tmp_path: Path) -> None:
    class OnceDifferent(FirstDigit):
        calls = 0

        def score(self, items: Sequence[object], advance: object = None) -> list[object]:  # type: ignore[override]
            type(self).calls += 1
            results = super().score(items)  # type: ignore[arg-type]
            equal = [result._replace(value=float(n % 4 == 0 and self.calls == 1)) for n, result in enumerate(results)]
            return list(equal)

    state = train(toy_run(tmp_path, reward=OnceDifferent()))
    assert state.step > 0
    assert state.ended is not None
    assert "generation 1" in state.ended


def test_weights_of_nan_are_an_error_with_generation_prompt_and_token(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    with torch.no_grad():
        run.learner.model.lm_head.weight[3] = torch.nan
    with pytest.raises(DataError, match=r"^Generation 0, prompt p\d, token 0: .* not finite .NaN.*--learning-rate"):
        train(run)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_trains(tmp_path: Path, preset: str) -> None:
    settled = PRESETS[preset]._replace(dynamic_sampling=True)  # type: ignore[index]
    assert train(toy_run(tmp_path, generations=1, settled=settled)).step == 4


def test_a_shard_says_what_it_is_and_prompts_go_on_where_those_before_ended(tmp_path: Path) -> None:
    train(toy_run(tmp_path, generations=2, settled=PRESETS["ce-gppo"]._replace(dynamic_sampling=False)))
    path = shard_path(tmp_path, 0)
    about = json.loads(pq.read_metadata(path).metadata[b"rlbff"])
    told = {"stage": "train-policy", "table": "rollouts", "fingerprint": "f", "generation": 0, "step": 0, "end": 8}
    assert {name: about[name] for name in told} == told
    for number, start in ((0, 0), (1, 8)):
        rollouts = read_generation(shard_path(tmp_path, number)).rollouts
        drawn = [one.prompt.id for one in rollouts if one.number == 0]
        assert drawn == [toy_prompts()[place].id for place in draw(10, 0, start, 8)]


def test_checkpoints_lie_at_multiples_of_save_every(tmp_path: Path) -> None:
    def kill(kind: str, number: int, metrics: Sequence[Metric]) -> None:
        if (kind, number) == ("update", 4):
            raise Killed

    with pytest.raises(Killed):
        train(toy_run(tmp_path, save_every=3, told=kill))
    assert complete_checkpoints(tmp_path / "training") == [checkpoint_path(tmp_path / "training", 3)]
