import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract_principles.rules import VERSION, extract, families
from stages.extract_principles.rules.inventory import FAMILY_OF
from stages.extract_principles.rules.lexicon import build

# Written for these tests: feedback, and all that it claims as "verdict principle" in alphabetical order.
CLAIMS = [
    ("The reply is accurate.", ["yes accuracy of information"]),
    ("The reply is not accurate.", ["no accuracy of information"]),
    ("The reply isn't inaccurate.", ["yes accuracy of information"]),
    ("The reply is anything but polite.", ["no polite tone"]),
    ("The summary is far from complete.", ["no completeness"]),
    ("It is hardly readable.", ["no clarity"]),
    ("It is somewhat clear.", ["partially clarity"]),
    ("It is not entirely clear.", ["partially clarity"]),
    ("It is not only clear but also concise.", ["yes clarity", "yes conciseness"]),
    ("It is neither clear nor concise.", ["no clarity", "no conciseness"]),
    ("The answer is almost correct.", ["partially correctness of the answer"]),
    ("The answer is correct except the last line.", ["partially correctness of the answer"]),
    ("None of the claims are accurate.", ["no accuracy of information"]),
    ("Most of the claims are accurate.", ["partially accuracy of information"]),
    ("I don't think the reply is accurate.", ["no accuracy of information"]),
    ("The explanation could be clearer.", ["no clarity"]),
    ("The explanation couldn't be clearer.", ["yes clarity"]),
    ("The wording should be more precise.", ["no specificity"]),
    ("The reply is too short.", ["no depth"]),
    ("The reply is too complicated for beginners.", ["no suitability for the audience"]),
    ("There are no errors in the essay.", ["yes correctness of the answer"]),
    ("The essay contains several spelling mistakes.", ["no fluency and grammar"]),
    ("It is free of typos.", ["yes fluency and grammar"]),
    ("It avoids repetition.", ["yes no repetition"]),
    ("It should avoid repetition.", ["no no repetition"]),
    ("It lacks examples.", ["no use of examples"]),
    ("It does not lack examples.", ["yes use of examples"]),
    ("It gives good examples.", ["yes use of examples"]),
    ("It has too many examples.", ["no use of examples"]),
    ("Sources are missing.", ["no sources and citations"]),
    ("No sources are given.", ["no sources and citations"]),
    ("Unit tests are provided.", ["yes tests"]),
    ("I would have liked more examples.", ["no use of examples"]),
    ("It follows all instructions.", ["yes instruction following"]),
    ("It fails to follow the instructions.", ["no instruction following"]),
    ("The word limit was ignored.", ["no adherence to the requested length"]),
    ("The word limit is met.", ["yes adherence to the requested length"]),
    ("It does not mention the opening hours.", ["no completeness"]),
    ("It forgets to carry the one.", ["no completeness"]),
    ("It contradicts itself.", ["no internal consistency"]),
    ("It never contradicts itself.", ["yes internal consistency"]),
    ("It makes sense.", ["yes soundness of reasoning"]),
    ("It doesn't make sense.", ["no soundness of reasoning"]),
    ("It makes the plan easy to follow.", ["yes clarity"]),
    ("I find the plan confusing.", ["no clarity"]),
    ("Clear, concise and polite.", ["yes clarity", "yes conciseness", "yes polite tone"]),
    ("Accuracy: poor.", ["no accuracy of information"]),
    ("Clear structure.", ["yes structure"]),
    ("The structure is hard to follow.", ["no structure"]),
    ("The calculation is wrong.", ["no arithmetic accuracy"]),
    ("The code is hard to read.", ["no code readability"]),
    ("The code compiles but it has no comments.", ["no code comments", "yes executable code"]),
    ("The function crashes on empty lists.", ["no executable code"]),
    ("The text is grammatically correct.", ["yes fluency and grammar"]),
    ("It answers in English instead of Danish.", ["no language match with the prompt"]),
    ("It reaches the correct conclusion.", ["yes correctness of the answer"]),
    ("It doesn't use the correct formula.", ["no correctness of the method"]),
    ("While the tone is friendly, the dates are wrong.", ["no accuracy of information", "yes polite tone"]),
    ("The tone is friendly and the dates are wrong.", ["no accuracy of information", "yes polite tone"]),
    ("The reply doesn't cite sources and is polite.", ["no sources and citations", "yes polite tone"]),
    ("The right answer is 12 apples.", ["no correctness of the answer"]),
    ("It should have been 12 instead of 15.", ["no correctness of the answer"]),
    ("It divides by four instead of multiplying by four.", ["no correctness of the answer"]),
    ("Where is the nine coming from?", ["no clarity of the derivation"]),
    ("It is unclear how the total was reached.", ["no clarity of the derivation"]),
    ("The code can be fixed by returning the list.", ["no correctness of the code"]),
    ("Nothing in the article supports a second visit.", ["no grounding in the given context"]),
    ("It ignores the fact that the shop is closed.", ["no consideration of all given facts"]),
]

SILENT = [
    "",
    "   \n ",
    "Paris lies on the Seine.",
    "The prompt is ambiguous.",
    "The user's question is confusing.",
    "The user asked for a clear and polite letter.",
    'It says "this is wrong and confusing".',
    "If it were clear, it would have a map.",
    "The answer says that the theory is wrong.",
    "La réponse est claire et précise.",
    "Die Antwort ist höflich.",
    "答案不正确。",
    "lorem ipsum dolor sit amet",
    "?!?! ... -- ((",
]


def said(feedback: str) -> list[str]:
    return sorted(f"{claim.verdict} {claim.principle}" for claim in extract(feedback))


@pytest.mark.parametrize(("feedback", "claims"), CLAIMS)
def test_claims(feedback: str, claims: list[str]) -> None:
    assert said(feedback) == claims


@pytest.mark.parametrize("feedback", SILENT)
def test_nothing_is_said_where_nothing_is_judged(feedback: str) -> None:
    assert said(feedback) == []


@pytest.mark.parametrize(
    ("grade", "verdict"),
    [("not", "no"), ("slightly", "no"), ("partially", "partially"), ("mostly", "yes"), ("perfectly", "yes")],
)
def test_the_opening_grade_is_the_artefact_principle(grade: str, verdict: str) -> None:
    assert said(f"The response is {grade} helpful. It rains.") == [f"{verdict} helpfulness"]


def test_mentions_of_one_principle_and_verdict_merge_and_keep_the_first_evidence() -> None:
    claims = extract("The plan is clear. The rest is clear too.")
    assert [(claim.principle, claim.evidence) for claim in claims] == [("clarity", "The plan is clear")]


def test_evidence_is_the_part_of_the_sentence_that_judges() -> None:
    claims = extract("Although the tone is friendly, the dates are wrong.")
    assert [claim.evidence for claim in claims] == ["the tone is friendly", "the dates are wrong"]


def test_an_implicit_correction_yields_to_explicit_praise() -> None:
    assert said("The answer is correct. The right answer is nine.") == ["yes correctness of the answer"]


def test_each_principle_has_one_family() -> None:
    names = [principle for members in families().values() for principle in members]
    assert len(names) == len(set(names))
    assert len(families()) == 29
    assert VERSION == 1


def test_the_lexicon_names_only_principles_of_the_inventory() -> None:
    assert {word.principle for word in build().values()} - {""} <= set(FAMILY_OF)


@pytest.mark.parametrize(
    "entry", sorted(entry for entry, word in build().items() if word.tag == "A" and word.principle != "executable code")
)
def test_negation_turns_every_adjective_round(entry: str) -> None:
    sign = build()[entry].sign
    plain, denied = said(f"The response is {entry}."), said(f"The response is not {entry}.")
    assert plain, entry
    assert plain[0].startswith("yes" if sign > 0 else "no")
    # Some negations are entries of their own ("not relevant"), and hedge or blame in their own way.
    assert denied == [] or not set(plain) & set(denied)


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_gives_verbatim_evidence(feedback: str) -> None:
    for claim in extract(feedback):
        assert claim.evidence
        assert claim.evidence in feedback


@given(st.lists(st.sampled_from(sorted(build()) + list(".,;?!\n\"'")), max_size=40))
@settings(max_examples=300)
def test_any_words_of_the_lexicon_give_verbatim_evidence(words: list[str]) -> None:
    feedback = " ".join(words)
    claims = extract(feedback)
    assert all(claim.evidence in feedback and claim.principle in FAMILY_OF for claim in claims)
    assert len({(claim.principle, claim.verdict) for claim in claims}) == len(claims)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        '"',
        "'",
        " '",
        "is ",
        "and ",
        "the answer not ",
        ", ",
        "_",
        "`a ",
        "should have ",
        "correct answer ",
        "\n",
        "3*4=",
        ". ",
        "clear, ",
        "not answer instead but ",
        "a_",
        "```",
        "context not mentioned ",
        "there is no ",
        "or not clear ",
    ],
)
def test_a_megabyte_takes_a_few_seconds_at_most(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    extract(text)
    assert time.process_time() - start < 6


def test_the_same_text_gives_the_same_claims_in_every_process(root: object) -> None:
    feedback = (
        "The answer is wrong. It should have been 9 instead of 8. The code needs to return the list, not print it."
    )
    program = f"from stages.extract_principles.rules import extract; print(extract({feedback!r}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=str(root),
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    assert "correctness of the code" in outputs.pop()


def test_loading_is_quick_and_light(run_python: Callable[..., subprocess.CompletedProcess[str]], root: object) -> None:
    program = (
        "import sys, time; start = time.perf_counter(); import stages.extract_principles.rules;"
        "print(time.perf_counter() - start, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    seconds, torch, numpy = run_python("-c", program, PYTHONPATH=str(root)).stdout.split()
    assert float(seconds) < 2
    assert (torch, numpy) == ("False", "False")
