import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.programs.matrix import Matrix
from stages.verify_code.gain import agreed, alike, choose, mutation_score, shares, telling_pairs
from tests.naive import augmentation as naive


def matrix(*rows: str) -> Matrix:
    """One row a program: p passes, f fails, ~ flaky, . not run."""
    cells = np.array([list(row) for row in rows]).reshape(len(rows), -1)
    return Matrix(passed=cells == "p", flaky=cells == "~", ran=cells != ".")


def falses(*shape: int) -> np.typing.NDArray[np.bool_]:
    return np.zeros(shape, dtype=bool)


def test_programs_are_alike_where_no_known_outcomes_differ() -> None:
    found = alike(matrix("pp", "pf", "p~", "p.", "fp"))
    assert found.astype(int).tolist() == [
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [1, 1, 0, 1, 0],
        [1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_the_test_that_kills_most_comes_first_and_one_that_adds_nothing_is_left_out() -> None:
    killed = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=bool)
    nobody = Matrix(passed=falses(0, 4), flaky=falses(0, 4), ran=falses(0, 4))
    surviving = np.array([True, True, True, True])
    assert choose(killed, nobody, surviving, falses(0, 0), 9) == [(3, 3, 0), (0, 1, 0)]
    assert choose(killed, nobody, surviving, falses(0, 0), 1) == [(3, 3, 0)]
    assert choose(killed, nobody, np.array([False, False, False, True]), falses(0, 0), 9) == [(0, 1, 0)]
    assert choose(killed, nobody, falses(4), falses(0, 0), 9) == []
    assert surviving.all()


def test_pairs_that_a_test_parts_count_once() -> None:
    new = matrix("ppf", "ppf", "fpf")
    together = ~np.eye(3, dtype=bool)
    assert choose(falses(0, 3), new, falses(0), together, 9) == [(0, 0, 2)]
    together[0, 2] = together[2, 0] = False
    assert choose(falses(0, 3), new, falses(0), together, 9) == [(0, 0, 1)]


def test_a_kill_outweighs_pairs() -> None:
    new = matrix("pp", "fp", "fp")
    killed = np.array([[False, True]])
    assert choose(killed, new, np.array([True]), ~np.eye(3, dtype=bool), 9) == [(1, 1, 0), (0, 0, 2)]


def test_consensus_validates_what_the_best_group_and_three_fifths_pass() -> None:
    # scores: 2 * sqrt(2) for the first two, 1 for the others: weights 1, 1, .354, .354 and 1.625 is three fifths
    so_far = matrix("pp", "pp", "pf", "fp")
    new = matrix("pppf", "pfpp", "fppp", "ffpp").passed
    ones = np.ones(4, dtype=np.int64)
    assert agreed(new, so_far, ones).tolist() == [True, False, True, False]
    assert agreed(new, matrix("ff", "ff", "ff", "f."), ones).tolist() == [False] * 4
    assert agreed(
        falses(0, 4), Matrix(passed=falses(0, 2), flaky=falses(0, 2), ran=falses(0, 2)), ones[:0]
    ).tolist() == ([False] * 4)


def test_equal_solutions_count_as_often_as_they_occur() -> None:
    so_far = matrix("p.", "fp")
    new = matrix("pf", "fp").passed
    assert agreed(new, so_far, np.array([3, 1])).tolist() == [True, False]
    assert agreed(new, so_far, np.array([1, 3])).tolist() == [False, True]
    assert shares(so_far, np.array([4, 1])).tolist() == [1.0, 0.5]


def test_pairs_to_show_pass_most_and_name_each_program_once() -> None:
    found = matrix("ff", "pp", "ff", "pp", "pp", "..")
    assert telling_pairs(alike(found), found, 9) == [(1, 3), (0, 2)]
    assert telling_pairs(alike(found), found, 1) == [(1, 3)]
    untested = Matrix(passed=falses(3, 0), flaky=falses(3, 0), ran=falses(3, 0))
    assert telling_pairs(alike(untested), untested, 9) == [(0, 1)]


def test_a_mutant_that_is_killed_is_not_equivalent() -> None:
    assert mutation_score([True, False, False], np.array([False, False, True])) == 0.5
    assert mutation_score([True, False, True], np.array([False, False, True])) == pytest.approx(2 / 3)
    assert mutation_score([], falses(0)) is None
    assert mutation_score([False], np.array([True])) is None


cells = st.lists(st.text("pf~.", min_size=4, max_size=4), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(cells, st.lists(st.text("01", min_size=4, max_size=4), max_size=5), st.integers(1, 5))
def test_choice_agrees_with_the_slow_twin(rows: list[str], mutants: list[str], most: int) -> None:
    new = matrix(*rows)
    killed = np.array([[cell == "1" for cell in row] for row in mutants], dtype=bool).reshape(len(mutants), 4)
    pairs = naive.pairs_together(matrix(*[row[:1] for row in rows]))
    together = alike(matrix(*[row[:1] for row in rows]))
    assert {(i, j) for i, j in np.argwhere(np.triu(together)).tolist()} == pairs
    found = choose(killed, new, np.ones(len(mutants), dtype=bool), together, most)
    assert found == naive.choose(killed.tolist(), new, set(range(len(mutants))), pairs, most)


@settings(max_examples=150, deadline=None)
@given(cells, st.data())
def test_consensus_agrees_with_the_slow_twin(rows: list[str], data: st.DataObject) -> None:
    so_far = matrix(*rows)
    counts = data.draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows)))
    new = data.draw(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=len(rows), max_size=len(rows)))
    found = agreed(np.array(new), so_far, np.array(counts, dtype=np.int64))
    assert found.tolist() == naive.agreed(new, so_far, counts)
