import pytest

from stages.eval.fields import Unfit
from stages.eval.judgebench import Pair, category_of, decide, measure, pair_right, read, with_scores
from stages.eval.measured import to_figures

ROW = {"id": "1", "source": "mmlu-pro-law", "question": "q", "response_A": "a", "response_B": "b", "label": "A>B"}


def game(decision: str | None = None, scores: list[float] | None = None) -> dict:
    return {"decision": decision, "judgment": {"scores": scores}}


@pytest.mark.parametrize(
    ("decisions", "right"),
    [
        (("A>B", "A>B"), True),
        (("A>B", "A=B"), True),
        (("A=B", "A>B"), True),
        (("A>B", "B>A"), False),
        (("A=B", "A=B"), False),
        (("B>A", "A=B"), False),
        (("A>B",), True),
        (("A=B",), False),
        ((), False),
    ],
)
def test_right_is_a_sum_above_zero(decisions: tuple, right: bool) -> None:
    assert pair_right(decisions, "A>B") is right


def test_the_second_game_is_turned_back() -> None:
    # the judge prefers what it sees first: A, then B
    assert read(ROW | {"judgments": [game("A>B"), game("A>B")]}, "x").decisions == ("A>B", "B>A")
    assert read(ROW | {"judgments": [game("A>B"), game("B>A")]}, "x").decisions == ("A>B", "A>B")


def test_the_tie_trap() -> None:
    # upstream writes "B>A" in both orders for equal scores: wrong, whatever the label, not half right
    for label in ("A>B", "B>A"):
        row = ROW | {"label": label, "judgments": [game("B>A", [1, 1]), game("B>A", [1, 1])]}
        item = read(row, "x")
        assert not pair_right(item.decisions or (), item.label)
    assert decide(1.0, 1.0) == "A=B"


def test_games_without_a_decision_are_read_from_their_scores() -> None:
    assert read(ROW | {"judgments": [game(None, [2, 1]), game(None, [1, 2])]}, "x").decisions == ("A>B", "A>B")
    assert read(ROW | {"judgments": [game("no idea"), game(None)]}, "x").decisions == ("A=B", "A=B")


def test_categories_by_the_beginning_of_the_source() -> None:
    assert category_of("livebench-math") == "math"
    assert category_of("livebench-reasoning") == "reasoning"
    assert category_of("livecodebench") == "coding"
    assert category_of("mmlu-pro-law") == "knowledge"
    assert category_of("mmlu") is None
    with pytest.raises(Unfit, match="must begin with one of"):
        read(ROW | {"source": "other"}, "x")


def test_overall_is_over_pairs_not_over_categories() -> None:
    def pair(category: str, *scores: float) -> Pair:
        return with_scores(Pair((), category, "A>B", None), scores)

    items = [pair("math", 2, 1), pair("math", 3, 1), pair("math", 1, 0), pair("coding", 0, 1)]
    value = {(one.group, one.metric): one.value for one in to_figures(measure(items), seed=0, draws=2)}
    assert value["all", "accuracy"] == 0.75
    assert (value["math", "accuracy"], value["coding", "accuracy"]) == (1, 0)


@pytest.mark.parametrize("judgments", [[], "A>B", [1], [game("A>B")] * 3, [game(None, [1]), game(None, [1, 2])]])
def test_odd_judgments_are_refused(judgments: object) -> None:
    with pytest.raises(Unfit):
        read(ROW | {"judgments": judgments}, "x")


def test_the_label_is_one_of_two() -> None:
    with pytest.raises(Unfit, match="must be one of A>B, B>A"):
        read(ROW | {"label": "A"}, "x")
