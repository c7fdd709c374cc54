"""`eval` with a model that is run, as a Python caller sees it: a model whose judgements are known."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError, InputMissing
from stages.core.options import RunOptions
from stages.core.report import Report
from stages.core.rows import Problem
from stages.eval.benchmarks import BENCHMARKS
from stages.eval.config import EvalConfig
from stages.eval.measured import Measured
from stages.eval.run import run
from stages.rewards.model import Judgement
from tests.eval.fake_model import FakeModel, install
from tests.extract_principles.commands import contents, manifest_of, rows_of


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def pairs(count: int, first: int = 0) -> list[dict[str, Any]]:
    """JudgeBench pairs of two categories; the right answer is the one that says so."""
    return [
        {
            "pair_id": str(n),
            "source": ("livecodebench", "livebench-math")[n % 2],
            "question": f"q{n}",
            "response_A": f"right {n}",
            "response_B": f"wrong {n}",
            "label": "A>B",
        }
        for n in range(first, first + count)
    ]


def by_words(response: str, principle: str) -> float:
    return 2.0 if "right" in response else -1.0


def figures_of(folder: Path) -> dict[tuple[str, str], float | None]:
    return {(row["group"], row["metric"]): row["value"] for row in rows_of(folder)}


def measure(folder: Path, benchmark: str, inputs: str, **options: Any) -> Report:
    given = {"scores": "rm:m", "draws": 10, **options}
    return run(EvalConfig(benchmark=benchmark, inputs=(inputs,), out=folder, **given))  # type: ignore[arg-type]


def test_responses_are_judged_by_the_principle_of_their_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    measure(tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", pairs(4)))
    assert set(model.asked) == {
        (f"q{n}", f"{word} {n}", ("correctness of the code", "correctness")[n % 2])
        for n in range(4)
        for word in ("right", "wrong")
    }
    assert figures_of(tmp_path / "out")["all", "accuracy"] == 1
    facts = manifest_of(tmp_path / "out")["facts"]
    assert facts["scores"] == ["m"]
    assert facts["models"]["scores"]["principles"]["coding"] == ["correctness of the code"]
    assert facts["models"]["scores"]["principles_from"] == "built in, ours"
    assert facts["models"]["scores"]["judgements"] == 8
    assert model.closed == 1


def test_equal_texts_are_asked_once_and_a_second_call_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row | {"question": "q", "response_B": "wrong"} for row in pairs(6)]
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    path = write(tmp_path / "rows.jsonl", rows)
    for _ in range(2):
        measure(tmp_path / "out", "judgebench", path, principle=("clarity",))
        assert len(model.asked) == 7
    # the finished folder goes, the answers stay
    measure(tmp_path / "out", "judgebench", path, principle=("clarity",), draws=11, run=RunOptions(overwrite=True))
    assert len(model.asked) == 7
    measure(tmp_path / "out", "judgebench", path, principle=("brevity",), draws=11, run=RunOptions(overwrite=True))
    assert len(model.asked) == 14


def test_texts_that_come_again_much_later_are_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    again = [row | {"pair_id": "again"} for row in pairs(1)]
    measure(tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", pairs(300) + again))
    assert len(model.asked) == len(set(model.asked)) == 600


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "rows.jsonl", pairs(1000))
    whole, broken = FakeModel(by_words), FakeModel(by_words, fails_after=2)
    install(monkeypatch, m=whole)
    measure(tmp_path / "one", "judgebench", path)
    install(monkeypatch, m=broken)
    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path / "two", "judgebench", path)
    rest = FakeModel(by_words)
    install(monkeypatch, m=rest)
    measure(tmp_path / "two", "judgebench", path)
    assert broken.calls + rest.calls == whole.calls
    assert broken.asked + rest.asked == whole.asked
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    assert one.pop(".rlbff/config.yaml") != two.pop(".rlbff/config.yaml")
    assert one == two


def test_a_batch_of_which_something_is_missing_is_asked_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "rows.jsonl", pairs(300))
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    measure(tmp_path / "out", "judgebench", path)
    journal = tmp_path / "out" / ".rlbff" / "journal" / "scores.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 600
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    measure(tmp_path / "out", "judgebench", path, draws=11, run=RunOptions(overwrite=True))
    assert len(model.calls) == 3
    assert model.calls[2] in model.calls[:2]
    assert journal.read_bytes() == b"".join(lines)


def test_a_problem_rejects_the_row_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def say(response: str, principle: str) -> float | Problem:
        return Problem("too_long", None, "the text is too long.") if response == "wrong 1" else by_words(response, "")

    install(monkeypatch, m=FakeModel(say))
    path = write(tmp_path / "rows.jsonl", pairs(200))
    report = measure(tmp_path / "out", "judgebench", path)
    assert report.rows == {"in": 200, "kept": 199, "dropped": 0, "rejected": 1}
    (rejected,) = rows_of(tmp_path / "out", "rejected")
    assert (rejected["reason"], rejected["error"]) == ("too_long", "rows.jsonl:2: the text is too long.")


def test_two_models_are_compared_in_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(response: str, principle: str) -> float:
        return by_words(response, principle) * (-1 if response.endswith(("0", "1")) else 1)

    models = {"m": FakeModel(by_words), "n": FakeModel(other)}
    install(monkeypatch, **models)
    measure(tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", pairs(10)), against="rm:n")
    figures = figures_of(tmp_path / "out")
    assert (figures["all", "accuracy.against"], figures["all", "accuracy.difference"]) == (0.8, pytest.approx(0.2))
    assert (figures["all", "only_first_right"], figures["all", "mcnemar_p"]) == (2, 0.5)
    facts = manifest_of(tmp_path / "out")["facts"]
    assert (facts["scores"], facts["against"], set(facts["models"])) == (["m"], ["n"], {"scores", "against"})
    assert [model.closed for model in models.values()] == [1, 1]


def test_a_model_is_compared_with_stored_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, m=FakeModel(by_words))
    rows = [row | {"judgments": [{"decision": ("A>B", "B>A")[n % 4 == 0]}]} for n, row in enumerate(pairs(8))]
    measure(tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", rows), scores="stored", against="rm:m")
    figures = figures_of(tmp_path / "out")
    assert (figures["all", "accuracy"], figures["all", "accuracy.against"]) == (0.75, 1)
    facts = manifest_of(tmp_path / "out")["facts"]
    assert (facts["scores"], facts["against"], set(facts["models"])) == ("stored", ["m"], {"against"})


def test_several_principles_are_averaged_as_calibrated_log_odds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # raw: (10 + 0) / 2 = 5 against (-1 + 2) / 2; calibrated: log-odds (1 + 0) / 2 against (-1 + 4) / 2
    said = {
        ("right 0", "a"): Judgement(10.0, 1 / (1 + 2.718281828459045**-1)),
        ("right 0", "b"): Judgement(0.0, 0.5),
        ("wrong 0", "a"): Judgement(-1.0, 1 / (1 + 2.718281828459045)),
        ("wrong 0", "b"): Judgement(2.0, 1 / (1 + 2.718281828459045**-4)),
    }
    path = write(tmp_path / "rows.jsonl", pairs(1))
    for folder, calibrated, accuracy in (("with", True, 0), ("without", False, 1)):
        install(monkeypatch, m=FakeModel(lambda *texts, c=calibrated: said[texts] if c else said[texts].score))
        measure(tmp_path / folder, "judgebench", path, principle=("a", "b"))
        assert figures_of(tmp_path / folder)["all", "accuracy"] == accuracy


def test_calibrated_probabilities_of_the_model_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {
            "prompt": f"p{n}",
            "completion": f"{('right', 'wrong')[n % 2]} {n}",
            "principle": "clarity",
            "label": n % 2 == 0,
        }
        | {"score": 0.0, "p_yes": 0.5}
        for n in range(40)
    ]
    install(monkeypatch, m=FakeModel(lambda response, principle: Judgement(by_words(response, ""), 0.75)))
    measure(tmp_path / "out", "calibration", write(tmp_path / "rows.jsonl", rows))
    figures = figures_of(tmp_path / "out")
    assert figures["all", "mean_p.p_yes"] == pytest.approx(0.75)
    assert figures["all", "auroc.raw"] == 1
    install(monkeypatch, m=FakeModel(by_words))
    measure(tmp_path / "raw", "calibration", str(tmp_path / "rows.jsonl"))
    assert ("all", "mean_p.p_yes") not in figures_of(tmp_path / "raw")


def test_a_model_without_principles_is_asked_once_a_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(by_words, reads_principles=False)
    install(monkeypatch, m=model)
    path = write(tmp_path / "rows.jsonl", pairs(4))
    measure(
        tmp_path / "out", "judgebench", path, principle=("a", "b"), choose_on=write(tmp_path / "dev.jsonl", pairs(1))
    )
    assert len(model.asked) == 8
    assert figures_of(tmp_path / "out")["all", "accuracy"] == 1
    found = manifest_of(tmp_path / "out")["facts"]["models"]["scores"]
    assert (found["principles"], found["judgements"]) == ({}, 8)
    rows = [{"prompt": "p", "completion": "c", "principle": name, "label": name == "x"} for name in "xyz"]
    measure(tmp_path / "h", "hacking", write(tmp_path / "principles.jsonl", rows))
    assert len(model.asked) == 9
    with pytest.raises(ConfigError, match="reads none"):
        measure(tmp_path / "s", "sensitivity", str(tmp_path / "principles.jsonl"))


ROWS: dict[str, dict[str, Any]] = {
    "rm-bench": {"domain": "chat", "chosen": ["right", "right!", "right."], "rejected": ["a", "b", "c"]},
    "reward-bench-2": {"subset": "Math", "chosen": ["right"], "rejected": ["a", "b", "c"]},
    "llmbar": {"input": "ask", "output_1": "wrong", "output_2": "right", "label": 2},
    "pandalm": {"instruction": "ask", "response1": "right", "response2": "wrong"}
    | {"annotator1": 1, "annotator2": 1, "annotator3": 2},
    "best-of-n": {"code": ["wrong", "right"], "pred": ["0", "1"], "score": [False, True]},
}


@pytest.mark.parametrize("benchmark", ROWS)
def test_every_benchmark_of_responses_takes_a_model(
    benchmark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    rows = [{"id": f"{n}", "idx": n, "prompt": f"p{n}", "question": f"q{n}", **ROWS[benchmark]} for n in range(3)]
    measure(tmp_path / "out", benchmark, write(tmp_path / "rows.jsonl", rows))
    main = {"reward-bench-2": "score", "best-of-n": "rm@2"}.get(benchmark, "accuracy")
    assert figures_of(tmp_path / "out")["all", main] == 1
    assert all(principle for _, _, principle in model.asked)


@pytest.mark.parametrize("benchmark", ["principle-pairs", "hacking"])
def test_rows_of_principles_are_judged_by_their_own(
    benchmark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    rows = [
        {"prompt": f"p{n}", "completion": word, "principle": principle, "label": word == "right"}
        for n in range(3)
        for word in ("right", "wrong")
        for principle in ("clarity", "tone")
    ]
    measure(tmp_path / "out", benchmark, write(tmp_path / "rows.jsonl", rows))
    assert figures_of(tmp_path / "out")["all", "accuracy"] == 1
    # the principles of one response are asked together
    assert model.calls == [6]
    assert len(model.asked) == 12


def test_conversations_of_several_turns_reach_the_model_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    class Listening(FakeModel):
        def judge(self, queries: Any, *rest: Any) -> Any:
            seen.extend(query.messages for query in queries)
            return super().judge(queries, *rest)

    install(monkeypatch, m=Listening(by_words))
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
        {"role": "user", "content": "?"},
    ]
    rows = [
        {"prompt": prompt, "completion": [{"role": "assistant", "content": "right"}], "principle": "x", "label": True}
        for prompt in (turns, "?")
    ]
    measure(tmp_path / "out", "hacking", write(tmp_path / "rows.jsonl", rows))
    assert seen == [tuple(Message(**turn) for turn in turns), (Message("user", "?"),)]


def test_principles_of_a_file_by_domain_and_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(by_words)
    install(monkeypatch, m=model)
    path = write(tmp_path / "rows.jsonl", pairs(4))
    (tmp_path / "p.yaml").write_text("coding: tidiness\ndefault: [rigour, brevity]\n")
    measure(tmp_path / "out", "judgebench", path, principles_file=tmp_path / "p.yaml")
    asked = {(prompt, principle) for prompt, _, principle in model.asked}
    assert asked == {
        *(("q0", "tidiness"), ("q2", "tidiness")),
        *((prompt, principle) for prompt in ("q1", "q3") for principle in ("rigour", "brevity")),
    }
    (tmp_path / "p.yaml").write_text("coding: tidiness\n")
    with pytest.raises(DataError, match="the domain 'math', for which there is no principle"):
        measure(tmp_path / "two", "judgebench", path, principles_file=tmp_path / "p.yaml")
    with pytest.raises(InputMissing, match=r"nowhere\.yaml does not exist"):
        measure(tmp_path / "two", "judgebench", path, principles_file=tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("scores", ["rm:m", "length", "judged.jsonl"])
def test_texts_are_gone_when_rows_are_measured(scores: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, m=FakeModel(by_words))
    judged = [row | {"judgments": [{"decision": "A>B"}]} for row in pairs(4)]
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "judged.jsonl", judged)
    seen: list[object] = []
    benchmark = BENCHMARKS["judgebench"]

    def measured(items: Sequence[Any], smallest: int) -> Measured:
        seen.extend(one.texts for item in items for one in item.answers)
        return benchmark.measure(items, smallest)

    monkeypatch.setitem(BENCHMARKS, "judgebench", replace(benchmark, measure=measured))  # type: ignore[arg-type]
    measure(tmp_path / "out", "judgebench", write(tmp_path / "rows.jsonl", pairs(4)), scores=scores)
    assert seen == [None] * 8
