"""The stage with a language model behind a server: a judge's scores in rules, and tests that a model adds."""

import json
from pathlib import Path

import pytest

from stages.core.errors import ConfigError
from stages.core.options import LlmOptions, RunOptions
from tests.extract_principles.commands import manifest_of, rows_of
from tests.servers.scripted import Call, Said, completion, scripted
from tests.verify_code.programs import ADD_TESTS, NEARLY, OTHER, RIGHT, WRONG, outcomes, row, verify, write


def judging(call: Call) -> Said:
    """5 for programs without a minus, else 2; nonsense for those that mention int."""
    text = json.dumps(call.body["messages"])
    if "int(a)" in text:
        return completion("I like it.")
    return completion(json.dumps({"reason": "as asked", "score": 2 if "a - b" in text else 5}))


def test_a_judge_takes_part_in_rules_and_its_failures_are_no_scores(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", NEARLY), row("c", WRONG), row("d", "def sub(): 1")])
    with scripted(judging) as server:
        options = LlmOptions(llm=server.url)
        verify(path, tmp_path / "out", judge="llm", llm=options, keep="tests >= 0.5 and judge >= 4")
        asked = len(server.calls)
        again = RunOptions(workers=1, overwrite=True)
        verify(path, tmp_path / "out", judge="llm", llm=options, keep="judge >= 4", run_options=again)
        assert len(server.calls) == asked
    found = {one["id"]: one for one in rows_of(tmp_path / "out")}
    assert [one["judge"] for one in found.values()] == [5.0, None, 2.0, 5.0]
    assert [one["kept"] for one in found.values()] == [True, False, False, True]
    facts = manifest_of(tmp_path / "out")["facts"]
    assert facts["programs"]["unjudged_bad_answer"] == 1
    # Of three with a score, the judge likes the one that passes all tests, and one that is no add at all.
    agreed = facts["judge"]["with_tests"]
    assert [agreed[name] for name in ("both", "only_judge", "only_other", "neither")] == [1, 1, 0, 1]
    assert agreed["kappa"] == pytest.approx(0.4)
    assert facts["judge"]["with_truth"] == {
        "both": 0,
        "only_judge": 0,
        "only_other": 0,
        "neither": 0,
        "kappa": None,
        "n": 0,
    }


def test_without_tests_a_judge_can_decide(tmp_path: Path) -> None:
    rows = [{"id": name, "prompt": "Add.", "solution": RIGHT, "judge": score} for name, score in (("a", 5), ("b", 2))]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out", keep="judge >= 4")
    assert [(one["status"], one["kept"]) for one in rows_of(tmp_path / "out")] == [
        ("no_tests", True),
        ("no_tests", False),
    ]


def test_a_judge_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", OTHER)])
    scores = write(tmp_path / "scores.jsonl", [{"id": "a", "judge": 4.5}])
    verify(path, tmp_path / "out", judge=str(scores), keep="judge >= 4")
    assert [(one["judge"], one["kept"]) for one in rows_of(tmp_path / "out")] == [(4.5, True), (None, False)]


def test_a_model_must_be_named() -> None:
    with pytest.raises(ConfigError, match="--judge llm needs a language model"):
        verify(Path("x"), Path("y"), judge="llm")
    with pytest.raises(ConfigError, match="--augment needs a language model"):
        verify(Path("x"), Path("y"), augment=3)


def test_added_tests_are_columns_of_the_matrix_and_count_in_rates(tmp_path: Path) -> None:
    """The suite tries small numbers only; an input with a text tells the program apart that makes numbers of them."""

    def proposing(call: Call) -> Said:
        return completion(json.dumps({"inputs": [["x", "y"], [1, 2], "junk(", [{"no": 1}, 2]]}))

    tests = {"tests": ADD_TESTS[:2], "reference": RIGHT}
    path = write(tmp_path / "p.jsonl", [row("a", OTHER) | tests, row("b", NEARLY) | tests, row("c", "no code") | tests])
    with scripted(proposing) as server:
        options = {"augment": 3, "rounds": 1, "llm": LlmOptions(llm=server.url)}
        verify(path, tmp_path / "out", keep="rel:1.0", **options)
    found = {one["id"]: one for one in rows_of(tmp_path / "out")}
    names = [result["test_id"] for result in found["a"]["test_results"]]
    assert names[:2] == ["0", "1"]
    assert names[2].startswith("aug-1-")
    assert [outcomes(one) for one in found.values()] == [["pass"] * 3, ["pass", "pass", "error"], ["not_run"] * 3]
    assert [one["total"] for one in found.values()] == [3, 3, 3]
    assert [one["kept"] for one in found.values()] == [True, False, False]
    strength = rows_of(tmp_path / "out" / ".rlbff" / "strength")
    (facts,) = json.loads(strength[0]["rounds"])
    assert facts["counts"]["kept"] == 1
    said = manifest_of(tmp_path / "out")["facts"]["augmented"]
    assert (said["tasks"], said["proposed"], said["added"]) == (1, 4, 1)
    assert said["score_before"] <= said["score_after"]
    described = rows_of(tmp_path / "out" / ".rlbff" / "tests")
    assert [(one["test_id"], one["origin"], one["validated"]) for one in described] == [
        ("0", "input", None),
        ("1", "input", None),
        (names[2], "m", "reference"),
    ]


def test_strength_finds_what_no_test_notices(tmp_path: Path) -> None:
    tests = {"tests": ["assert add(0, 0) == 0"], "reference": RIGHT}
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT) | tests, row("b", WRONG) | tests])
    verify(path, tmp_path / "out", strength=True)
    (task,) = rows_of(tmp_path / "out" / ".rlbff" / "strength")
    assert task["reference_status"] == "done"
    assert any("a + b -> a - b" in change for change in task["survivors"])
    assert 0 <= task["mutation_score"] < 1
    facts = manifest_of(tmp_path / "out")["facts"]["tests"]
    assert facts["mutation_score"] == task["mutation_score"]
    verify(path, tmp_path / "again", strength=True, run_options=RunOptions(workers=2))
    assert rows_of(tmp_path / "again") == rows_of(tmp_path / "out")


def test_a_test_that_the_reference_fails_weighs_nothing(tmp_path: Path) -> None:
    tests = {"tests": ["assert add(1, 2) == 3", "assert add(1, 2) == 4"], "reference": RIGHT}
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT) | tests, row("b", "def add(a, b):\n    return 4\n") | tests])
    verify(path, tmp_path / "out", strength=True, keep="wfrac:1.0")
    assert [(one["pass_rate"], one["weighted_rate"], one["kept"]) for one in rows_of(tmp_path / "out")] == [
        (0.5, 1.0, True),
        (0.5, 0.0, False),
    ]
    described = rows_of(tmp_path / "out" / ".rlbff" / "tests")
    assert [(one["validity"], one["estimated"], one["weight"]) for one in described] == [(1, False, 1), (0, False, 0)]
