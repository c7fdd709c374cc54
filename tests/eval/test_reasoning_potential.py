import pytest

from stages.eval.attempts import Attempts, read
from stages.eval.measured import Figure, to_figures
from stages.eval.reasoning_potential import measure


def figures(*counts: tuple[int, int], draws: int = 300) -> dict[str, Figure]:
    items: list[Attempts] = [read({"n": n, "c": c}, "x") for n, c in counts]
    return {one.metric: one for one in to_figures(measure(items), seed=0, draws=draws)}


def test_figures_by_hand() -> None:
    # shares 1/4, 1/2, 1, 0: mean 7/16; attempts 4, 2, 1
    found = figures((4, 1), (2, 1), (8, 8), (4, 0))
    assert {name: one.value for name, one in found.items()} == {
        "potential": pytest.approx(7 / 16),
        "unsolved": 1 / 4,
        "attempts_of_solved": pytest.approx(7 / 3),
        "median_attempts_of_solved": 2,
    }
    assert [one.n for one in found.values()] == [4, 4, 3, 3]
    assert all(one.low is not None and one.low <= (one.value or 0) <= (one.high or 0) for one in found.values())


def test_unsolved_problems_count_as_zero_in_the_potential_and_nowhere_in_the_attempts() -> None:
    without, with_unsolved = figures((4, 1)), figures((4, 1), (4, 0))
    assert (without["potential"].value, with_unsolved["potential"].value) == (0.25, 0.125)
    assert without["attempts_of_solved"].value == with_unsolved["attempts_of_solved"].value == 4


def test_without_a_solved_problem_there_are_no_attempts_to_count() -> None:
    found = figures((4, 0), (2, 0), draws=20)
    assert (found["unsolved"].value, found["attempts_of_solved"].value, found["attempts_of_solved"].n) == (1, None, 0)
    assert found["attempts_of_solved"].low is None


def test_problems_are_drawn_not_samples() -> None:
    # one problem: nothing to draw from, whatever the number of its samples
    found = figures((4, 1), draws=50)
    assert (found["potential"].low, found["potential"].high) == (0.25, 0.25)
