import pytest

from stages.extract_principles.filters import drop_contradictions, filter_mentions, is_artefact, to_mention
from stages.extract_principles.mention import Claim, Mention, Verdict

NAMES = ("helpfulness",)


def mention(principle: str, match: float = 100.0, verdict: Verdict = "yes") -> Mention:
    return Mention(
        annotator=0, principle=principle, wording=principle, verdict=verdict, quote="q", start=0, end=1, match=match
    )


def test_each_rule_drops_exactly_the_planted_mentions() -> None:
    planted = [
        mention("clarity"),
        mention("accuracy", match=59.9),
        mention("Helpfulness"),
        mention("relevance", verdict="partially"),
        mention("tone", verdict="no"),
    ]
    filtered = filter_mentions(planted, evidence_threshold=60, artefact=NAMES)
    assert [kept.principle for kept in filtered.kept] == ["clarity", "tone"]
    assert [(item.mention.principle, item.rule, item.score) for item in filtered.dropped] == [
        ("accuracy", "evidence", 59.9),
        ("Helpfulness", "artefact", None),
        ("relevance", "partially", None),
    ]


def test_the_first_rule_in_order_takes_a_mention_that_several_would_drop() -> None:
    planted = [mention("helpfulness", 10.0, "partially"), mention("helpfulness", 90.0, "partially")]
    filtered = filter_mentions(planted, evidence_threshold=60, artefact=NAMES)
    assert [item.rule for item in filtered.dropped] == ["evidence", "artefact"]


def test_the_threshold_is_strict() -> None:
    planted = [mention("a b", 60.0), mention("c d", 60.0000001)]
    filtered = filter_mentions(planted, evidence_threshold=60, artefact=NAMES)
    assert [kept.principle for kept in filtered.kept] == ["c d"]


def test_a_score_that_is_not_a_number_is_no_evidence() -> None:
    assert filter_mentions([mention("a", float("nan"))], evidence_threshold=0, artefact=()).kept == []


@pytest.mark.parametrize(
    "principle",
    [
        "helpfulness",
        "  Helpfulness. ",
        "“helpfulness”",
        "overall helpfulness",
        "helpfulness of the response",
        "Response helpfulness",
        "helpful",
        "mostly helpful",
        "unhelpful",
        "being helpful",
        "level of helpfulness of the answer",
        "the response’s overall helpfulness",
    ],
)
def test_inflections_of_the_artefact_are_dropped(principle: str) -> None:
    assert is_artefact(principle, NAMES)


@pytest.mark.parametrize(
    "principle",
    ["usefulness", "helpfulness of the examples", "helpful comments", "help", "clarity", "harmlessness", ""],
)
def test_other_principles_are_not(principle: str) -> None:
    assert not is_artefact(principle, NAMES)


def test_the_list_of_artefacts_is_the_callers() -> None:
    assert not is_artefact("helpfulness", ())
    assert not is_artefact("", ())
    assert not is_artefact("helpfulness", ("",))
    assert is_artefact("friendly", ("Friendliness",))
    assert is_artefact("overall (code) quality", ("(code) quality",))
    assert not is_artefact("code quality", ("(code) quality",))


def test_to_mention_keeps_the_feedbacks_own_words() -> None:
    feedback = "Good  work, but the code ISN'T commented."
    made = to_mention(Claim(" Code comments.", "the code isn’t commented", "no"), 2, feedback, evidence_threshold=60)
    assert made == Mention(
        annotator=2,
        principle="Code comments",
        wording=" Code comments.",
        verdict="no",
        quote="the code ISN'T commented",
        start=16,
        end=40,
        match=100.0,
    )
    assert feedback[made.start : made.end] == made.quote


def test_to_mention_keeps_the_claims_words_where_the_evidence_is_not_above_the_threshold() -> None:
    claim = Claim("speed", "it runs very quickly indeed", "yes")
    made = to_mention(claim, 0, "The layout of this page is odd.", evidence_threshold=60)
    assert 0 < made.match <= 60
    assert (made.quote, made.start, made.end) == ("it runs very quickly indeed", -1, -1)
    loose = to_mention(claim, 0, "The layout of this page is odd.", evidence_threshold=made.match - 0.01)
    assert loose.start >= 0
    assert to_mention(claim, 0, "The layout of this page is odd.", evidence_threshold=made.match).start == -1


def test_both_sides_of_a_contradiction_go_and_nothing_else() -> None:
    said = [
        mention("clarity", verdict="yes"),
        mention("tone", verdict="no"),
        mention("Clarity", verdict="no"),
        mention("tone", verdict="no"),
    ]
    split = drop_contradictions(said)
    assert [kept.principle for kept in split.kept] == ["tone", "tone"]
    assert [(item.mention.verdict, item.rule) for item in split.dropped] == [
        ("yes", "contradiction"),
        ("no", "contradiction"),
    ]
