import json
from collections import Counter

import pytest

from stages.core.options import LlmOptions
from stages.extract_principles.consensus import Unit
from stages.extract_principles.forecast import forecast_model
from stages.extract_principles.ngram_embedder import NgramEmbedder
from stages.extract_principles.stats import Stats, stats_from_json
from stages.extract_principles.summary import agreements, facts, histogram, taxonomy_of, waterfall
from stages.extract_principles.survey import Counts, Survey
from stages.extract_principles.taxonomy_file import parse_taxonomy, to_yaml


def test_the_waterfall_gives_shares_of_the_raw_count_and_of_the_step_before() -> None:
    steps = {step.name: step for step in waterfall(200, {"evidence": 40, "partially": 80, "consensus": 60})}
    assert [step.left for step in steps.values()] == [200, 160, 160, 80, 80, 20, 20, 20]
    assert (steps["evidence"].share_of_raw, steps["evidence"].share_of_previous) == (0.8, 0.8)
    assert (steps["partially"].share_of_raw, steps["partially"].share_of_previous) == (0.4, 0.5)
    assert (steps["consensus"].dropped, steps["consensus"].share_of_previous) == (60, 0.25)


def test_a_waterfall_of_nothing_has_no_shares() -> None:
    assert all(step.share_of_raw is None and step.left == 0 for step in waterfall(0, {}))


def test_the_histogram_has_a_bin_for_a_perfect_match() -> None:
    bins = dict(histogram({"90": 2, "100": 5, "0": 1}))
    assert (bins["0 to 10"], bins["90 to 100"], bins["100"]) == (1, 2, 5)
    assert sum(bins.values()) == 8


def stats_of(domain: str | None, label: bool) -> Stats:
    stats = Stats()
    stats.add_votes(domain, [Unit("clarity", 2, 1), Unit("depth", 3, 0)])
    stats.add_row(domain, "clarity", label)
    stats.matches.update(["100", "90"])
    return stats


def test_stats_of_parts_add_up_and_survive_json() -> None:
    merged = Stats()
    for one in (stats_of("code", True), stats_of("code", False), stats_of(None, False)):
        merged.merge(stats_from_json(json.loads(json.dumps(one.to_json()))))
    assert merged.votes == {"code": Counter({"2/1 3/0": 2}), "unknown": Counter({"2/1 3/0": 1})}
    assert merged.names == {"code": {"clarity": [1, 1]}, "unknown": {"clarity": [0, 1]}}
    assert merged.matches == {"100": 3, "90": 3}


def test_agreement_is_given_over_all_and_by_domain() -> None:
    stats = Stats()
    for domain in ("code", "stem"):
        stats.add_votes(domain, [Unit("a", 3, 0), Unit("b", 0, 3)])
    agreed = agreements(stats, seed=0)
    assert list(agreed) == ["all", "code", "stem"]
    assert agreed["all"].alpha.value == pytest.approx(1.0)
    assert (agreed["all"].responses, agreed["all"].units, agreed["code"].units) == (2, 4, 2)


def test_the_taxonomy_folds_spellings_and_gives_rates_by_domain() -> None:
    stats = Stats()
    for label in (True, True, False):
        stats.add_row("code", "code readability", label)
    stats.add_row("stem", "Code readability", True)
    stats.add_row("stem", "polite tone", False)
    taxonomy = taxonomy_of(stats, NgramEmbedder(), 0.8)
    assert taxonomy is not None
    first, second = taxonomy.clusters
    assert (first.name, first.rows, first.yes_rate) == ("code readability", 4, 0.75)
    assert (second.name, second.rows, second.yes_rate) == ("polite tone", 1, 0.0)
    assert first.domains["stem"].rows == 1
    assert first.domains["stem"].lift == pytest.approx((1 / 2) / (4 / 5))
    assert taxonomy_of(Stats(), NgramEmbedder(), 0.8) is None


def test_a_blank_domain_is_counted_as_none_and_the_taxonomy_can_be_read_back() -> None:
    stats = Stats()
    for domain in (None, "", " \n"):
        stats.add_row(domain, "clarity", True)
        stats.add_votes(domain, [Unit("clarity", 2, 1)])
    assert set(stats.names) == set(stats.votes) == {"unknown"}
    taxonomy = taxonomy_of(stats, NgramEmbedder(), 0.8)
    assert taxonomy is not None
    assert parse_taxonomy(to_yaml(taxonomy), "taxonomy.yaml") == taxonomy


def test_facts_count_conflicts_over_matched_groups() -> None:
    total = {"counts": {"raw": 10, "matched": 4, "label_conflicts": 1, "verdict_yes": 6, "verdict_no": 2}}
    result = facts({**total, "dropped_by": {}, "written": 3}, Stats(), {}, consensus=True)
    assert (result["label_conflict_rate"], result["yes_share"], result["principles_written"]) == (0.25, 0.75, 3)


def test_the_survey_counts_the_texts_of_each_layout_apart() -> None:
    survey = Survey()
    survey.observe({"id": "a", "feedback": "abc", "prompt": "12", "completion": "3"})
    survey.observe({"id": "b", "feedback": ["a", " ", None], "feedback1": ["aside", "aside"]})
    survey.observe({"id": "c", "feedback": ["not", 1, "readable"]})
    assert survey.layouts["feedback"] == Counts(texts=2, characters=4, context=3)
    hs3 = {"id": "d", "context": "123", "response1": "12", "response2": "1"}
    survey = Survey()
    survey.observe({**hs3, "feedback1": ["ab", "cd"], "feedback2": []})
    assert survey.layouts["helpsteer3-feedback"] == Counts(texts=2, characters=4, context=10, several_annotators=True)
    survey.observe({**hs3, "individual_preference": [{"feedback1": "a"}, {"feedback1": "b", "feedback2": "c"}]})
    assert survey.layouts["helpsteer3-preference"] == Counts(
        texts=3, characters=3, context=2 * 5 + 4, several_annotators=True
    )
    assert survey.layouts["feedback"] == Counts()


def test_the_forecast_counts_what_the_model_is_shown() -> None:
    counts = Counts(texts=10, characters=1000, context=40_000)
    options = LlmOptions(llm="http://h/v1")
    alone = forecast_model(options, counts, with_response=False)["prompt_tokens"]
    whole = forecast_model(options, counts, with_response=True)["prompt_tokens"]
    assert isinstance(alone, int)
    assert isinstance(whole, int)
    assert 10_000 < whole - alone < 11_000
