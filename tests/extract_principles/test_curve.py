import json
from typing import Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract_principles.consensus import ConsensusRule, find_consensus
from stages.extract_principles.curve import (
    RULES,
    THRESHOLDS,
    CurvePoint,
    CurveTally,
    Step,
    response_curve,
    tally_from_json,
)
from stages.extract_principles.matching import cosine_matrix
from stages.extract_principles.mention import Mention


def mention(annotator: int, principle: str, verdict: Literal["yes", "no"] = "yes") -> Mention:
    return Mention(
        annotator=annotator,
        principle=principle,
        wording=principle,
        verdict=verdict,
        quote="q",
        start=0,
        end=1,
        match=100,
    )


CHAIN = [[1.0, 0.92, 0.72], [0.92, 1.0, 0.83], [0.72, 0.83, 1.0]]
"""Annotators 0 ~ 1 ~ 2: all three match up to 0.72, annotator 1 is the link up to 0.83."""


def chain_points(verdicts: tuple[Literal["yes", "no"], ...]) -> dict[tuple[str, float], CurvePoint]:
    tally = CurveTally()
    mentions = [mention(a, f"p{a}", verdict) for a, verdict in enumerate(verdicts)]
    tally.add(response_curve(mentions, CHAIN, {0, 1, 2}, label="same", wording="medoid"))
    return {(point.rule, point.threshold): point for point in tally.points()}


def test_a_chain_lives_while_its_link_does() -> None:
    points = chain_points(("yes", "yes", "yes"))
    assert [points["every", t].rows for t in THRESHOLDS] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert [points["component", t].rows for t in THRESHOLDS] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert points["every", 0.80] == CurvePoint("every", 0.80, 1, 1, 1, 0, 0.0)
    assert points["every", 0.85] == CurvePoint("every", 0.85, 0, 0, 0, 0, None)


def test_verdicts_that_differ_are_conflicts_not_rows() -> None:
    points = chain_points(("yes", "yes", "no"))
    assert points["every", 0.75] == CurvePoint("every", 0.75, 0, 0, 1, 1, 1.0)


def test_the_rules_differ_for_four_in_a_row() -> None:
    cosines = np.full((4, 4), 0.1)
    for i in range(3):
        cosines[i, i + 1] = cosines[i + 1, i] = 0.91
    mentions = [mention(a, f"p{a}") for a in range(4)]
    curve = response_curve(mentions, cosines.tolist(), range(4), label="same", wording="medoid", thresholds=(0.9, 0.95))
    # p1 and p2 have the same sum of cosines with the others; the lower annotator's stands
    assert curve == [(Step((), 0, 0), Step(("p1",), 1, 0)), (Step((), 0, 0), Step((), 0, 0))]


def test_one_annotator_or_a_silent_one_gives_empty_steps() -> None:
    nothing = [(Step((), 0, 0),) * 2] * len(THRESHOLDS)
    assert response_curve([mention(0, "a")], [[1.0]], {0}, label="same", wording="medoid") == nothing
    assert response_curve([mention(0, "a")], [[1.0]], {0, 1}, label="same", wording="medoid") == nothing


def test_shards_merge_to_the_whole_and_wordings_are_counted_once() -> None:
    def step(*principles: str) -> list[tuple[Step, Step]]:
        return [(Step(principles, 3, 1), Step(("b", "d"), 2, 0))]

    whole, first, second = (CurveTally(thresholds=(0.8,)) for _ in range(3))
    for tally in (whole, first):
        tally.add(step("a", "b"))
    for tally in (whole, second):
        tally.add(step("b", "c"))
    merged = tally_from_json(json.loads(json.dumps(first.to_json())))
    merged.merge(second)
    assert merged == whole
    assert merged.points()[0] == CurvePoint("every", 0.8, 4, 3, 6, 2, 1 / 3)
    assert merged.points()[1] == CurvePoint("component", 0.8, 4, 2, 4, 0, 0.0)


def test_equal_tallies_have_equal_json_whatever_the_order() -> None:
    left, right = CurveTally(thresholds=(0.8,)), CurveTally(thresholds=(0.8,))
    for tally, order in ((left, "ab"), (right, "ba")):
        for principle in order:
            tally.add([(Step((principle,), 1, 0), Step((), 0, 0))])
    assert json.dumps(left.to_json()) == json.dumps(right.to_json())


said = st.tuples(
    st.integers(0, 3),
    st.sampled_from("abcd"),
    st.sampled_from(["yes", "no"]),
    st.lists(st.integers(-2, 3), min_size=3, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(said=st.lists(said, max_size=9), label=st.sampled_from(["same", "any"]))
def test_every_is_what_the_filter_keeps(
    said: list[tuple[int, str, Literal["yes", "no"], list[int]]], label: Literal["same", "any"]
) -> None:
    mentions = [mention(annotator, principle, verdict) for annotator, principle, verdict, _ in said]
    cosines = cosine_matrix(np.array([vector for *_, vector in said], dtype=np.float32).reshape(len(said), 3))
    annotators = {annotator for annotator, *_ in said}
    thresholds = (0.0, 1.0, 2.0, 4.0, 8.0)
    curve = response_curve(mentions, cosines, annotators, label=label, wording="medoid", thresholds=thresholds)
    for threshold, steps in zip(thresholds, curve, strict=True):
        rule = ConsensusRule(threshold, label, "medoid", "component")
        kept = find_consensus(mentions, cosines, annotators, rule)
        every = steps[RULES.index("every")]
        assert every == Step(tuple(group.principle for group in kept.groups), kept.matched, kept.label_conflicts)
        assert len(steps[RULES.index("component")].principles) >= len(every.principles)
