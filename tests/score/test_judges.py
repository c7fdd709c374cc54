"""score with a judge behind a server: what is asked, what is kept when a budget ends the run, what cannot be judged."""

from pathlib import Path

import pytest

from rlbff_cli.main import main
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.score.fakes import write
from tests.servers.judging import judge_tokens, odds_asked
from tests.servers.scripted import Call, Said, judgement, scripted

ROWS = [{"id": f"{n}", "prompt": f"q{n % 4}", "completion": f"answer {n}"} for n in range(8)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RLBFF_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path / "rows.jsonl", ROWS)
    return tmp_path


def echo(call: Call) -> Said:
    """Judge at the odds that the question has by its hash."""
    return judgement(judge_tokens(call.body))


def call(url: str, *words: object) -> int:
    given = ["score", "rows.jsonl", "--rm", url, "--generative", "--principle", "clarity", "--log-level", "error"]
    return main([str(word) for word in (*given, *words)])


def test_each_response_is_judged_with_its_reasoning(here: Path) -> None:
    with scripted(echo) as server:
        assert call(server.url, "--principle", "brevity", "-o", "out") == 0
        odds = sorted(odds_asked(one.body["messages"], 0) for one in server.calls)
    found = rows_of(here / "out")
    assert sorted(row["score"] for row in found) == pytest.approx(odds, abs=1e-5)
    assert len(found) == 16
    assert {(row["reasoning"], row["rm"], row["p_yes"]) for row in found} == {("It does what is asked.", "m", None)}


def test_a_spent_budget_loses_no_answer(here: Path) -> None:
    budget = ("--max-tokens", 60, "--concurrency", 1)
    with scripted(echo) as server:
        assert call(server.url, "-o", "whole") == 0
        once = len(server.calls)
        codes = [call(server.url, "-o", "out", "--output", "pairs", *budget)]
        assert rows_of(here / "out") == []
        codes.append(call(server.url, "-o", "out", "--output", "pairs"))
        assert len(server.calls) == 2 * once, "no call is made twice"
    assert codes == [75, 0]
    assert len(rows_of(here / "out")) == 4
    scored = contents(here / "out" / ".rlbff" / "scores")
    assert any(name.endswith(".parquet") for name in scored)
    assert (here / "out" / ".rlbff" / "journal" / "calls.jsonl").exists()


def test_an_answer_without_a_judgement_rejects_its_row_alone(here: Path) -> None:
    def sometimes(one: Call) -> Said:
        mute = "answer 3" in str(one.body["messages"])
        return judgement(judge_tokens(one.body, fault="schema")) if mute else echo(one)

    with scripted(sometimes) as server:
        assert call(server.url, "-o", "out", "--max-failed", 0.2) == 0
    assert manifest_of(here / "out")["rows"] == {"in": 8, "kept": 7, "dropped": 0, "rejected": 1}
    (rejected,) = rows_of(here / "out", "rejected")
    assert (rejected["id"], rejected["reason"]) == ("3", "no_judgement")
