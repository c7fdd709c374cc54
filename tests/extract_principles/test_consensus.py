import itertools
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract_principles.consensus import (
    Consensus,
    ConsensusRule,
    Dropped,
    Group,
    Unit,
    find_consensus,
    without_consensus,
)
from stages.extract_principles.matching import cosine_matrix
from stages.extract_principles.mention import Mention
from tests.naive import consensus as naive

RULE = ConsensusRule(threshold=0.8, label="same", wording="medoid", grouping="component")


def mention(annotator: int, principle: str, verdict: Literal["yes", "no", "partially"] = "yes") -> Mention:
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


def matrix(n: int, pairs: dict[tuple[int, int], float], rest: float = 0.1) -> list[list[float]]:
    """N x N cosines: 1 on the diagonal, `pairs` where given, `rest` elsewhere."""
    values = np.full((n, n), rest)
    np.fill_diagonal(values, 1.0)
    for (i, j), value in pairs.items():
        values[i, j] = values[j, i] = value
    result: list[list[float]] = values.tolist()
    return result


def test_three_annotators_agree_and_the_medoid_gives_the_wording() -> None:
    mentions = [mention(0, "accuracy"), mention(0, "tone"), mention(1, "correctness"), mention(2, "factual accuracy")]
    # sums of cosines with the other two: accuracy 0.85 + 0.90, correctness 0.85 + 0.95, factual accuracy 0.90 + 0.95
    cosines = matrix(4, {(0, 2): 0.85, (0, 3): 0.90, (2, 3): 0.95})
    result = find_consensus(mentions, cosines, {0, 1, 2}, RULE)
    assert result.groups == (Group("factual accuracy", True, 1.0, (0, 2, 3)),)
    assert result.dropped == (Dropped(1, "consensus", 0.1),)
    assert result.units == (Unit("factual accuracy", 3, 0),)
    assert (result.matched, result.label_conflicts, result.chains, result.ties) == (1, 0, 0, 0)


def test_first_wording_is_the_lowest_annotators_not_the_first_in_the_list() -> None:
    mentions = [mention(1, "correctness"), mention(0, "accuracy"), mention(2, "factual accuracy")]
    cosines = matrix(3, {(0, 1): 0.85, (1, 2): 0.90, (0, 2): 0.95})
    result = find_consensus(mentions, cosines, {0, 1, 2}, RULE._replace(wording="first"))
    assert result.groups[0].principle == "accuracy"


def test_two_members_tie_and_the_lower_annotator_wins() -> None:
    mentions = [mention(1, "b"), mention(0, "a")]
    assert find_consensus(mentions, matrix(2, {(0, 1): 0.9}), {0, 1}, RULE).groups[0].principle == "a"


def test_the_threshold_is_strict() -> None:
    mentions = [mention(0, "a"), mention(1, "b")]
    at = find_consensus(mentions, matrix(2, {(0, 1): 0.8}), {0, 1}, RULE)
    above = find_consensus(mentions, matrix(2, {(0, 1): np.nextafter(0.8, 1)}), {0, 1}, RULE)
    assert at.groups == ()
    assert at.dropped == (Dropped(0, "consensus", 0.8), Dropped(1, "consensus", 0.8))
    assert len(above.groups) == 1


def test_an_annotator_without_mentions_counts_as_other_and_drops_everything() -> None:
    mentions = [mention(0, "a"), mention(1, "b")]
    cosines = matrix(2, {(0, 1): 0.95})
    everyone = find_consensus(mentions, cosines, {0, 1, 2}, RULE)
    assert everyone.groups == ()
    assert everyone.dropped == (Dropped(0, "consensus", None), Dropped(1, "consensus", None))
    assert everyone.units == (Unit("a", 2, 0),)
    assert len(find_consensus(mentions, cosines, {0, 1}, RULE).groups) == 1


def test_the_score_is_the_weakest_other_annotators_best_cosine() -> None:
    mentions = [mention(0, "a"), mention(1, "b"), mention(1, "c"), mention(2, "d")]
    cosines = matrix(4, {(0, 1): 0.9, (0, 2): 0.3, (0, 3): 0.7})
    dropped = find_consensus(mentions, cosines, {0, 1, 2}, RULE).dropped
    # for 0: annotator 1 offers max(0.9, 0.3), annotator 2 offers 0.7
    assert dropped[0] == Dropped(0, "consensus", 0.7)
    assert dropped[1] == Dropped(1, "consensus", 0.1)


def test_a_chain_keeps_the_link_and_is_counted() -> None:
    mentions = [mention(0, "a"), mention(1, "link"), mention(2, "c")]
    cosines = matrix(3, {(0, 1): 0.9, (1, 2): 0.85, (0, 2): 0.75})
    result = find_consensus(mentions, cosines, {0, 1, 2}, RULE)
    assert result.groups == (Group("link", True, 1.0, (0, 1, 2)),)
    assert result.chains == 1
    assert find_consensus(mentions, cosines, {0, 1, 2}, RULE._replace(wording="first")).groups[0].principle == "link"


def test_a_clique_needs_every_pair() -> None:
    rule = RULE._replace(grouping="clique")
    mentions = [mention(0, "a"), mention(1, "link"), mention(2, "c")]
    cosines = matrix(3, {(0, 1): 0.9, (1, 2): 0.85, (0, 2): 0.75})
    assert find_consensus(mentions, cosines, {0, 1, 2}, rule).groups == ()
    cosines = matrix(3, {(0, 1): 0.9, (1, 2): 0.85, (0, 2): 0.81})
    result = find_consensus(mentions, cosines, {0, 1, 2}, rule)
    assert result.groups == (Group("link", True, 1.0, (0, 1, 2)),)
    assert result.chains == 0


def test_a_bridge_joins_components_but_not_cliques() -> None:
    mentions = [mention(a, f"{name}{a}") for name in "xy" for a in (0, 1)]
    cosines = matrix(4, {(0, 1): 0.95, (2, 3): 0.95, (1, 2): 0.82})
    component = find_consensus(mentions, cosines, {0, 1}, RULE)
    clique = find_consensus(mentions, cosines, {0, 1}, RULE._replace(grouping="clique"))
    assert [group.members for group in component.groups] == [(0, 1, 2, 3)]
    assert component.chains == 1
    assert [group.members for group in clique.groups] == [(0, 1), (2, 3)]


def test_a_chain_over_four_annotators_has_no_witness() -> None:
    mentions = [mention(a, f"p{a}") for a in range(4)]
    cosines = matrix(4, {(0, 1): 0.9, (1, 2): 0.9, (2, 3): 0.9})
    assert find_consensus(mentions, cosines, set(range(4)), RULE).groups == ()


def test_opposite_verdicts_do_not_match_and_are_a_label_conflict() -> None:
    mentions = [mention(0, "a"), mention(1, "a", "no"), mention(2, "a")]
    cosines = matrix(3, {}, rest=1.0)
    result = find_consensus(mentions, cosines, {0, 1, 2}, RULE)
    assert result.groups == ()
    # nobody but annotator 1 says no, so that no threshold keeps any of the three
    assert [dropped.score for dropped in result.dropped] == [None, None, None]
    assert (result.matched, result.label_conflicts) == (1, 1)
    assert result.units == (Unit("a", 2, 1),)


def test_any_takes_the_majority_and_its_share() -> None:
    mentions = [mention(0, "a", "no"), mention(1, "a", "no"), mention(2, "a")]
    result = find_consensus(mentions, matrix(3, {}, rest=1.0), {0, 1, 2}, RULE._replace(label="any"))
    assert result.groups == (Group("a", False, 1 / 3, (0, 1, 2)),)
    assert (result.matched, result.label_conflicts, result.ties) == (1, 1, 0)


def test_any_drops_a_tie() -> None:
    mentions = [mention(0, "a"), mention(1, "a", "no")]
    result = find_consensus(mentions, matrix(2, {}, rest=1.0), {0, 1}, RULE._replace(label="any"))
    assert result.groups == ()
    assert result.dropped == (Dropped(0, "consensus", 1.0), Dropped(1, "consensus", 1.0))
    assert (result.matched, result.label_conflicts, result.ties) == (1, 1, 1)


def test_a_group_without_conflict_is_not_one() -> None:
    mentions = [mention(0, "a", "no"), mention(1, "a", "no"), mention(0, "b"), mention(1, "b")]
    result = find_consensus(mentions, matrix(4, {(0, 1): 1.0, (2, 3): 1.0}), {0, 1}, RULE)
    assert [group.label for group in result.groups] == [False, True]
    assert (result.matched, result.label_conflicts) == (2, 0)


def test_one_annotator_is_dropped_as_such() -> None:
    result = find_consensus([mention(4, "a"), mention(4, "b")], matrix(2, {}), {4}, RULE)
    assert result == Consensus((), (Dropped(0, "single_annotator", None), Dropped(1, "single_annotator", None)), ())


def test_no_mentions_give_nothing() -> None:
    assert find_consensus([], [], {0, 1, 2}, RULE) == Consensus((), (), ())


def test_a_unit_counts_an_annotator_once_and_not_if_he_contradicts_himself() -> None:
    mentions = [mention(0, "a"), mention(0, "a"), mention(1, "a"), mention(1, "a", "no"), mention(2, "a", "no")]
    assert find_consensus(mentions, matrix(5, {}, rest=1.0), {0, 1, 2}, RULE).units == (Unit("a", 1, 1),)


def test_partially_is_a_programmers_mistake() -> None:
    with pytest.raises(AssertionError):
        find_consensus([mention(0, "a", "partially")], matrix(1, {}), {0, 1}, RULE)


def test_without_consensus_each_annotators_statement_is_a_row() -> None:
    mentions = [
        mention(0, "Accuracy"),
        mention(0, "accuracy"),
        mention(0, "tone", "no"),
        mention(1, "accuracy"),
        mention(1, "tone"),
    ]
    result = without_consensus(mentions)
    assert result.groups == (
        Group("Accuracy", True, 1.0, (0, 1)),
        Group("tone", False, 0.0, (2,)),
        Group("accuracy", True, 1.0, (3,)),
        Group("tone", True, 1.0, (4,)),
    )
    assert result.dropped == ()
    assert (result.matched, result.label_conflicts) == (2, 1)
    assert result.units == (Unit("Accuracy", 2, 0), Unit("tone", 1, 1))


vectors = st.lists(st.integers(-2, 3), min_size=3, max_size=3)
said = st.tuples(st.integers(0, 3), st.sampled_from("abcdef"), st.sampled_from(["yes", "no"]), vectors)


@settings(max_examples=400, deadline=None)
@given(
    said=st.lists(said, max_size=9),
    silent=st.sets(st.integers(0, 4), max_size=2),
    threshold=st.sampled_from([-1.0, 0.5, 2.0, 3.0]),
    choice=st.sampled_from(list(itertools.product(["same", "any"], ["medoid", "first"], ["component", "clique"]))),
)
def test_equals_the_slow_twin(
    said: list[tuple[int, str, Literal["yes", "no"], list[int]]],
    silent: set[int],
    threshold: float,
    choice: tuple[Literal["same", "any"], Literal["medoid", "first"], Literal["component", "clique"]],
) -> None:
    # integer vectors: dot products are exact, so that both sides see the same numbers at the threshold
    mentions = [mention(annotator, principle, verdict) for annotator, principle, verdict, _ in said]
    table = np.array([vector for *_, vector in said], dtype=np.float32).reshape(len(said), 3)
    annotators = {annotator for annotator, *_ in said} | silent
    result = find_consensus(mentions, cosine_matrix(table), annotators, ConsensusRule(threshold, *choice))
    graph = naive.pair_cosines([vector for *_, vector in said])

    expected = naive.kept_groups(mentions, graph, annotators, threshold, *choice)
    found = {(g.principle, g.label, g.agreement, frozenset(g.members)) for g in result.groups}
    assert found == {(text, label, float(share), members) for text, label, share, members in expected}
    members = [i for group in result.groups for i in group.members]
    assert sorted(members + [dropped.mention for dropped in result.dropped]) == list(range(len(mentions)))
    for dropped in result.dropped:
        assert dropped.score == naive.score(dropped.mention, mentions, graph, annotators, choice[0])
