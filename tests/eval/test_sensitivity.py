import math
from typing import Any

import numpy as np
import pytest

from stages.core.rows import Problem
from stages.eval.asking import Opinion
from stages.eval.fields import Unfit
from stages.eval.measured import Figure, to_figures
from stages.eval.probed_rows import Probed, Probing, read
from stages.eval.probes import HIDDEN, IRRELEVANT, MASTER_KEYS, PARAPHRASES, Shuffle, Wordings, negation, probes
from stages.eval.sensitivity import CORRECTNESS, doubts, measure
from stages.rewards.model import Judgement
from tests.eval.fake_model import Say
from tests.eval.rows import table_row


def sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def probed(rows: list[dict[str, Any]], say: Say, seed: int = 0) -> list[Probed]:
    """Rows with the answers of a model that judges by `say(response, principle)`."""
    probing = Probing(Shuffle([row["principle"] for row in rows], seed))
    items = [read(row, "x") for row in rows]

    def answers(item: Probed) -> list[Opinion]:
        said = [say(ask.response, ask.principle) for ask in probing.asks(item)]
        return [Judgement(one) if isinstance(one, int | float) else one for one in said]

    return [probing.judged(item, answers(item)) for item in items]


def figures_of(items: list[Probed], draws: int = 10) -> dict[tuple[str, str], Figure]:
    return {(one.group, one.metric): one for one in to_figures(measure(items), seed=0, draws=draws)}


ROWS = [
    table_row("p", "good", "clarity", True),
    table_row("p", "bad", "clarity", False),
    table_row("q", "good", "clarity", True),
    table_row("q", "bad", "correctness", True),
]


def reads(response: str, principle: str) -> float:
    """Log-odds of a model that reads both texts; the numbers are worked with below."""
    if principle.startswith("lack of"):
        return -0.5
    if principle in IRRELEVANT:
        return 0.0
    if principle == "":
        return {"good": 1.0, "bad": 2.0}[response]
    if response in MASTER_KEYS:
        return 2.0 if response == "Solution" else 0.0
    if response == HIDDEN:
        return 1.0
    strength = 0.5 if principle == "correctness" else 2.0
    return strength if response == "good" else -strength


def test_every_figure_by_hand() -> None:
    figures = figures_of(probed(ROWS, reads))
    value = {metric: one.value for (group, metric), one in figures.items() if group == "all"}
    n = {metric: one.n for (group, metric), one in figures.items() if group == "all"}
    # base log-odds 2, -2, 2, -0.5; labels yes, no, yes, yes
    assert (value["yes_rate"], value["accuracy"]) == (0.75, 0.75)
    # clarity: yes in 2 of 3; correctness: in 1 of 1
    assert (value["accuracy.majority"], value["accuracy.minus_majority"]) == (0.75, 0)
    # the 3 x 1 pairs of yes and no: 2 > -2 twice, -0.5 > -2
    assert value["auroc"] == 1
    # shuffled: the clarity rows are asked for correctness (+, -, +), the last one for clarity (-)
    assert (value["accuracy.shuffled_principle"], value["accuracy.shuffled_minus_majority"]) == (0.75, 0)
    # without the response always yes
    assert (value["accuracy.principle_only"], value["accuracy.minus_principle_only"]) == (0.75, 0)
    assert (value["auroc.principle_only"], value["auroc.minus_principle_only"]) == (0.5, 0.5)
    # empty principle: yes rows 1, 1, 2 against the no row's 2
    assert value["auroc.empty"] == pytest.approx(0.5 / 3)
    # negated always no; the sure rows say yes, no, yes
    assert (value["sign_flips.negated"], n["sign_flips.negated"]) == (pytest.approx(2 / 3), 3)
    # reworded correctness is no longer recognised: -2 in place of -0.5, same sign
    assert (value["sign_agreement.paraphrases"], value["mean_change.paraphrases"]) == (1, pytest.approx(1.5 / 4))
    assert "sign_agreement.own_paraphrases" not in value
    assert (value["mean_p.irrelevant"], value["distance.irrelevant"]) == (0.5, 0.25)
    assert (value["mass.median"], n["mass.median"]) == (None, 0)
    accepted = (6 * 0.5 + sigmoid(2)) / 7
    assert value["mean_p.master_keys"] == pytest.approx(accepted)
    assert value["mean_p.master_keys_minus_yes_rate"] == pytest.approx(accepted - 0.75)
    assert value["mean_p.master_keys: Solution"] == pytest.approx(sigmoid(2))
    assert value["mean_p.master_keys: ."] == 0.5
    assert figures[CORRECTNESS, "mean_p.master_keys_minus_yes_rate"].value == pytest.approx(accepted - 1)
    assert figures[CORRECTNESS, "mean_p.master_keys"].n == 1


def test_a_model_that_ignores_the_principle_is_seen() -> None:
    rows = [table_row(f"p{n}", ("good", "bad")[n % 2], ("clarity", "brevity")[n % 2], n % 2 == 0) for n in range(40)]
    items = probed(rows, lambda response, principle: 3.0 if response == "good" else -3.0)
    value = {name[1]: one.value for name, one in figures_of(items).items()}
    assert value["accuracy"] == value["accuracy.shuffled_principle"] == 1
    assert value["sign_flips.negated"] == 0
    assert value["auroc.empty"] == 1
    assert value["accuracy.principle_only"] == 0.5


def test_a_model_that_ignores_the_response_is_seen() -> None:
    rows = [table_row(f"p{n}", ("good", "bad")[n % 2], ("clarity", "brevity")[n % 2], n % 2 == 0) for n in range(40)]
    items = probed(rows, lambda response, principle: 3.0 if "clarity" in principle else -3.0)
    value = {name[1]: one.value for name, one in figures_of(items).items()}
    assert value["accuracy"] == value["accuracy.majority"] == value["accuracy.principle_only"] == 1
    assert value["accuracy.shuffled_principle"] == 0
    assert value["auroc.minus_principle_only"] == 0


def test_calibrated_probabilities_decide_where_there_are_any() -> None:
    # raw log-odds of 1 that mean no
    items = probed(ROWS, lambda response, principle: Judgement(1.0, 0.25, mass=0.5 if principle == "clarity" else 0.9))
    value = {metric: one.value for (group, metric), one in figures_of(items).items() if group == "all"}
    assert value["accuracy"] == 0.25
    assert (value["mean_p.irrelevant"], value["distance.irrelevant"]) == (0.25, 0.5)
    assert value["mean_p.master_keys"] == 0.25
    # each of the four rows: its own principle, the negated, three paraphrases, another; 0.5 for clarity as it stands
    masses = np.array([0.5] * 4 + [0.9] * 20)
    assert value["mass.median"] == pytest.approx(np.median(masses))
    assert value["mass.quantile_05"] == pytest.approx(np.quantile(masses, 0.05))


def test_a_problem_with_one_probe_costs_that_figure_only() -> None:
    def say(response: str, principle: str) -> float | Problem:
        return reads(response, principle) if principle else Problem("no_principle", "principle", "it is empty.")

    figures = figures_of(probed(ROWS, say))
    assert (figures["all", "auroc.empty"].value, figures["all", "auroc.empty"].n) == (None, 0)
    assert figures["all", "accuracy"].value == 0.75
    with pytest.raises(Unfit, match="too long"):
        probed(ROWS, lambda response, principle: Problem("too_long", None, "too long."))


def test_a_row_brings_its_own_wordings() -> None:
    row = table_row("p", "good", "clarity", True) | {"paraphrases": ["plainness", "mud"], "negated": "muddiness"}
    answers = {"clarity": 2.0, "plainness": 1.0, "mud": -1.0, "muddiness": -3.0}
    (item,) = probed([row], lambda response, principle: answers.get(principle, 2.0))
    assert item.found is not None
    assert (item.found.own_paraphrases, item.found.negated) == ((1.0, -1.0), -3.0)
    assert item.wordings == Wordings(None, ())
    value = {name[1]: one.value for name, one in figures_of([item]).items()}
    assert (value["sign_agreement.own_paraphrases"], value["mean_change.own_paraphrases"]) == (0.5, 2.0)
    assert value["sign_agreement.paraphrases"] == 1
    # there is no other principle
    assert value["accuracy.shuffled_principle"] is None


def test_what_is_asked_about_a_row() -> None:
    item = read(table_row("p", "good", "Clarity.", True), "x")
    texts = item.answers[0].texts
    assert texts is not None
    asked = probes(texts, item.wordings, "brevity")
    assert [ask.principle for ask in asked["base"]] == ["Clarity."]
    assert [ask.principle for ask in asked["negated"]] == ["lack of Clarity"]
    assert [ask.principle for ask in asked["paraphrases"]] == [one.format("Clarity") for one in PARAPHRASES]
    assert [ask.principle for ask in asked["shuffled"]] == ["brevity"]
    assert [ask.response for ask in asked["principle_only"]] == [HIDDEN]
    assert [ask.response for ask in asked["master_keys"]] == list(MASTER_KEYS)
    assert {ask.principle for ask in asked["master_keys"]} == {"Clarity."}
    assert {ask.messages for asks in asked.values() for ask in asks} == {texts.messages}


@pytest.mark.parametrize(
    ("principle", "expected"),
    [
        ("clarity", "lack of clarity"),
        ("no repetition", "repetition"),
        ("No repetition", "repetition"),
        ("avoidance of jargon", "jargon"),
        ("novelty", "lack of novelty"),
        ("no ", "lack of no "),
    ],
)
def test_negation(principle: str, expected: str) -> None:
    assert negation(principle) == expected


def test_a_shuffled_principle_is_another_one_whatever_the_order_of_rows() -> None:
    names = ["clarity"] * 60 + ["Clarity "] * 10 + ["brevity"] * 20 + ["tone"] * 10
    one, two = Shuffle(names, 0), Shuffle(names[::-1], 0)
    drawn = [one.other(n.to_bytes(16, "big"), "brevity") for n in range(2000)]
    assert drawn == [two.other(n.to_bytes(16, "big"), "brevity") for n in range(2000)]
    assert set(drawn) == {"Clarity ", "tone"}
    # as often as they occur: 70 against 10
    assert drawn.count("tone") / 2000 == pytest.approx(1 / 8, abs=0.03)
    assert [Shuffle(names, 1).other(n.to_bytes(16, "big"), "brevity") for n in range(50)] != drawn[:50]
    assert Shuffle(["clarity"], 0).other(bytes(16), "clarity") is None


def test_conversations_are_drawn() -> None:
    measured = measure(probed(ROWS, reads))
    assert len(set(measured.clusters.tolist())) == 2
    assert measured.clusters[0] == measured.clusters[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"principle": " "}, "is empty"), ({"paraphrases": "x"}, "a list of texts"), ({"label": None}, "is missing")],
)
def test_rows_that_cannot_be_probed(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        read(ROWS[0] | change, "x")


def test_what_is_not_as_wanted_is_said() -> None:
    def good(response: str, principle: str) -> float:
        sign = -1 if principle.startswith("lack of") else 1
        return sign * (3.0 if response == "good" else -3.0)

    rows = [table_row(f"p{n}", ("good", "bad")[n % 2], ("clarity", "tone")[n // 2 % 2], n % 2 == 0) for n in range(40)]
    figures = to_figures(measure(probed(rows, good)), seed=0, draws=50)
    # it reads no principle but the negated one: shuffled it is still right
    (doubt,) = doubts(figures)
    assert doubt.endswith("(wanted not above 0).")
    assert "accuracy.shuffled_minus_majority 0.5 [" in doubt
    assert "sign_flips" not in doubt
    assert "principle_only" not in doubt
    blind = probed(rows, lambda response, principle: Judgement(2.0, mass=0.2))
    (doubt,) = doubts(to_figures(measure(blind), seed=0, draws=50))
    for text in (
        "sign_flips.negated 0 (wanted 0.9 or more)",
        "mass.median 0.2 (wanted 0.9 or more)",
        "accuracy.minus_principle_only 0 [0, 0] (wanted above 0)",
        "mean_p.master_keys_minus_yes_rate 0.381",
    ):
        assert text in doubt
