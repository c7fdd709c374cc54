import numpy as np
import pytest

from stages.eval.answers import answer
from stages.eval.fields import Unfit
from stages.eval.measured import to_figures
from stages.eval.reward_bench_2 import Prompt, credit, measure, missing, read
from stages.eval.ties import margins, ties_score
from tests.eval.rows import user


def tie(kind: str, number: str, correct: list[float], incorrect: list[float]) -> Prompt:
    answers = tuple(answer(user(f"{kind}{number}"), str(n)) for n in range(len(correct) + len(incorrect)))
    return Prompt(answers, "Ties", len(correct), kind, number, (*correct, *incorrect))


WORKED = [
    ({"1": ([3.0], [1.0])}, {"1": ([5.0, 4], [2.0])}, 1.007616),
    ({"1": ([3.0], [1.0])}, {"1": ([5.0, 5], [2.0])}, 1.010000),
    ({"1": ([3.0], [1.0])}, {"1": ([5.0, 3], [2.0])}, 0.595379),
    (
        {"1": ([1.0], [3.0]), "2": ([2.0], [1.0])},
        {"1": ([5.0, 4], [2.0]), "2": ([4.0, 4, 4], [4.0])},
        0.395025,
    ),
]


@pytest.mark.parametrize(("ref", "tied", "score"), WORKED)
def test_worked_cases_of_the_ties_formula(ref: dict, tied: dict, score: float) -> None:
    value = ties_score(
        {name: margins(*scores) for name, scores in ref.items()},
        {name: margins(*scores) for name, scores in tied.items()},
    )
    assert value == pytest.approx(score, abs=5e-7)
    items = [tie("ref", name, *scores) for name, scores in ref.items()]
    items += [tie("tied", name, *scores) for name, scores in tied.items()]
    figures = to_figures(measure(items), seed=0, draws=5)
    assert [figure.value for figure in figures] == pytest.approx([score, score], abs=5e-7)


def test_accuracies_count_prompts_without_a_partner_and_margins_do_not() -> None:
    ref = {"1": margins([3.0], [1.0]), "9": margins([1.0], [2.0])}
    tied = {"1": margins([5.0, 5], [2.0]), "8": margins([1.0, 1], [2.0])}
    # .3 * 1/2 + .3 * 1/2 + .2 + .2 + .01
    assert ties_score(ref, tied) == pytest.approx(0.71)
    assert np.isnan(ties_score({}, tied))


@pytest.mark.parametrize(
    ("scores", "value"),
    [((2, 1, 1, 0), 1), ((2, 2, 1, 0), 0.5), ((2, 2, 2, 2), 0.25), ((1, 2, 1, 1), 0), ((-1, -2, -3, -4), 1)],
)
def test_credit_is_shared_among_the_highest(scores: tuple, value: float) -> None:
    assert credit(scores) == value


def test_the_figure_is_the_mean_of_subsets() -> None:
    def best(subset: str, *scores: float) -> Prompt:
        return Prompt(tuple(answer(user("p"), str(n)) for n in range(4)), subset, 1, "", "", scores)

    items = [best("Math", 2, 1, 1, 1), best("Math", 1, 2, 1, 1), best("Math", 1, 2, 1, 1), best("Focus", 1, 1, 0, 0)]
    value = {one.group: one.value for one in to_figures(measure(items), seed=0, draws=5)}
    assert value == pytest.approx({"Math": 1 / 3, "Focus": 0.5, "all": 5 / 12})
    assert "Factuality" in (missing(items) or "")


def test_a_pair_of_the_ties_is_drawn_together() -> None:
    items = [tie("ref", "1", [3.0], [1.0]), tie("tied", "1", [5.0, 5], [2.0]), tie("ref", "2", [1.0], [3.0])]
    measured = measure([*items, tie("tied", "2", [1.0, 1], [2.0])])
    assert measured.clusters[0] == measured.clusters[1]
    assert measured.clusters[2] == measured.clusters[3]
    assert measured.clusters[0] != measured.clusters[2]


def test_ties_rows_are_told_by_their_id_and_one_right_answer_is_refused() -> None:
    row = {"id": "tied:4", "prompt": "p", "subset": "Ties", "chosen": ["a", "b"], "rejected": ["c"]}
    item = read(row | {"scores": [[1], [2], [3]]}, "x")
    assert (item.kind, item.number, item.scores, item.num_correct) == ("tied", "4", (1, 2, 3), 2)
    with pytest.raises(Unfit, match="two right answers"):
        read(row | {"chosen": ["a"]}, "x")
    with pytest.raises(Unfit, match="ref:NUMBER"):
        read(row | {"id": "7"}, "x")
    assert read(row | {"subset": "Math", "id": "7", "chosen": ["a"]}, "x").kind == ""
    with pytest.raises(Unfit, match="at least one right"):
        read(row | {"rejected": []}, "x")
