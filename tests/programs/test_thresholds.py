import numpy as np
import pytest

from stages.programs.matrix import Bools
from stages.programs.standings import Floats
from stages.programs.thresholds import search, wilson_low
from tests.naive import keep_rules as naive


def test_wilson_by_hand() -> None:
    """9 of 10 right: (0.9 + 1.92/10 - 1.96 sqrt(0.09/10 + 0.96/100)) / (1 + 3.84/10)."""
    assert wilson_low(np.array([9.0, 10.0]), np.array([10.0, 10.0])) == pytest.approx([0.595850, 0.722467], abs=1e-6)


def sample(seed: int, num_tasks: int = 25) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(num_tasks) * 3, rng.integers(1, 8, num_tasks)))
    scores = rng.integers(0, 8, len(task)) / 8
    ease = rng.normal(0, 1, 3 * num_tasks)[task]
    return scores, rng.random(len(task)) < 1 / (1 + np.exp(-(6 * scores - 2 + ease))), task


@pytest.mark.parametrize("seed", range(8))
def test_bounds_equal_their_slow_twin(seed: int) -> None:
    scores, truth, task = sample(seed)
    arguments = (scores.tolist(), truth.tolist(), task.tolist())
    values = sorted(set(arguments[0]))
    bounds = [naive.lower_bound(*arguments, value, seed=seed, draws=80) for value in values]
    best = search(scores, truth, task, 2.0, seed=seed, draws=80)
    assert best.found is None
    assert best.best == pytest.approx(max(bounds))
    for target in (0.3, 0.5, 0.6, 0.7):
        reaching = [value for value, bound in zip(values, bounds, strict=True) if bound >= target]
        found = search(scores, truth, task, target, seed=seed, draws=80).found
        assert (found is not None) == bool(reaching)
        if found is not None:
            kept = scores >= reaching[0]
            assert found.value == reaching[0]
            assert found.bound == pytest.approx(bounds[values.index(reaching[0])])
            assert (found.kept, found.precision) == (kept.sum(), truth[kept].mean())
            assert found.recall == truth[kept].sum() / truth.sum()


def test_few_programs_all_right_are_not_enough() -> None:
    """The bootstrap alone gives every precision of 1 the bound 1."""
    scores = np.repeat([0.0, 1.0], [80, 10])
    truth = scores == 1
    task = np.concatenate([np.arange(80) % 20, np.arange(10)])
    bound = float(wilson_low(np.array([10.0]), np.array([10.0]))[0])
    assert search(scores, truth, task, 0.9, seed=0, draws=200) == (None, pytest.approx(bound))
    found = search(scores, truth, task, 0.7, seed=0, draws=200).found
    assert found == pytest.approx((1.0, 10, 1.0, 1.0, bound))


def test_programs_of_one_task_count_less_than_those_of_many() -> None:
    scores, truth = np.ones(200), np.arange(200) % 10 < 8
    alike = np.arange(200) // 10
    together = np.concatenate([np.flatnonzero(truth) // 10, 16 + np.flatnonzero(~truth) % 4])
    ordered = np.concatenate([truth[truth], truth[~truth]])
    spread = search(scores, truth, alike, 0.5, seed=0, draws=500).best
    clustered = search(scores, ordered, together, 0.5, seed=0, draws=500).best
    assert clustered < spread - 0.1


def test_many_scores_are_thinned_but_the_ends_stay() -> None:
    scores = np.linspace(0, 1, 5000)
    truth = np.ones(5000, dtype=np.bool_)
    found = search(scores, truth, np.arange(5000) % 50, 0.5, seed=0, draws=20).found
    assert found is not None
    assert (found.value, found.kept) == (0.0, 5000)


def test_nothing_right() -> None:
    scores = np.arange(60) / 60
    assert search(scores, np.zeros(60, dtype=np.bool_), np.arange(60) % 20, 0.1, seed=0, draws=20) == (None, 0.0)


@pytest.mark.parametrize("target", [0.6, 0.7])
def test_thresholds_keep_their_promise_in_the_population(target: float) -> None:
    """In at most one run of twenty a threshold is found whose precision in truth falls short."""
    rng = np.random.default_rng(7)
    whole_scores, whole_truth = drawn_tasks(rng, 20_000)
    short = found = 0
    for run in range(150):
        scores, truth = drawn_tasks(rng, 25)
        task = np.repeat(np.arange(25), 8)
        best = search(scores.ravel(), truth.ravel(), task, target, seed=run, draws=200).found
        if best is not None:
            found += 1
            short += bool(whole_truth[whole_scores >= best.value].mean() < target)
    assert found > 50
    assert short <= 150 / 20


def drawn_tasks(rng: np.random.Generator, num_tasks: int) -> tuple[Floats, Bools]:
    """Eight programs of each task, and tasks of which more or fewer are right at the same score."""
    ease, scores = rng.normal(0, 1.5, (num_tasks, 1)), rng.random((num_tasks, 8))
    return scores, rng.random((num_tasks, 8)) < 1 / (1 + np.exp(-(5 * scores - 2.5 + ease)))
