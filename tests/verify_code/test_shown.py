"""What a run says at its end, and what it warns of."""

from pathlib import Path

import pytest

from stages.core.errors import ConfigError, DataError
from stages.core.options import RunOptions
from tests.extract_principles.commands import manifest_of, rows_of
from tests.verify_code.programs import ADD_TESTS, NEARLY, RANDOM, RIGHT, WRONG, Heard, row, verify, write


def test_other_rules_are_shown_as_they_would_decide(tmp_path: Path) -> None:
    """The flaky program is kept by no rule, as long as it would not be kept by this run's."""
    rows = [row("a", RIGHT, truth=True), row("b", RANDOM, truth=False), row("c", NEARLY, truth=False)]
    path = write(tmp_path / "p.jsonl", [one | {"tests": ADD_TESTS * 3} for one in rows])
    verify(path, tmp_path / "out", keep="consensus")
    shown = {one["rule"]: one["programs"] for one in manifest_of(tmp_path / "out")["facts"]["rules"]}
    again = RunOptions(workers=1, overwrite=True)
    for rule in ("all", "frac:0.6", "rel:0.8"):
        verify(path, tmp_path / "out", keep=rule, run_options=again)
        assert sum(one["kept"] for one in rows_of(tmp_path / "out")) == shown[rule]


def test_an_arm_needs_truth_and_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT), row("b", WRONG)])
    with pytest.raises(DataError, match="2 of which have no known truth"):
        verify(path, tmp_path / "out", arm="correct")
    path = write(tmp_path / "q.jsonl", [row("a", RIGHT, truth=True), row("b", WRONG, truth=False)])
    heard = Heard()
    verify(path, tmp_path / "arm", arm="incorrect", progress=heard)
    assert [one["kept"] for one in rows_of(tmp_path / "arm")] == [False, True]
    assert heard.facts["kept"] == "1 program of 1 task by arm incorrect"
    assert heard.facts["pairs"].startswith("1 of a right and a wrong program of like length, from 1 task; 0 tasks")


def test_values_that_cannot_leave_are_warned_of(tmp_path: Path) -> None:
    heard = Heard()
    source = "def add(a, b):\n    return lambda: a + b\n"
    verify(write(tmp_path / "p.jsonl", [row("a", source)]), tmp_path / "out", progress=heard)
    assert [line for line in heard.warnings if "not_plain" in line and "--mode inproc" in line]
    heard = Heard()
    verify(write(tmp_path / "q.jsonl", [row("a", RIGHT)]), tmp_path / "judged", keep="judge >= 4", progress=heard)
    assert [line for line in heard.warnings if "no program has a judge's score" in line]


def test_a_reference_that_does_not_run_is_warned_of(tmp_path: Path) -> None:
    heard = Heard()
    path = write(tmp_path / "p.jsonl", [row("a", RIGHT, reference="def add(a, b: ")])
    verify(path, tmp_path / "out", strength=True, progress=heard)
    assert [line for line in heard.warnings if "1 reference did not run to the end (syntax_error 1)" in line]


def test_the_self_test_reads_no_input() -> None:
    with pytest.raises(ConfigError, match="reads no input"):
        verify(Path("p.jsonl"), Path("out"), self_test=True)
