"""Weighted sums of sources: what every status of a part makes of the whole."""

import random
from typing import Any

import pytest

from stages.rewards.item import RewardResult
from stages.rewards.weighted import Source, WeightedReward, content_key, failed_sentence, failures
from tests.naive.weighted_reward import naive_sum
from tests.rewards.scripted_reward import Scripted, item

OK = RewardResult(2.0, "ok", seconds=0.5)
SILENT = RewardResult(-1.0, "no_answer", seconds=0.25)
LATE = RewardResult(None, "timeout", detail="10 s are over")
BROKEN = RewardResult(None, "error", detail="it raised ValueError")
SKIPPED = RewardResult(None, "skipped", detail="no such row")


def summed(*results: RewardResult, timeout_value: float | None = None) -> RewardResult:
    """The sum for one completion of sources a, b, ... with weights 1, 10, ..."""
    sources = [
        Source("abc"[number], 10.0**number, Scripted(lambda _, result=result: result))  # type: ignore[misc]
        for number, result in enumerate(results)
    ]
    (found,) = WeightedReward(sources, timeout_value=timeout_value).score([item("x")])
    return found


@pytest.mark.parametrize(
    ("results", "value", "status", "parts", "detail"),
    [
        ((OK,), 2.0, "ok", {"a": 2.0}, ""),
        ((OK, OK), 22.0, "ok", {"a": 2.0, "b": 2.0}, ""),
        ((OK, SILENT), -8.0, "no_answer", {"a": 2.0, "b": -1.0}, "b: no_answer"),
        ((OK, SKIPPED), 2.0, "ok", {"a": 2.0}, ""),
        ((SKIPPED, OK), 20.0, "ok", {"b": 2.0}, ""),
        ((SKIPPED, SILENT), -10.0, "no_answer", {"b": -1.0}, "b: no_answer"),
        ((SKIPPED, SKIPPED), None, "skipped", {}, "a: no such row; b: no such row"),
        ((OK, LATE), None, "timeout", {"a": 2.0}, "b: 10 s are over"),
        ((SKIPPED, LATE), None, "timeout", {}, "b: 10 s are over"),
        ((BROKEN, OK), None, "error", {"b": 2.0}, "a: it raised ValueError"),
        ((LATE, BROKEN), None, "error", {}, "b: it raised ValueError"),
    ],
)
def test_every_status(results: Any, value: float | None, status: str, parts: dict[str, float], detail: str) -> None:
    found = summed(*results)
    assert (found.value, found.status, dict(found.parts), found.detail) == (value, status, parts, detail)
    assert found.seconds == sum(result.seconds for result in results)


def test_a_timeout_may_have_a_value_and_stays_a_timeout() -> None:
    found = summed(OK, LATE, timeout_value=-1.0)
    assert (found.value, found.status, dict(found.parts)) == (-1.0, "timeout", {"a": 2.0})
    # An error has none, whatever a timeout is worth.
    assert summed(BROKEN, LATE, timeout_value=-1.0)[:2] == (None, "error")
    # What a source says itself of a timeout does not count.
    assert summed(LATE._replace(value=7.0))[:3] == (None, "timeout", {})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_finite_number_is_an_error(value: float | None) -> None:
    found = summed(OK, RewardResult(value, "ok"))
    assert found[:2] == (None, "error")
    assert "b: it gave" in found.detail
    assert "no finite number" in found.detail


def test_an_exception_is_never_a_number() -> None:
    def fail(_: object) -> RewardResult:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        WeightedReward([Source("a", 1.0, Scripted(fail))], timeout_value=0.0).score([item("x")])


def test_as_the_slow_twin_says() -> None:
    draw = random.Random(5)
    choices = [OK, SILENT, LATE, BROKEN, SKIPPED, SKIPPED, RewardResult(0.125, "ok")]
    for _ in range(200):
        results = draw.choices(choices, k=draw.randint(1, 3))
        timeout_value = draw.choice([None, -1.0])
        weights = [10.0**number for number in range(len(results))]
        assert summed(*results, timeout_value=timeout_value)[:2] == naive_sum(results, weights, timeout_value)


def test_equal_completions_are_scored_once_and_results_stay_in_order() -> None:
    source = Scripted(lambda one: RewardResult(float(len(one.completion)), "ok"))
    reward = WeightedReward([Source("length", 0.5, source)])
    told: list[int] = []
    items = [item("aa", "1"), item("b", "2"), item("aa", "3"), item("aa", "4", principle="p"), item("aa", "5", "Go.")]
    results = reward.score(items, told.append)
    assert [result.value for result in results] == [1.0, 0.5, 1.0, 1.0, 1.0]
    assert source.asked == ["aa", "b", "aa", "aa"]
    assert sum(told) == 5
    assert reward.facts() == {
        "results": 5,
        "statuses": {"ok": 5},
        "seconds_mean": 0.0,
        "repeated": 1,
        "sources": {"length": {"asked": 4}},
    }
    assert reward.score([]) == []


def test_what_tells_completions_apart() -> None:
    first = item("x", reference="1", extra={"a": 1, "b": 2})
    assert content_key(first) == content_key(item("x", "another", reference="1", extra={"b": 2, "a": 1}))
    others = [
        item("y", reference="1", extra={"a": 1, "b": 2}),
        item("x", reference=1, extra={"a": 1, "b": 2}),
        item("x", reference="1", extra={"a": 1}),
        item("x", reference="1", extra={"a": 1, "b": 2}, principle="p"),
        item("x", reference="1", extra={"a": 1, "b": 2}, completion_ids=(1,)),
    ]
    assert len({content_key(one) for one in [first, *others]}) == 6


def test_best_is_the_sum_of_bests_where_there_is_one() -> None:
    def reward(*pairs: tuple[float, float | None]) -> WeightedReward:
        return WeightedReward([Source(str(k), w, Scripted(lambda _: OK, best=b)) for k, (w, b) in enumerate(pairs)])

    assert reward((1.0, 1.0)).best == 1.0
    assert reward((0.25, 1.0), (0.5, 2.0)).best == 1.25
    assert reward((1.0, 1.0), (1.0, None)).best is None
    # A completion that is right in all reaches it to the last bit: 0.1 + 0.2 + 0.3 is not 0.6 where it is added up.
    three = reward((0.1, 0.5), (0.2, 0.5), (0.3, 0.5))
    assert three.best == 0.3
    right = [Source(str(k), w, Scripted(lambda _: RewardResult(0.5, "ok"))) for k, w in enumerate((0.1, 0.2, 0.3))]
    assert WeightedReward(right).score([item("x")])[0].value == three.best
    assert reward((1.0, 1.0), (-0.5, 1.0)).best is None
    assert reward((0.25, 1.0), (2.0, 2.0)).name == "0.25 * scripted + 2 * scripted"


def test_progress_counts_completions_not_calls() -> None:
    told: list[int] = []
    sources = [Source(name, 1.0, Scripted(lambda _: OK)) for name in "abc"]
    WeightedReward(sources).score([item(str(number)) for number in range(4)], told.append)
    assert sum(told) == 4
    assert len(told) == 4


def test_no_completion_is_finished_before_its_last_source() -> None:
    first, last = Scripted(lambda _: OK), Scripted(lambda _: OK)
    told: list[int] = []

    def advance(count: int) -> None:
        told.append(count)
        assert sum(told) <= (len(first.asked) + len(last.asked)) / 2

    WeightedReward([Source("a", 1.0, first), Source("b", 1.0, last)]).score([item(str(k)) for k in range(6)], advance)
    assert sum(told) == 6


def test_close_closes_every_source() -> None:
    inner = [Scripted(lambda _: OK), Scripted(lambda _: OK)]
    WeightedReward([Source(str(k), 1.0, one) for k, one in enumerate(inner)]).close()
    assert [one.closed for one in inner] == [1, 1]


def test_failures_are_timeouts_and_errors() -> None:
    results = [OK, LATE, BROKEN, SILENT, SKIPPED, LATE._replace(value=-1.0), OK, OK]
    assert failures(results) == 3 / 8
    assert failures([]) == 0.0
    items = [item("x", f"r{number}") for number in range(8)]
    assert failed_sentence(items, results) == (
        "3 of 8 completions have no reward (timeouts 2, errors 1): r1, r2, r5. The first: 10 s are over"
    )
    assert failed_sentence(items[:1], [OK]) == "None of 1 completions lacks a reward for a scorer's fault."
    assert "r0, r1, r2, ...." in failed_sentence(items[:5], [BROKEN] * 5)
