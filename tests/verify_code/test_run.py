"""The stage as a whole: what is written of each row, what decides it, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.core.errors import ConfigError, DataError, OutputError, TooManyFailed
from stages.core.options import RunOptions
from stages.sandbox.jobs import Program, Tests
from stages.sandbox.verdict import Status, Verdict
from stages.verify_code import jobs
from stages.verify_code.config import SandboxOptions
from stages.verify_code.verifier import SandboxVerifier
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.verify_code.programs import (
    ADD_TESTS,
    NEARLY,
    OTHER,
    QUICK,
    RANDOM,
    RIGHT,
    WRONG,
    Heard,
    outcomes,
    row,
    verify,
    write,
)


def by_id(folder: Path) -> dict[str, dict[str, Any]]:
    return {found["id"]: found for found in rows_of(folder)}


def test_each_row_gets_its_cells_rates_and_decision(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.jsonl", [row("a", RIGHT), row("b", OTHER), row("c", NEARLY), row("d", WRONG, truth=False)]
    )
    report = verify(path, tmp_path / "out")
    assert report.rows == {"in": 4, "kept": 4, "dropped": 0, "rejected": 0}
    found = by_id(tmp_path / "out")
    assert {name: outcomes(one) for name, one in found.items()} == {
        "a": ["pass", "pass", "pass", "pass"],
        "b": ["pass", "pass", "pass", "pass"],
        "c": ["pass", "pass", "pass", "error"],
        "d": ["fail", "pass", "fail", "error"],
    }
    assert [(one["passed"], one["total"], one["pass_rate"]) for one in found.values()] == [
        (4, 4, 1.0),
        (4, 4, 1.0),
        (3, 4, 0.75),
        (1, 4, 0.25),
    ]
    # Two agree on four tests, one stands alone with three: 3 / (4 sqrt 2).
    assert [round(one["consensus"], 4) for one in found.values()] == [1.0, 1.0, 0.5303, 0.1768]
    assert [one["kept"] for one in found.values()] == [one["label"] for one in found.values()]
    assert [one["kept"] for one in found.values()] == [True, True, False, False]
    assert found["c"]["keep_reason"] == "frac:1.0: 0.75 < 1"
    assert found["a"]["cluster"] != found["b"]["cluster"]
    assert found["d"]["truth"] is False
    assert found["a"]["truth"] is None
    assert found["a"]["isolation"] == "standard"
    assert found["a"]["layers"] == ["limits", "capabilities", "landlock", "seccomp"]
    assert found["a"]["prompt"] == [{"role": "user", "content": "Add."}]


def test_many_solutions_in_a_row_become_many_rows(tmp_path: Path) -> None:
    rows = [{"id": "x", "problem_id": "add", "solutions": [RIGHT, WRONG, "no code here"], "tests": ADD_TESTS}]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out", keep="rel:1.0")
    found = by_id(tmp_path / "out")
    assert list(found) == ["x-0", "x-1", "x-2"]
    assert [one["kept"] for one in found.values()] == [True, False, False]
    assert manifest_of(tmp_path / "out")["rows"] == {"in": 1, "kept": 1, "dropped": 0, "rejected": 0}


def test_equal_programs_run_once_and_all_get_the_verdict(tmp_path: Path) -> None:
    verify(write(tmp_path / "p.jsonl", [row(str(n), RIGHT) for n in range(5)]), tmp_path / "out")
    facts = manifest_of(tmp_path / "out")["facts"]
    assert (facts["programs"]["programs"], facts["different_programs"]) == (5, 1)
    assert len({json.dumps(one["test_results"]) for one in rows_of(tmp_path / "out")}) == 1


def test_bytes_do_not_depend_on_workers_or_on_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PROGRAMS_A_PART", 5)
    rows = [row(f"{n}", code + f"# {n}\n") for n, code in enumerate([RIGHT, OTHER, NEARLY, WRONG] * 6)]
    path = write(tmp_path / "p.jsonl", rows)
    for name, workers in (("one", 1), ("two", 2)):
        options = RunOptions(workers=workers, rows_per_shard=7)
        verify(path, tmp_path / name, run_options=options, sandbox=SandboxOptions(machine_factor=1.0), keep="consensus")
    shards = [
        {name: data for name, data in contents(tmp_path / run).items() if not name.startswith(".rlbff")}
        for run in ("one", "two")
    ]
    assert len(shards[0]) == 4
    assert shards[0] == shards[1]
    assert [one["kept"] for one in rows_of(tmp_path / "one")] == [True, True, False, False] * 6


def test_shares_make_the_same_folder_as_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PROGRAMS_A_PART", 3)
    path = write(tmp_path / "p.jsonl", [row(f"{n}", RIGHT + f"# {n}\n") for n in range(10)])
    verify(path, tmp_path / "whole")
    first = verify(path, tmp_path / "shares", run_options=RunOptions(workers=1, shard="1/2"))
    assert not first.complete
    assert rows_of(tmp_path / "shares") == []
    second = verify(path, tmp_path / "shares", run_options=RunOptions(workers=1, shard="2/2"))
    assert second.complete
    assert rows_of(tmp_path / "shares") == rows_of(tmp_path / "whole")


def test_another_rule_does_not_run_programs_again(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", NEARLY)])
    verify(path, tmp_path / "out")
    runs = tmp_path / "out" / ".rlbff" / "runs" / "part-00000.parquet"
    before = runs.stat().st_mtime_ns
    with pytest.raises(OutputError, match=r"keep: 'frac:1\.0' there, 'frac:0\.7' now"):
        verify(path, tmp_path / "out", keep="frac:0.7")
    verify(path, tmp_path / "out", keep="frac:0.7", run_options=RunOptions(workers=1, overwrite=True))
    assert [one["kept"] for one in rows_of(tmp_path / "out")] == [True, True]
    assert runs.stat().st_mtime_ns == before


def test_only_kept_programs_are_written_if_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", WRONG), row("c", WRONG)])
    report = verify(path, tmp_path / "out", output="kept")
    assert report.rows == {"in": 3, "kept": 1, "dropped": 2, "rejected": 0}
    assert list(by_id(tmp_path / "out")) == ["a"]
    assert [one["dropped_by"] for one in rows_of(tmp_path / "out", "dropped")] == ["not_kept", "not_kept"]


def test_costs_lie_beside_the_shards_or_in_them(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT)])
    verify(path, tmp_path / "beside")
    beside = pq.read_table(tmp_path / "beside" / ".rlbff" / "timings" / "part-00000.parquet").to_pylist()
    assert beside[0]["id"] == "a"
    assert beside[0]["cpu_ms"] > 0
    assert "cpu_ms" not in rows_of(tmp_path / "beside")[0]
    verify(path, tmp_path / "in", timings="columns")
    assert rows_of(tmp_path / "in")[0]["max_rss_kb"] > 0


def test_a_flaky_program_is_marked_and_not_kept_unless_asked_for(tmp_path: Path) -> None:
    tests = ["assert add(0, 2) == 2"] * 2 + ["assert add(1, 2) == 3"] * 8
    path = write(tmp_path / "p.jsonl", [row("a", RANDOM) | {"tests": tests}, row("b", RIGHT) | {"tests": tests}])
    options = SandboxOptions(machine_factor=1.0, reruns=8)
    verify(path, tmp_path / "out", keep="rel:0.1", sandbox=options)
    found = by_id(tmp_path / "out")["a"]
    assert found["runs"] == 8
    assert found["flaky"] == outcomes(found).count("flaky") > 0
    assert found["total"] == 10 - found["flaky"]
    assert (found["passed"] >= 2, found["kept"], found["keep_reason"][:7]) == (True, False, "flaky: ")
    verify(path, tmp_path / "kept", keep="all", sandbox=options, keep_flaky=True)
    assert by_id(tmp_path / "kept")["a"]["kept"]
    assert by_id(tmp_path / "kept")["b"]["runs"] == 1


def test_order_of_sets_makes_a_test_flaky(tmp_path: Path) -> None:
    source = "def add(a, b):\n    return list({a, b, 'c', 'd'})\n"
    tests = ["assert add('x', 'y')[0] == 'x'", "assert len(add('x', 'y')) == 4"]
    verify(write(tmp_path / "p.jsonl", [row("a", source) | {"tests": tests}]), tmp_path / "out")
    (found,) = rows_of(tmp_path / "out")
    assert found["runs"] == 3
    assert outcomes(found)[1] == "pass"


def test_a_result_that_the_program_could_forge_is_flagged_and_not_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT)])
    verify(path, tmp_path / "out", mode="inproc")
    (found,) = rows_of(tmp_path / "out")
    assert (found["mode"], found["trust"], found["pass_rate"], found["kept"]) == ("inproc", "inproc", 1.0, False)
    assert found["keep_reason"].startswith("inproc: ")
    verify(path, tmp_path / "kept", mode="inproc", keep_inproc=True)
    assert rows_of(tmp_path / "kept")[0]["kept"]


def test_held_out_tests_say_the_truth_and_are_in_no_rate(tmp_path: Path) -> None:
    rows = [
        row(name, code, heldout_tests=ADD_TESTS[3:]) | {"tests": ADD_TESTS[:3]}
        for name, code in (("a", RIGHT), ("b", NEARLY))
    ]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    found = by_id(tmp_path / "out")
    assert [(one["truth"], one["total"], one["pass_rate"]) for one in found.values()] == [
        (True, 3, 1.0),
        (False, 3, 1.0),
    ]


def test_a_suite_gives_all_programs_of_a_task_the_same_tests(tmp_path: Path) -> None:
    suite = (
        "import unittest\nfrom solution import add\n\nclass T(unittest.TestCase):\n"
        "    def test_a(self): self.assertEqual(add(1, 1), 2)\n    def test_b(self): self.assertEqual(add(2, 3), 5)\n"
    )
    programs = {"a": "def add(:", "b": RIGHT, "c": "no code", "d": "def add(a, b):\n    return 2\n"}
    rows = [row(name, code) | {"tests": suite} for name, code in programs.items()]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    found = by_id(tmp_path / "out")
    assert [outcomes(one) for one in found.values()] == [
        *(["not_run", "not_run"], ["pass", "pass"]),
        *(["not_run", "not_run"], ["pass", "fail"]),
    ]
    assert [(one["status"], one["total"], one["pass_rate"]) for one in found.values()] == [
        *(("syntax_error", 2, 0.0), ("done", 2, 1.0)),
        *(("syntax_error", 2, 0.0), ("done", 2, 0.5)),
    ]
    described = rows_of(tmp_path / "out" / ".rlbff" / "tests")
    assert [(one["test_id"], one["separation"]) for one in described] == [("T.test_a", 0.0), ("T.test_b", 1.0)]


def test_rows_with_other_tests_are_another_task(tmp_path: Path) -> None:
    rows = [row("a", RIGHT), row("b", RIGHT) | {"tests": ADD_TESTS[:1]}]
    verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    found = by_id(tmp_path / "out")
    assert [one["total"] for one in found.values()] == [4, 1]
    assert manifest_of(tmp_path / "out")["facts"]["tasks"] == 2


def test_no_tests_no_rates(tmp_path: Path) -> None:
    verify(
        write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", RIGHT) | {"tests": []}]),
        tmp_path / "out",
        keep="frac:0.0",
    )
    found = by_id(tmp_path / "out")["b"]
    assert (found["status"], found["total"], found["pass_rate"], found["kept"]) == ("no_tests", 0, None, False)


def test_rows_whose_tests_do_not_run_are_rejected_not_failed(tmp_path: Path) -> None:
    rows = [row(str(n), RIGHT) for n in range(3)]
    rows.append(row("bad", RIGHT) | {"tests": ["import no_such_package\nassert add(1, 2) == 3"]})
    rows.append(row("worse", RIGHT) | {"tests": ["assert add(1, 2 == 3"]})
    with pytest.raises(TooManyFailed, match="2 of 5 rows were rejected"):
        verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out")
    rejected = rows_of(tmp_path / "out", "rejected")
    assert [one["id"] for one in rejected] == ["bad", "worse"]
    assert "no_such_package" in rejected[0]["error"]


def test_one_program_cannot_take_the_row_of_the_others_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is known that does so; the sandbox is made to say that the tests do not run with one of two."""
    verdict = SandboxVerifier.verify

    def broken(self: SandboxVerifier, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
        found = verdict(self, program, tests, hash_seed=hash_seed)
        return replace(found, status=Status.TESTER_ERROR) if "a - b" in program.source else found

    monkeypatch.setattr(SandboxVerifier, "verify", broken)
    rows = [
        {"id": "both", "problem_id": "add", "solutions": [RIGHT, WRONG], "tests": ADD_TESTS},
        {"id": "alone", "problem_id": "add", "solutions": [WRONG], "tests": ADD_TESTS},
    ]
    lenient = RunOptions(workers=1, max_failed=1)
    report = verify(write(tmp_path / "p.jsonl", rows), tmp_path / "out", run_options=lenient)
    assert report.rows == {"in": 2, "kept": 1, "dropped": 0, "rejected": 1}
    assert [(one["id"], one["status"]) for one in rows_of(tmp_path / "out")] == [
        ("both-0", "done"),
        ("both-1", "tester_error"),
    ]


def test_the_header_names_every_layer(tmp_path: Path) -> None:
    heard = Heard()
    verify(write(tmp_path / "p.jsonl", [row("a", RIGHT)]), tmp_path / "out", progress=heard)
    said = "\n".join(heard.notices)
    assert all(f"{layer} active" in said for layer in ("limits", "capabilities", "landlock", "seccomp"))
    assert "namespaces off: not part of level 'standard'" in said


def test_a_rule_that_cannot_be_read_stops_before_anything_runs(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT, stars=4)])
    for rule in ("fraq:0.8", "frac:7", "tests >", "stras >= 3"):
        with pytest.raises(ConfigError):
            verify(path, tmp_path / "out", keep=rule)
    assert rows_of(tmp_path / "out") == []
    verify(path, tmp_path / "out", keep="tests >= 0.5 and stars >= 4", run_options=RunOptions(workers=1))
    assert rows_of(tmp_path / "out")[0]["kept"]


def test_input_without_programs_or_tests_says_what_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [{"id": "a", "code_text": "x", "cases": []}])
    with pytest.raises(DataError, match="code_text, cases"):
        verify(path, tmp_path / "out")


def test_dry_run_runs_nothing(tmp_path: Path) -> None:
    heard = Heard()
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", RIGHT) | {"tests": []}])
    verify(path, tmp_path / "out", progress=heard, run_options=RunOptions(dry_run=True))
    assert not (tmp_path / "out").exists()
    assert heard.facts["forecast"]["programs"] == 2
    assert heard.facts["forecast"]["rows_by_mode"] == {"split": 1, "no tests": 1}


def test_quick_limits_are_those_of_the_options() -> None:
    assert QUICK.test_seconds == 0.5
    for bad in ({"test_seconds": 0}, {"memory_mb": 1}, {"reruns": 0}, {"output_kb": 0}):
        with pytest.raises(ConfigError):
            SandboxOptions(**bad)  # type: ignore[arg-type]
