import pytest

from stages.core.errors import DataError
from stages.eval.benchmarks import BENCHMARKS
from stages.eval.best_of_n import Samples
from stages.eval.choice import SPREAD, Choice, choose
from stages.eval.llmbar import Pair


def pairs(*right: bool) -> list[Pair]:
    """One pair for each value, judged right or wrong."""
    return [Pair((), "", 0, (1.0, 0.0) if one else (0.0, 1.0)) for one in right]


def chosen_from(scored: dict[str, list[list[Pair]]], candidates: dict[str, list[str]]) -> Choice:
    return choose(BENCHMARKS["llmbar"], candidates, scored, smallest=1, seed=0, draws=200)


def test_the_best_candidate_of_each_domain_and_their_spread() -> None:
    scored = {
        "chat": [pairs(True, False, False, False), pairs(True, True, True, False), pairs(True, True, False, False)],
        "code": [pairs(True, True), pairs(False, True), pairs(False, False)],
    }
    choice = chosen_from(scored, {"chat": ["a", "b", "c"], "code": ["a", "b", "c"]})
    assert choice.principles == {"chat": "b", "code": "a"}
    values = {(one.group, one.metric): (one.value, one.n) for one in choice.figures}
    assert values["dev: chat", "accuracy: a"] == (0.25, 4)
    assert values["dev: chat", "accuracy: b"] == (0.75, 4)
    assert values["dev: chat", SPREAD] == (0.5, 4)
    assert values["dev: code", SPREAD] == (1, 2)
    assert all(one.low is not None and one.low <= (one.value or 0) for one in choice.figures)


def test_of_equal_candidates_the_first() -> None:
    scored = {"chat": [pairs(True, False), pairs(False, True)]}
    assert chosen_from(scored, {"chat": ["x", "w"]}).principles == {"chat": "x"}
    assert chosen_from(scored, {"chat": ["w", "x"]}).principles == {"chat": "w"}


def test_candidates_are_compared_on_the_same_draws() -> None:
    scored = {"chat": [pairs(True, False) * 50, pairs(True, False) * 50]}
    (spread,) = [one for one in chosen_from(scored, {"chat": ["a", "b"]}).figures if one.metric == SPREAD]
    assert (spread.value, spread.low, spread.high) == (0, 0, 0)


def test_best_of_n_is_chosen_by_its_largest_n() -> None:
    # three samples, the first right: the candidate that scores it highest wins
    def samples(*scores: float) -> list[Samples]:
        return [Samples((), f"{n}", (True, False, False), None, scores) for n in range(3)]

    scored = {"default": [samples(1, 2, 0), samples(2, 1, 0)]}
    choice = choose(BENCHMARKS["best-of-n"], {"default": ["a", "b"]}, scored, smallest=1, seed=0, draws=10)
    assert choice.principles == {"default": "b"}
    assert {one.metric for one in choice.figures} == {"rm@3: a", "rm@3: b", SPREAD}


def test_without_rows_nothing_can_be_chosen() -> None:
    with pytest.raises(DataError, match="to choose a principle for 'chat' by"):
        chosen_from({"chat": [[], []]}, {"chat": ["a", "b"]})
    single = [Samples((), "1", (True,), None, (1.0,))]
    with pytest.raises(DataError, match="to choose a principle for 'default' by"):
        choose(BENCHMARKS["best-of-n"], {"default": ["a", "b"]}, {"default": [single] * 2}, smallest=1, seed=0, draws=9)
