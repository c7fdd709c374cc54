"""`--choose-on`, with a model whose judgements are known."""

from pathlib import Path

import pytest

from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from tests.eval.fake_model import FakeModel, install
from tests.eval.test_run_model import figures_of, measure, pairs, write
from tests.extract_principles.commands import manifest_of, rows_of

CANDIDATES = ("mirth", "rigour")


def say(response: str, principle: str) -> float:
    """Rigour tells right from wrong in even rows (coding), mirth in odd ones (math)."""
    even = int(response.split()[1]) % 2 == 0
    knows = (principle == "rigour") == even
    return (1.0 if "right" in response else -1.0) * (1 if knows else -1)


def test_each_domain_gets_the_principle_that_is_best_on_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel(say)
    install(monkeypatch, m=model)
    dev = write(tmp_path / "dev.jsonl", pairs(6, first=100))
    measure(
        tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", pairs(4)), principle=CANDIDATES, choose_on=dev
    )
    figures = figures_of(tmp_path / "out")
    assert figures["all", "accuracy"] == 1
    assert (figures["dev: coding", "accuracy: rigour"], figures["dev: coding", "accuracy: mirth"]) == (1, 0)
    assert (figures["dev: math", "accuracy: rigour"], figures["dev: math", "spread"]) == (0, 1)
    facts = manifest_of(tmp_path / "out")["facts"]
    assert facts["models"]["scores"]["principles"] == {"coding": ["rigour"], "math": ["mirth"]}
    assert facts["models"]["scores"]["principles_from"] == "chosen on dev.jsonl"
    # the rows to measure are asked under the chosen one alone
    asked = {(prompt, principle) for prompt, _, principle in model.asked}
    assert {pair for pair in asked if len(pair[0]) == 2} == {
        *(("q0", "rigour"), ("q1", "mirth"), ("q2", "rigour"), ("q3", "mirth"))
    }
    assert len(asked) == 4 + 6 * 2
    assert "headline" in facts
    assert "spread" not in facts["headline"]


def test_each_of_two_models_chooses_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"m": FakeModel(say), "n": FakeModel(lambda response, principle: -say(response, principle))}
    install(monkeypatch, **models)
    dev = write(tmp_path / "dev.jsonl", pairs(6, first=100))
    path = write(tmp_path / "rows.jsonl", pairs(4))
    measure(tmp_path / "out", "judgebench", path, principle=CANDIDATES, choose_on=dev, against="rm:n")
    figures = figures_of(tmp_path / "out")
    assert figures["all", "accuracy"] == figures["all", "accuracy.against"] == 1
    assert figures["dev: coding", "accuracy: rigour.against"] == 0


def test_a_domain_with_one_principle_is_not_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(say)
    install(monkeypatch, m=model)
    dev = write(tmp_path / "dev.jsonl", pairs(6, first=100))
    (tmp_path / "p.yaml").write_text("coding: rigour\ndefault: [mirth, rigour]\n")
    path = write(tmp_path / "rows.jsonl", pairs(4))
    measure(tmp_path / "out", "judgebench", path, principles_file=tmp_path / "p.yaml", choose_on=dev)
    assert figures_of(tmp_path / "out")["all", "accuracy"] == 1
    assert {prompt for prompt, _, _ in model.asked} == {"q0", "q1", "q2", "q3", "q101", "q103", "q105"}


def test_rows_that_are_measured_are_never_chosen_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(say)
    install(monkeypatch, m=model)
    rows = pairs(6, first=100)
    rows[5]["question"] = " Q1\n"
    dev, path = write(tmp_path / "dev.jsonl", rows), write(tmp_path / "rows.jsonl", pairs(4))
    with pytest.raises(DataError, match=r"1 of the 6 prompts of --choose-on dev\.jsonl are among those to measure"):
        measure(tmp_path / "out", "judgebench", path, principle=CANDIDATES, choose_on=dev)
    assert model.asked == []
    assert model.closed == 1


def test_what_cannot_be_chosen_is_said_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel(say)
    install(monkeypatch, m=model)
    path = write(tmp_path / "rows.jsonl", pairs(4))
    coding = write(tmp_path / "coding.jsonl", pairs(6, first=100)[::2])
    with pytest.raises(DataError, match="has no row of the domain 'math', for which 2 principles"):
        measure(tmp_path / "a", "judgebench", path, principle=CANDIDATES, choose_on=coding)
    with pytest.raises(ConfigError, match="needs several principles"):
        measure(tmp_path / "b", "judgebench", path, choose_on=coding)
    assert model.asked == []


def test_rows_that_one_candidate_cannot_judge_count_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(response: str, principle: str) -> float | Problem:
        if principle == "rigour" and response == "wrong 100":
            return Problem("too_long", None, "too long.")
        return say(response, principle)

    install(monkeypatch, m=FakeModel(fails))
    dev, path = write(tmp_path / "dev.jsonl", pairs(6, first=100)), write(tmp_path / "rows.jsonl", pairs(4))
    measure(tmp_path / "out", "judgebench", path, principle=CANDIDATES, choose_on=dev)
    n = {row["metric"]: row["n"] for row in rows_of(tmp_path / "out") if row["group"] == "dev: coding"}
    assert n == {"accuracy: mirth": 2, "accuracy: rigour": 2, "spread": 2}
