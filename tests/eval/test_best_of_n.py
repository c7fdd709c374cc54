import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.eval.best_of_n import Samples, best_of_k, majority, measure, merge, read, sizes
from stages.eval.fields import Unfit
from stages.eval.measured import to_figures
from stages.eval.pass_at_k import pass_at_k
from tests.naive import best_of_n as naive

SAMPLES = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=8)


@given(SAMPLES, st.integers(1, 8))
def test_closed_forms_equal_all_choices(samples: list[tuple[bool, int]], k: int) -> None:
    correct, scores = [one for one, _ in samples], [float(score) for _, score in samples]
    k = min(k, len(samples))
    assert best_of_k(correct, scores, k) == pytest.approx(naive.best_of_k(correct, scores, k))
    counts = np.array([len(correct)]), np.array([sum(correct)])
    assert pass_at_k(*counts, k).tolist() == pytest.approx([naive.pass_at_k(correct, k)])


def test_the_earlier_of_equal_scores_is_taken() -> None:
    assert best_of_k([True, False], [1, 1], 2) == 1
    assert best_of_k([False, True], [1, 1], 2) == 0


def test_majority_takes_the_most_frequent_and_the_earliest_of_equals() -> None:
    assert majority(["a", "b", "b"], [True, False, False]) is False
    assert majority(["a", "b", "b", "a"], [True, False, False, True]) is True


def test_sizes_are_powers_of_two_and_all() -> None:
    assert [sizes(n) for n in (1, 2, 3, 8, 10)] == [[], [2], [2, 3], [2, 4, 8], [2, 4, 8, 10]]


def test_figures_by_hand() -> None:
    row = {"id": "1", "question": "q", "code": ["x", "y"], "pred": ["1", "2"]}
    items = [
        read(row | {"score": [True, False], "pred_score": [[0.1], [0.9]]}, "x"),
        read(row | {"question": "r", "score": [True, True], "pred_score": [1, 2]}, "x"),
    ]
    value = {one.metric: one.value for one in to_figures(measure(items), seed=0, draws=2)}
    assert value == {"mean": 0.75, "rm@2": 0.5, "pass@2": 1.0, "majority@2": 1.0}


def test_samples_one_a_row_belong_to_their_problem() -> None:
    def row(completion: str, **further: object) -> Samples:
        return read({"id": completion, "prompt": "p", "completion": completion} | further, "x")

    items = [
        row("a", question_id=1, correct=True, score=2.0, answer="4"),
        row("b", question_id=2, correct=False, score=2.0, answer="5"),
        row("c", question_id=1, correct=False, score=1.0, answer="5"),
    ]
    first, second = merge(items)
    assert (first.correct, first.scores, first.replies) == ((True, False), (2.0, 1.0), ("4", "5"))
    assert second.correct == (False,)
    # the smallest problem has one sample, so there is nothing to choose from but the mean and its only answer
    assert {one.metric: one.value for one in to_figures(measure(items), seed=0, draws=2)} == {
        "mean": 0.25,
        "majority@1": 0.5,
    }


@pytest.mark.parametrize(
    "change",
    [{"score": [True]}, {"score": "yes"}, {"score": [1, 0]}, {"pred": []}, {"code": ["x"]}, {"pred_score": [1]}],
)
def test_lists_must_fit_each_other(change: dict) -> None:
    row = {"id": "1", "question": "q", "code": ["x", "y"], "pred": ["1", "2"], "score": [True, False]}
    with pytest.raises(Unfit):
        read(row | change, "x")
