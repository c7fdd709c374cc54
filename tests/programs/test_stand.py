import numpy as np
import pytest

from stages.programs.consensus import consensus
from stages.programs.matrix import Matrix
from stages.programs.stand import TaskResults, stand
from stages.programs.strength import measure, weighted_rate
from tests.programs.drawn import drawn, rows_at_random

NAN = float("nan")


def results(rows: list[int], matrix: Matrix, **changes: object) -> TaskResults:
    unknown = np.full(len(rows), np.nan)
    given: dict[str, object] = {"judge": unknown, "truth": unknown, "weights": None, "strength": None} | changes
    return TaskResults(rows=np.array(rows, dtype=np.int64), matrix=matrix, **given)  # type: ignore[arg-type]


def test_programs_stand_in_the_order_of_the_input() -> None:
    first = results(
        [2, 0],
        drawn("111?", "1000"),
        weights=np.array([0.5, 0.5, 0, 0]),
        strength=0.25,
        judge=np.array([4.0, NAN]),
        truth=np.array([1.0, 0.0]),
    )
    second = results([1], drawn("01"), weights=np.array([0.25, 0.75]), strength=0.75)
    found = stand([first, second], further={"length": np.array([1.0, 2.0, 3.0])})
    assert found.task.tolist() == [0, 1, 0]
    assert found.passed.tolist() == [1, 1, 3]
    assert found.total.tolist() == [4, 2, 3]
    assert found.pass_rate.tolist() == [0.25, 0.5, 1]
    assert found.weighted_rate.tolist() == [0.5, 0.75, 1]
    assert found.consensus == pytest.approx([1 / 3, 1, 1])
    assert found.group.tolist() == [1, 1, 1]
    assert found.strength.tolist() == [0.25, 0.75, 0.25]
    assert found.judge.tolist() == pytest.approx([NAN, NAN, 4], nan_ok=True)
    assert found.truth.tolist() == pytest.approx([0, NAN, 1], nan_ok=True)
    assert found.further["length"].tolist() == [1, 2, 3]


def test_what_could_not_be_loaded_has_failed_everything() -> None:
    found = stand([results([0, 1], drawn("11", "--"))])
    assert found.pass_rate.tolist() == [1, 0]
    assert found.weighted_rate.tolist() == [1, 0]
    assert found.total.tolist() == [2, 2]
    assert found.consensus.tolist() == [1, 0]


def test_no_tests_and_only_flaky_ones_have_no_rates() -> None:
    found = stand([results([0, 1], drawn("", "")), results([2], drawn("???")), results([3], drawn("?1"))])
    assert np.isnan([found.pass_rate[:3], found.weighted_rate[:3]]).all()
    assert found.total.tolist() == [0, 0, 0, 1]
    assert found.consensus.tolist() == [0, 0, 0, 1]
    assert found.pass_rate[3] == 1
    assert np.isnan(found.strength).all()


def test_weights_and_strength_come_from_the_solutions_where_not_given() -> None:
    matrix = drawn("1110", "1100", "1001", "0000")
    cases, suite = measure(matrix)
    found = stand([results([0, 1, 2, 3], matrix)])
    assert found.weighted_rate == pytest.approx(weighted_rate(matrix, cases.weight))
    assert found.strength == pytest.approx([suite.strength] * 4)
    assert found.weighted_rate[0] > found.pass_rate[0]
    half = stand([results([0, 1, 2, 3], matrix, weights=np.full(4, 0.25))])
    assert half.weighted_rate == pytest.approx(half.pass_rate)
    assert half.strength == pytest.approx(found.strength)
    strong = stand([results([0, 1, 2, 3], matrix, strength=0.9)])
    assert strong.strength.tolist() == [0.9] * 4
    assert strong.weighted_rate == pytest.approx(found.weighted_rate)


def test_many_tasks_like_one_at_a_time() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 6, size=30)
    places = np.split(rng.permutation(sizes.sum()), np.cumsum(sizes)[:-1])
    matrices = [drawn(*rows_at_random(rng, size, int(rng.integers(0, 6)))) for size in sizes]
    tasks = [results(rows.tolist(), matrix) for rows, matrix in zip(places, matrices, strict=True)]
    found = stand(tasks)
    for number, (rows, matrix) in enumerate(zip(places, matrices, strict=True)):
        assert (found.task[rows] == number).all()
        assert found.consensus[rows].tolist() == consensus(matrix).share.tolist()
        for row, passed, flaky in zip(rows, matrix.passed, matrix.flaky, strict=True):
            counted = (~flaky).sum()
            assert found.pass_rate[row] == pytest.approx(passed.sum() / counted if counted else NAN, nan_ok=True)


def test_no_tasks() -> None:
    assert len(stand([])) == 0
