"""Real rows, read and run: every figure is one that README.md of the shared data gives."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.core.rows import Row
from stages.programs.reading import ReadingOptions, read_row
from stages.programs.task import Reading
from stages.sandbox.jobs import Program, SplitTests, Tests
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from tests.sandbox.conftest import skip_unless_possible

STOP = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    skip_unless_possible("standard")
    with open_sandbox("standard", Limits(test_cpu=3, program_cpu=6), factor=1.0) as opened:
        yield opened


def rows(path: Path) -> list[Row]:
    packed = path.read_bytes()
    text = gzip.decompress(packed) if path.suffix == ".gz" else packed
    return [json.loads(line) for line in text.splitlines()]


def read(row: Row) -> Reading:
    found = read_row(row, ReadingOptions(stop=STOP))
    assert isinstance(found, Reading), found
    return found


def passes(sandbox: Sandbox, reading: Reading, number: int = 0, tests: Tests | None = None) -> bool:
    assert reading.task.suite is not None
    source = reading.solutions[number].source
    if source is None:
        return False
    program = Program(source=source, entry_point=reading.task.entry_point)
    return sandbox.verify(program, tests or reading.task.suite.tests).all_passed


@pytest.mark.slow
def test_humaneval_canonical_solutions_pass_every_assertion(sandbox: Sandbox, shared_data: Path) -> None:
    num_cases = 0
    for row in rows(shared_data / "humaneval" / "HumanEval.jsonl.gz"):
        reading = read({**row, "completion": row["canonical_solution"]})
        assert passes(sandbox, reading), row["task_id"]
        assert reading.task.reference == reading.solutions[0].source
        assert reading.task.suite is not None
        num_cases += len(reading.task.suite.names)
    assert num_cases == 1181  # one an assertion: no `check` had to stay whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "right"), [("original_model_completion", False), ("unedited_annotator_completion", True)]
)
def test_ilf_originals_fail_and_fixes_pass(sandbox: Sandbox, shared_data: Path, column: str, right: bool) -> None:
    for row in rows(shared_data / "ilf" / "surge_annotations.jsonl"):
        reading = read({"prompt": row["prompt"], "test": row["test"], "completion": row[column]})
        assert passes(sandbox, reading) == right, row["task_id"]


@pytest.mark.slow
def test_quixbugs_correct_programs_pass_and_buggy_ones_do_not(sandbox: Sandbox, shared_data: Path) -> None:
    pairs = [row for row in rows(shared_data / "quixbugs" / "pairs.jsonl") if row["json_tests"]]
    assert len(pairs) == 15
    for row in pairs:
        tests = json.loads(row["json_tests"])
        if row["name"] == "levenshtein":
            del tests[3]  # takes a minute of CPU by nature
        given = {"name": row["name"], "entry_point": row["entry_point"], "json_tests": json.dumps(tests)}
        reading = read({**given, "solutions": [row["correct"], row["buggy"]]})
        assert passes(sandbox, reading, 0), row["name"]
        assert not passes(sandbox, reading, 1), row["name"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "solved", "passed"), [("humaneval", 72, 72), ("mbpp", 158, 163)])
def test_labels_of_reflexion(sandbox: Sandbox, shared_data: Path, name: str, solved: int, passed: int) -> None:
    labels, verdicts = [], []
    for row in rows(shared_data / "reflexion" / f"gpt4_{name}_py.jsonl.gz"):
        reading = read(row)
        labels.append(reading.solutions[0].truth)
        verdicts.append(passes(sandbox, reading))
        assert verdicts[-1] == row["rerun"], row["task_id"]
    assert (sum(map(bool, labels)), sum(verdicts)) == (solved, passed)


@pytest.mark.slow
def test_codet_samples_and_cutting_changes_no_verdict(sandbox: Sandbox, shared_data: Path) -> None:
    """Every sixteenth task, 20 of its samples; those that pass or fail do so, too, where `check` runs as a whole."""
    official = {row["task_id"]: row for row in rows(shared_data / "humaneval" / "HumanEval.jsonl.gz")}
    labels = {row["task_id"]: row["passed"] for row in rows(shared_data / "codet" / "verdicts.jsonl")}
    for row in rows(shared_data / "codet" / "code_solution.jsonl.gz")[::16]:
        task = official[row["task_id"]]
        given = {"prompt": row["prompt"], "test": task["test"], "entry_point": task["entry_point"]}
        reading = read({**given, "completions": row["samples"][:20]})
        setup = row["prompt"] + task["test"]
        whole = SplitTests(cases=(f"check({task['entry_point']})",), setup=setup)
        for number, label in enumerate(labels[row["task_id"]][:20]):
            assert passes(sandbox, reading, number) == bool(label), (row["task_id"], number)
            if number < 5:
                assert passes(sandbox, reading, number, whole) == bool(label), (row["task_id"], number)
