"""Rewards that are kept on disk: what is asked again, and what a killed run leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.reward_cache import SHARE, CachedReward
from tests.rewards.scripted_reward import Scripted, item

Cached = Callable[..., CachedReward]


def by_length(one: RewardItem) -> RewardResult:
    match one.completion:
        case "late":
            return RewardResult(None, "timeout")
        case "broken":
            return RewardResult(None, "error")
        case "skipped":
            return RewardResult(None, "skipped")
        case "":
            return RewardResult(0.0, "no_answer", detail="nothing")
    return RewardResult(len(one.completion) / 3, "ok", {"length": 1.0}, 0.1, "said \x00é")


@pytest.fixture
def cached() -> Iterator[Cached]:
    """Opens rewards that are closed at the end."""
    with ExitStack() as stack:

        def opened(path: Path, inner: Scripted, **settings: object) -> CachedReward:
            reward = CachedReward(inner, path, settings)
            stack.callback(reward.close)
            return reward

        yield opened


def test_a_restarted_run_asks_for_failures_alone(cached: Cached, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "code.jsonl"
    items = [item(text) for text in ("one", "late", "", "broken", "three", "skipped")]
    first, second = Scripted(by_length), Scripted(by_length)
    reward = cached(path, first)
    expected = reward.score(items)
    reward.close()
    again = cached(path, second)
    told: list[int] = []
    assert again.score(items, told.append) == expected
    assert second.asked == ["late", "broken", "skipped"]
    assert sum(told) == 6
    assert again.facts() == {"asked": 3, "cached": 3}
    assert (again.name, again.best) == ("scripted", None)
    again.close()
    assert (first.closed, second.closed) == (1, 1)


def test_other_settings_and_sources_are_asked_anew(cached: Cached, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    cached(path, Scripted(by_length), precision="bf16").score([item("one")])
    for name, settings, asked in [
        ("scripted", {"precision": "bf16"}, 0),
        ("scripted", {"precision": "fp32"}, 1),
        ("another", {"precision": "bf16"}, 1),
    ]:
        inner = Scripted(by_length, name=name)
        cached(path, inner, **settings).score([item("one", "another id")])
        assert len(inner.asked) == asked
    inner = Scripted(by_length)
    cached(path, inner, precision="bf16").score([item("one", principle="p"), item("one", reference="r")])
    assert len(inner.asked) == 2


def test_a_last_line_that_was_cut_off_is_asked_again(cached: Cached, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    cached(path, Scripted(by_length)).score([item("one"), item("two")])
    path.write_bytes(path.read_bytes()[:-7])
    inner = Scripted(by_length)
    reward = cached(path, inner)
    assert [result.value for result in reward.score([item("one"), item("two")])] == [1.0, 1.0]
    assert inner.asked == ["two"]
    reward.close()
    last = Scripted(by_length)
    cached(path, last).score([item("one"), item("two")])
    assert last.asked == []


def test_what_stood_in_a_damaged_line_is_scored_again(cached: Cached, tmp_path: Path) -> None:
    path, texts = tmp_path / "x.jsonl", ["a", "bb", "ccc"]
    whole = cached(path, Scripted(by_length)).score([item(text) for text in texts])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "nonsense\n", *lines[2:]]))
    inner = Scripted(by_length)
    assert cached(path, inner).score([item(text) for text in texts]) == whole
    assert len(inner.asked) == 1


def test_what_is_finished_is_written_share_by_share(cached: Cached, tmp_path: Path) -> None:
    assert SHARE <= 128  # what a killed run may lose
    path, texts = tmp_path / "x.jsonl", [str(number) for number in range(SHARE + 5)]

    def until(one: RewardItem) -> RewardResult:
        if one.completion == texts[SHARE + 2]:
            raise KeyboardInterrupt
        return by_length(one)

    with pytest.raises(KeyboardInterrupt):
        cached(path, Scripted(until)).score([item(text) for text in texts])
    inner = Scripted(by_length)
    cached(path, inner).score([item(text) for text in texts])
    assert inner.asked == texts[SHARE:]


_KILLED = """
import sys, time
from pathlib import Path
from stages.rewards.item import RewardResult
from stages.rewards.reward_cache import SHARE, CachedReward
from tests.rewards.scripted_reward import Scripted, item

def answer(one):
    if int(one.completion) >= SHARE:
        print("hangs", flush=True)
        time.sleep(100)
    return RewardResult(1.0, "ok")

CachedReward(Scripted(answer), Path(sys.argv[1]), {}).score([item(str(number)) for number in range(2 * SHARE)])
"""


def test_a_killed_process_loses_what_was_under_way(cached: Cached, tmp_path: Path, root: Path) -> None:
    path = tmp_path / "x.jsonl"
    command = [sys.executable, "-c", _KILLED, str(path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, env={**os.environ}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hangs\n"
        process.send_signal(signal.SIGKILL)
    inner = Scripted(lambda _: RewardResult(1.0, "ok"))
    cached(path, inner).score([item(str(number)) for number in range(2 * SHARE)])
    assert inner.asked == [str(number) for number in range(SHARE, 2 * SHARE)]
