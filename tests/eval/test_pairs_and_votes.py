import math

import pytest

from stages.eval import llmbar, pandalm, preference
from stages.eval.fields import Unfit
from stages.eval.measured import Measured, to_figures


def values(measured: Measured) -> dict:
    return {(one.group, one.metric): one.value for one in to_figures(measured, seed=0, draws=3)}


def llmbar_row(label: int, scores: list[float]) -> dict:
    return {"id": str(label), "input": "i", "output_1": "a", "output_2": "b", "label": label, "scores": scores}


def test_llmbar_ties_are_wrong_and_parts_are_folders() -> None:
    items = [
        llmbar.read(llmbar_row(1, [2, 1]), "x/Natural/dataset.json"),
        llmbar.read(llmbar_row(2, [2, 1]), "x/Natural/dataset.json"),
        llmbar.read(llmbar_row(2, [1, 1]), "x/Natural/dataset.json"),
        llmbar.read(llmbar_row(2, [1, 2]), "mine.jsonl"),
    ]
    value = values(llmbar.measure(items))
    assert value["all", "accuracy"] == 0.5
    assert (value["Natural", "accuracy"], value["Natural", "ties"]) == pytest.approx((1 / 3, 1 / 3))
    assert value["mine", "accuracy"] == 1
    with pytest.raises(Unfit, match="must be one of 1, 2"):
        llmbar.read(llmbar_row(True, [1, 2]), "x")


def votes(number: int, *given: int, scores: list[float] | None = None) -> pandalm.Entry:
    row = {"id": str(number), "idx": number, "instruction": "i", "response1": "r", "response2": True, "scores": scores}
    row |= {f"annotator{n}": vote for n, vote in enumerate(given, start=1)}
    return pandalm.read(row, "x")


def verdict(number: int, text: object) -> pandalm.Entry:
    return pandalm.read({"id": "v", "idx": number, "gpt_result": text}, "x")


def test_majority_is_more_than_half() -> None:
    assert pandalm.majority_vote([1, 1, 2]) == 1
    assert pandalm.majority_vote([0, 1, 2]) is None
    assert pandalm.majority_vote([1, 2]) is None


def test_a_judge_against_the_majority() -> None:
    items = [votes(0, 1, 1, 1), votes(1, 2, 2, 0), votes(2, 0, 0, 0), votes(3, 0, 1, 2), votes(4, 1, 1, 1)]
    items += [verdict(0, "1"), verdict(1, 2), verdict(2, "Tie"), verdict(3, "1"), verdict(4, "garbage")]
    measured = pandalm.measure(items)
    value = values(measured)
    assert (value["all", "accuracy"], value["all", "unreadable"]) == (0.75, 0.25)
    assert value["unanimous", "accuracy"] == pytest.approx(2 / 3)
    assert measured.dropped == {3: "no_majority"}
    assert pandalm.measure(items[:2] + items[5:6]).dropped == {1: "no_verdict"}


def test_scores_take_the_place_of_verdicts() -> None:
    items = [votes(0, 1, 1, 1, scores=[2, 1]), votes(1, 0, 0, 0, scores=[1, 1]), votes(2, 2, 2, 2, scores=[1, 1])]
    assert values(pandalm.measure(items))["all", "accuracy"] == pytest.approx(2 / 3)


def judgement(preferred: object, **letters: float) -> preference.Judgement:
    top = [{"token": letter, "logprob": value} for letter, value in letters.items()]
    raw = {"logprobs": {"content": [{"top_logprobs": top}]}} if letters else None
    return preference.read({"id": "1", "preference": preferred, "raw_completion": raw}, "x")


def test_preference_from_two_log_probabilities() -> None:
    p = 3 / 4
    assert preference.probability(math.log(0.6), math.log(0.2)) == pytest.approx(p)
    assert preference.probability(-math.inf, -1.0) == 0
    assert preference.probability(-1.0, -math.inf) == 1
    assert preference.reproduced(1 + p, p)
    assert preference.reproduced(2 - p, p)
    assert not preference.reproduced(1.5, p)


def test_win_rate_counts_all_and_reproduction_those_with_log_probabilities() -> None:
    items = [judgement(1.75, M=math.log(0.6), m=math.log(0.2)), judgement(1.5), judgement(1.25, M=0.0, m=-50.0)]
    figures = to_figures(preference.measure(items), seed=0, draws=3)
    assert [(one.metric, one.value, one.n) for one in figures] == [("win_rate", 0.5, 3), ("reproduced", 0.5, 2)]


@pytest.mark.parametrize("raw", [None, {}, {"logprobs": None}, {"logprobs": {"content": []}}, "m"])
def test_missing_log_probabilities_are_none(raw: object) -> None:
    assert preference.log_probs_of(raw) is None


@pytest.mark.parametrize("preferred", [None, 0.9, 2.1, "1"])
def test_a_preference_lies_between_one_and_two(preferred: object) -> None:
    with pytest.raises(Unfit):
        judgement(preferred)
