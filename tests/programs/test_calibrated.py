import dataclasses
import json

import numpy as np
import pytest

from stages.core.errors import ConfigError, DataError
from stages.programs.keep import Decision, parse_rule
from stages.programs.standings import Standings
from tests.programs.made import labelled, made

STANDINGS = labelled(np.random.default_rng(0), 120)


def decide(text: str, standings: Standings = STANDINGS, seed: int = 0) -> Decision:
    return parse_rule(text, seed=seed).decide(standings)


def precision(kept: np.ndarray, standings: Standings = STANDINGS) -> float:
    return float(standings.truth[kept].mean())


@pytest.mark.parametrize("score", ["pass_rate", "weighted", "agreement", "fitted"])
def test_it_reaches_a_precision_that_no_fraction_was_told(score: str) -> None:
    text = f"calibrated:precision=0.7,score={score},bins=1"
    decision = decide(text)
    assert precision(decision.kept) > 0.7
    assert decision.kept.sum() > 50
    assert json.loads(json.dumps(decision.facts)) == decision.facts
    held_out = decision.facts["held_out"]
    assert isinstance(held_out, dict)
    assert held_out["precision"][0] == precision(decision.kept)
    assert held_out["precision"][1] < held_out["precision"][0] < held_out["precision"][2]
    assert held_out["kept"] == decision.kept.sum()


def test_a_higher_target_keeps_less() -> None:
    kept = [decide(f"calibrated:precision={target},score=pass_rate,bins=1").kept.sum() for target in (0.5, 0.7, 0.85)]
    assert kept[0] > kept[1] > kept[2] > 0


def test_bins_have_thresholds_of_their_own() -> None:
    """Strong suites can be trusted at rates at which weak ones cannot."""
    strong = STANDINGS.strength > np.median(STANDINGS.strength)
    rng = np.random.default_rng(5)
    chance = np.where(strong, STANDINGS.pass_rate > 0.35, STANDINGS.pass_rate > 0.75)
    standings = dataclasses.replace(STANDINGS, truth=(chance ^ (rng.random(1200) < 0.05)).astype(np.float64))
    decision = decide("calibrated:precision=0.8,score=pass_rate,bins=2", standings)
    weak, hard = decision.facts["bins"]
    assert (weak["threshold"], hard["threshold"]) == (pytest.approx(0.7, abs=0.11), pytest.approx(0.3, abs=0.11))
    assert weak["threshold"] > hard["threshold"] + 0.2
    assert weak["strength"][1] < hard["strength"][0]
    assert weak["tasks"] == hard["tasks"] == 60
    assert all(found["bound"] >= 0.8 for found in (weak, hard))
    assert any(reason.endswith(", bin 2 of 2") for reason in decision.reasons)


def test_a_bin_that_cannot_reach_the_precision_keeps_nothing() -> None:
    weak = STANDINGS.strength < np.median(STANDINGS.strength)
    noise = np.random.default_rng(2).random(1200) < 0.3
    standings = dataclasses.replace(STANDINGS, truth=np.where(weak, noise, STANDINGS.truth))
    decision = decide("calibrated:precision=0.7,score=pass_rate,bins=2", standings)
    assert not decision.kept[weak].any()
    assert decision.kept[~weak].any()
    first, second = decision.facts["bins"]
    assert first["threshold"] is None
    assert first["best_bound"] < 0.7 <= second["bound"]
    assert decision.reasons[int(np.flatnonzero(weak)[0])].endswith(": no threshold is sure enough, bin 1 of 2")


def test_programs_without_truth_are_decided_by_all_labels() -> None:
    truth = np.where(STANDINGS.task < 90, STANDINGS.truth, np.nan)
    decision = decide("calibrated:precision=0.7,score=pass_rate,bins=1", dataclasses.replace(STANDINGS, truth=truth))
    threshold = decision.facts["bins"][0]["threshold"]
    unlabelled = STANDINGS.task >= 90
    assert decision.kept[unlabelled].tolist() == (STANDINGS.pass_rate[unlabelled] >= threshold).tolist()
    assert decision.facts["tasks"] == 90
    assert precision(decision.kept & unlabelled) > 0.7


def test_truth_of_a_task_does_not_touch_its_own_programs() -> None:
    task = STANDINGS.task == 17
    other = dataclasses.replace(STANDINGS, truth=np.where(task, 1 - STANDINGS.truth, STANDINGS.truth))
    for score in ("agreement", "fitted"):
        first, second = (
            decide(f"calibrated:precision=0.7,score={score},bins=1", table) for table in (STANDINGS, other)
        )
        rows = np.flatnonzero(task)
        assert [first.reasons[row] for row in rows] == [second.reasons[row] for row in rows]
    assert first.reasons != second.reasons


def test_deciding_twice_gives_the_same() -> None:
    for score in ("agreement", "fitted"):
        first, second = (decide(f"calibrated:precision=0.6,score={score},bins=1", seed=3) for _ in range(2))
        assert first.reasons == second.reasons
        assert first.facts == second.facts


def test_folds_and_draws_follow_the_seed() -> None:
    first, second = (decide("calibrated:precision=0.6,bins=1", seed=seed) for seed in (3, 4))
    assert first.reasons != second.reasons
    fractions = [decision.facts["table"][3] for decision in (first, second)]
    assert fractions[0]["kept"] == fractions[1]["kept"]
    assert fractions[0]["precision"] != fractions[1]["precision"]


def test_programs_without_tests_are_not_kept() -> None:
    gone = np.arange(1200) % 50 == 0
    standings = dataclasses.replace(
        STANDINGS,
        total=np.where(gone, 0, STANDINGS.total),
        passed=np.where(gone, 0, STANDINGS.passed),
        pass_rate=np.where(gone, np.nan, STANDINGS.pass_rate),
        weighted_rate=np.where(gone, np.nan, STANDINGS.weighted_rate),
    )
    for score in ("agreement", "consensus", "weighted", "fitted"):
        decision = decide(f"calibrated:precision=0.4,score={score},bins=1", standings)
        assert not decision.kept[gone].any()
        assert {decision.reasons[row] for row in np.flatnonzero(gone)} == {
            f"calibrated:precision=0.4,score={score},bins=1: no tests"
        }
        assert decision.facts["programs"] == 1200 - gone.sum()


def test_table_has_the_rules_without_labels() -> None:
    lines = decide("calibrated:precision=0.7").facts["table"]
    assert isinstance(lines, list)
    assert [line["rule"] for line in lines] == [
        *("calibrated", "frac:1.0", "frac:0.9", "frac:0.8", "frac:0.6", "frac:0.5", "frac:0.4", "frac:0.3", "frac:0.2"),
        *("rel:1.0", "rel:0.8", "consensus", "consensus:0.8"),
    ]
    fraction = decide("frac:0.6").kept
    line = next(line for line in lines if line["rule"] == "frac:0.6")
    assert (line["kept"], line["precision"][0]) == (fraction.sum(), precision(fraction))


def test_too_few_labels_are_refused() -> None:
    few = dataclasses.replace(STANDINGS, truth=np.where(STANDINGS.task < 19, STANDINGS.truth, np.nan))
    with pytest.raises(DataError, match=r"190 programs of 19 tasks have .* but it takes 50 of 20"):
        decide("calibrated:precision=0.7,bins=1", few)
    thin = dataclasses.replace(STANDINGS, truth=np.where(np.arange(1200) % 30 == 0, STANDINGS.truth, np.nan))
    with pytest.raises(DataError, match=r"40 programs of 40 tasks .* keep by a rule without labels"):
        decide("calibrated:precision=0.7,bins=1", thin)
    some = dataclasses.replace(STANDINGS, truth=np.where(STANDINGS.task < 45, STANDINGS.truth, np.nan))
    with pytest.raises(DataError, match=r"programs of 15 tasks .* in bin 1 of 3 by suite strength.*bins=1"):
        decide("calibrated:precision=0.7", some)
    none = dataclasses.replace(STANDINGS, truth=np.full(1200, np.nan))
    with pytest.raises(DataError, match="0 programs of 0 tasks"):
        decide("calibrated:precision=0.7", none)


def test_a_precision_out_of_reach_is_refused_with_the_best() -> None:
    with pytest.raises(DataError, match=r"1200 labelled programs of 120 tasks .* best reachable is (0\.\d+)") as error:
        decide("calibrated:precision=0.99,score=pass_rate,bins=1")
    best = float(str(error.value).split("reachable is ")[1].split(". ")[0])
    decide(f"calibrated:precision={best},score=pass_rate,bins=1")
    with pytest.raises(DataError):
        decide(f"calibrated:precision={best + 0.001},score=pass_rate,bins=1")


def test_one_task_that_is_right_often_does_not_vouch_for_all() -> None:
    standings = made(
        [10 if task == 0 else 5 for task in range(30) for _ in range(5)],
        [10] * 150,
        task=np.repeat(np.arange(30), 5).tolist(),
        truth=[float(task == 0) for task in range(30) for _ in range(5)],
    )
    with pytest.raises(DataError, match=r"best reachable is 0\.565"):
        decide("calibrated:precision=0.6,score=pass_rate", standings)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", "the precision is missing"),
        (":", "the precision is missing"),
        (":score=fitted", "the precision is missing"),
        (":0.9", "'0.9' is no option"),
        (":precison=0.9", "Did you mean precision?"),
        (":precision", "'precision' is no option"),
        (":precision=0.9,score=fited", "'fited' is no score. Did you mean fitted?"),
        (":precision=1", "precision '1' is no share"),
        (":precision=high", "precision 'high' is no share"),
        (":precision=0.9,bins=0", "bins '0' is no whole number from 1 to 20"),
        (":precision=0.9,bins=2.5", "bins '2.5' is no whole number"),
        (":precision=0.9,precision=0.8", "precision stands there twice"),
    ],
)
def test_options_that_mean_nothing(rest: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_rule(f"calibrated{rest}", seed=0)
    assert said in str(error.value)
    assert "Write calibrated:precision=0.9" in str(error.value)
