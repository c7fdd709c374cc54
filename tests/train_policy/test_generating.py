"""How a generation comes about: pieces, dynamic sampling, failures of the reward."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stages.core.errors import TooManyFailed
from stages.rewards.item import RewardItem, RewardResult, Status
from stages.train_policy.generating import Generator, Stopped
from stages.train_policy.presets import PRESETS
from tests.toy_policy import FirstDigit
from tests.train_policy.toy_run import toy_run

NO_REFILL = PRESETS["ce-gppo"]._replace(dynamic_sampling=False)


class ByPrompt(FirstDigit):
    """Different rewards in the groups of some prompts, equal ones in the others."""

    def __init__(self, teaching: Callable[[str], bool]) -> None:
        self.teaching = teaching

    def _one(self, item: RewardItem) -> RewardResult:
        prompt, _, number = item.id.partition("#")
        return RewardResult(float(self.teaching(prompt) and number == "0"), "ok")


class Failing(FirstDigit):
    """No reward for the first completions."""

    def __init__(self, count: int, status: Status) -> None:
        self.left, self.status = count, status

    def _one(self, item: RewardItem) -> RewardResult:
        self.left -= 1
        return RewardResult(None, self.status, detail="why") if self.left >= 0 else super()._one(item)


def generator(root: Path, reward: object = None, **options: object) -> Generator:
    source = toy_run(root, reward=reward, **options).source  # type: ignore[arg-type]
    assert isinstance(source, Generator)
    return source


def groups_kept(rollouts: Sequence[object]) -> int:
    return len({one.group for one in rollouts if one.advantage is not None})  # type: ignore[attr-defined]


def test_a_generation_is_a_function_of_weights_seed_and_place(tmp_path: Path) -> None:
    first = generator(tmp_path / "a")(0, 0, 0)
    again = generator(tmp_path / "b")(0, 0, 0)
    other = generator(tmp_path / "c")(0, 0, 8)
    texts = [[one.completion for one in made.rollouts] for made in (first, again, other)]
    assert texts[0] == texts[1] != texts[2]


def test_finished_pieces_are_not_drawn_again(tmp_path: Path) -> None:
    source = generator(tmp_path, settled=NO_REFILL)
    pieces: list[int] = []

    def stop_after_two() -> None:
        pieces.append(1)
        if len(pieces) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        replace(source, pause=stop_after_two)(0, 0, 0)
    assert len(list(source.folder.glob("g*"))) == 2
    drawn: list[int] = []
    ask = source.sampler.sample

    def counting(asked: Sequence[object], advance: Callable[[int], None]) -> object:
        drawn.append(len(asked))
        return ask(asked, advance)  # type: ignore[arg-type]

    source.sampler.sample = counting  # type: ignore[method-assign,assignment]
    resumed = source(0, 0, 0)
    assert sum(drawn) == 8 * 4 - 2 * 8  # prompts times completions, less two pieces of 8
    fresh = generator(tmp_path / "fresh", settled=NO_REFILL)(0, 0, 0)
    assert [one.completion_ids for one in resumed.rollouts] == [one.completion_ids for one in fresh.rollouts]
    source(1, 4, 8)
    assert {path.name[:6] for path in source.folder.glob("g*")} == {"g00001"}


def test_dynamic_sampling_draws_until_the_generation_is_full(tmp_path: Path) -> None:
    even = ByPrompt(lambda prompt: int(prompt[1:]) % 2 == 0)
    made = generator(tmp_path, even)(0, 0, 0)
    assert groups_kept(made.rollouts) == 8
    assert made.end > 8
    assert {one.dropped_by for one in made.rollouts} >= {None, "equal_rewards"}
    assert generator(tmp_path / "b", even, settled=NO_REFILL)(0, 0, 0).end == 8


def test_dynamic_sampling_ends_where_more_groups_teach_than_are_wanted(tmp_path: Path) -> None:
    # after a poor first batch it draws more than are missing, and here all of these teach
    def poor_at_first() -> Callable[[str], bool]:
        seen: list[str] = []

        def teaches(prompt: str) -> bool:
            seen.append(prompt)
            return len(seen) > 20

        return teaches

    made = generator(tmp_path, ByPrompt(poor_at_first()))(0, 0, 0)
    assert groups_kept(made.rollouts) == 8
    assert "surplus" in {one.dropped_by for one in made.rollouts}


def test_dynamic_sampling_gives_up_after_max_gen_batches(tmp_path: Path) -> None:
    made = generator(tmp_path, ByPrompt(lambda prompt: False))(0, 0, 0)
    assert made.end == 8 * 4
    assert groups_kept(made.rollouts) == 0


@pytest.mark.parametrize("status", ["timeout", "error"])
def test_too_many_failures_stop_the_run_and_name_the_first(tmp_path: Path, status: Status) -> None:
    with pytest.raises(TooManyFailed, match=rf"2 of 32 completions of generation 0 .*{status} 2.*p\d#0: {status}, why"):
        generator(tmp_path, Failing(2, status), settled=NO_REFILL)(0, 0, 0)


def test_skipped_completions_are_no_failures(tmp_path: Path) -> None:
    made = generator(tmp_path, Failing(2, "skipped"), settled=NO_REFILL)(0, 0, 0)
    assert [one.dropped_by is not None for one in made.rollouts[:2]] == [True, True]


def test_the_overlong_penalty_is_part_of_the_reward_and_not_of_being_right(tmp_path: Path) -> None:
    source = generator(tmp_path, ByPrompt(lambda prompt: True), settled=NO_REFILL)
    options = replace(source.options, overlong_buffer=4)
    made = replace(source, options=options)(0, 0, 0)
    for one, right in zip(made.rollouts, made.right, strict=True):
        value = float(one.number == 0)
        assert one.reward == value - len(one.completion_ids) / 4
        assert right == (value == 1)


def test_who_watches_is_told_of_the_generation_and_of_every_completion(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    source = generator(tmp_path, settled=NO_REFILL)
    watched = replace(
        source, start=lambda number: told.append(("start", number)), advance=lambda count: told.append(("drawn", count))
    )
    watched(2, 0, 0)
    assert told[0] == ("start", 2)
    assert sum(count for what, count in told[1:]) == 8 * 4


def test_rewards_see_the_id_of_the_row_beside_that_of_the_completion(tmp_path: Path) -> None:
    seen: list[tuple[str, object]] = []

    class Watching(FirstDigit):
        def _one(self, item: RewardItem) -> RewardResult:
            seen.append((item.id, item.extra["id"]))
            return super()._one(item)

    generator(tmp_path, Watching(), settled=NO_REFILL)(0, 0, 0)
    assert len(seen) == 32
    assert all(own.partition("#")[0] == row for own, row in seen)
