from stages.rewards.calibration import Platt
from stages.train_rm.figures import Figure
from stages.train_rm.show import doubts, summarise, summarise_pairs

PLATT = Platt(1.8, -0.25)


def line(metric: str, value: float | None, low: float | None = None, high: float | None = None, **more: str) -> Figure:
    return Figure(more.get("benchmark", "test split"), more.get("group", "all"), metric, value, low, high, 412)


def lines(reads_principles: bool, reads_responses: bool, beats_majority: bool = True) -> list[Figure]:
    figures = [
        line("accuracy.raw", 0.7),
        line("accuracy.calibrated", 0.714, 0.66, 0.75),
        line("accuracy.calibrated", 0.1, 0.1, 0.1, benchmark="calibration split"),
        line("accuracy.calibrated", 0.1, 0.1, 0.1, group="tone"),
        line("auroc.calibrated", 0.78),
        line("auroc.raw", 0.78),
        line("nll.raw", 0.61),
        line("nll.calibrated", 0.55),
        line("ece.raw", 0.09),
        line("ece.calibrated", 0.04),
    ]
    cases = {"majority": beats_majority, "shuffled_principle": reads_principles, "principle_only": reads_responses}
    for name, better in cases.items():
        low = 0.06 if better else -0.02
        figures += [line(f"accuracy.{name}", 0.574), line(f"accuracy.minus_{name}", 0.14, low, 0.2)]
        figures.append(line(f"auroc.minus_{name}", 0.1, -0.01, 0.3))
    return figures


def test_summary_says_what_falls_to_what() -> None:
    assert summarise(lines(True, True), PLATT) == {
        "held out": "accuracy 0.71 [0.66, 0.75], AUROC 0.78 on 412 rows of the test split",
        "calibration": "NLL 0.61 -> 0.55, ECE 0.09 -> 0.04 by temperature 1.8 and bias -0.25",
        "majority per principle": "0.57, the model's accuracy less this: 0.14 [0.06, 0.20]",
        "shuffled principles": "accuracy 0.71 -> 0.57, majority 0.57",
        "hidden response": "accuracy 0.71 -> 0.57, majority 0.57",
    }
    assert doubts(lines(True, True)) == []


def test_without_calibration_and_ablations_raw_figures_are_shown() -> None:
    figures = [one for one in lines(True, True) if "shuffled" not in one.metric and "calibrated" not in one.metric]
    found = summarise([*figures, line("auroc.raw", None)], None)
    assert found["held out"] == "accuracy 0.70, AUROC - on 412 rows of the test split"
    assert found["calibration"] == "none could be fitted"
    assert "shuffled principles" not in found
    assert doubts(figures) == []


def test_model_that_ignores_something_is_named() -> None:
    (principle,) = doubts(lines(False, True))
    assert principle == (
        "Nothing shows that the model reads the principle: with other principles in their place the model judges as "
        "well, accuracy falls by 0.14 [-0.02, 0.20]."
    )
    (response,) = doubts(lines(True, False))
    assert response.startswith("Nothing shows that the model reads the response: without the response")
    (majority,) = doubts(lines(True, True, beats_majority=False))
    assert majority.startswith("The model is not better than the majority of each principle")
    assert len(doubts(lines(False, False, False))) == 3


def test_auroc_alone_can_show_that_something_is_read() -> None:
    figures = [one for one in lines(False, True) if one.metric != "auroc.minus_shuffled_principle"]
    assert doubts([*figures, line("auroc.minus_shuffled_principle", 0.2, 0.1, 0.3)]) == []


def test_pairs_are_summarised() -> None:
    figures = [line("accuracy", 0.66, 0.6, 0.71), line("mean_margin", 1.25, 0.8, 1.5)]
    assert summarise_pairs(figures) == {
        "held out": "accuracy 0.66 [0.60, 0.71] on 412 pairs of the test split, mean margin 1.25 [0.80, 1.50]"
    }
