import pytest

from stages.eval.measured import to_figures
from stages.eval.principle_pairs import Pair, find_pairs, measure
from tests.eval.rows import scored_row


def test_pairs_share_prompt_and_principle_and_differ_in_label() -> None:
    items = [
        scored_row("p", "a", "clarity", True),
        scored_row("p", "b", " Clarity", False),
        scored_row("p", "c", "clarity", False),
        scored_row("p", "d", "relevance", False),
        scored_row("q", "b", "clarity", False),
        scored_row("p", "e", "clarity", True),
    ]
    assert set(find_pairs(items)) == {Pair(0, 1), Pair(0, 2), Pair(5, 1), Pair(5, 2)}


def test_one_response_is_no_pair_with_itself() -> None:
    assert find_pairs([scored_row("p", "a", "clarity", True), scored_row("p", "a", "clarity", False)]) == []


def test_accuracy_by_principle_ties_wrong_and_apart() -> None:
    items = [
        scored_row("p", "a", "clarity", True, 1.0),
        scored_row("p", "b", "clarity", False, 0.0),
        scored_row("q", "a", "clarity", True, 2.0),
        scored_row("q", "b", "clarity", False, 2.0),
        scored_row("q", "c", "relevance", True, -5.0),
        scored_row("q", "d", "relevance", False, -4.0),
        scored_row("q", "e", "brevity", True, -4.0),
    ]
    measured = measure(items, 2)
    value = {(one.group, one.metric): one.value for one in to_figures(measured, seed=0, draws=20)}
    assert value["all", "accuracy"] == pytest.approx(1 / 3)
    assert value["all", "ties"] == pytest.approx(1 / 3)
    assert (value["clarity", "accuracy"], value["clarity", "ties"]) == (0.5, 0.5)
    # one pair is fewer than two
    assert ("relevance", "accuracy") not in value
    assert measured.dropped == {6: "no_opposite"}


def test_conversations_are_drawn_not_pairs() -> None:
    items = [scored_row(prompt, f"{n}", "clarity", n % 2 == 0, float(n)) for prompt in "pq" for n in range(4)]
    measured = measure(items, 1)
    assert len(measured.clusters) == 8
    assert len(set(measured.clusters.tolist())) == 2
