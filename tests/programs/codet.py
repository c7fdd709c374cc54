"""The protocol by which the CodeT release becomes programs, tests and truth: half of it lies in ../shared/data.

CodeGen-16B samples for HumanEval, assertions that the same model wrote, and truth by the official tests. Tasks are
joined by number alone, since prompts differ from HumanEval's and six function names occur twice.
"""

import ast
import gzip
import json
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.programs.matrix import vector
from stages.sandbox.jobs import Program, SplitTests
from stages.sandbox.sandbox import Sandbox

STOPS: Final = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint")
MOST_TESTS: Final = 30
MOST_OF_A_SNIPPET: Final = 5


class CodetTask(NamedTuple):
    """A HumanEval task with model-written tests. `truth`: whether each program passes the official tests."""

    number: int
    prompt: str
    entry_point: str
    canonical: str
    programs: tuple[str, ...]
    truth: tuple[bool, ...]
    tests: tuple[str, ...]

    @property
    def suite(self) -> SplitTests:
        """Every assertion a test of its own, beside the auxiliary functions that the prompt defines."""
        return SplitTests(cases=self.tests, setup=self.prompt)


def read(shared_data: Path, *, num_samples: int = 10) -> list[CodetTask]:
    """All tasks of the half in the order of the release, with the first samples; seven of them have no test."""
    asked = {row["task_id"]: row for row in _lines(shared_data / "humaneval" / "HumanEval.jsonl.gz")}
    written = {row["task_id"]: row["samples"] for row in _lines(shared_data / "codet" / "test_case.jsonl.gz")}
    verdicts = _lines(shared_data / "codet" / "verdicts.jsonl")
    truth = {row["task_id"]: [bool(passed) for passed in row["passed"]] for row in verdicts}
    tasks = []
    for row in _lines(shared_data / "codet" / "code_solution.jsonl.gz"):
        key = row["task_id"]
        prompt, entry_point = asked[key]["prompt"], asked[key]["entry_point"]
        task = CodetTask(
            number=int(key.removeprefix("HumanEval/")),
            prompt=prompt,
            entry_point=entry_point,
            canonical=prompt + asked[key]["canonical_solution"],
            programs=tuple(prompt + cut(sample) for sample in row["samples"][:num_samples]),
            truth=tuple(truth[key][:num_samples]),
            tests=assertions(written[key], entry_point),
        )
        tasks.append(task)
    return tasks


def cut(completion: str) -> str:
    """A completion up to where it goes on to something else."""
    for stop in STOPS:
        completion = completion.split(stop)[0]
    return completion


def assertions(snippets: Iterable[str], entry_point: str) -> tuple[str, ...]:
    """The most frequent assertions of model-written snippets, each the continuation of an `assert `."""
    counts: Counter[str] = Counter()
    for snippet in snippets:
        pieces = snippet.split("\nassert ")
        found = [text for piece in pieces if (text := _comparison("assert " + piece, entry_point)) is not None]
        counts.update(found[:MOST_OF_A_SNIPPET])
    return tuple(text for text, _ in counts.most_common(MOST_TESTS))


def outcomes(sandbox: Sandbox, task: CodetTask, programs: Sequence[str]) -> list[bytes]:
    """The stored vector of every program under the task's tests."""
    verdicts = [sandbox.verify(Program(source=text, entry_point=task.entry_point), task.suite) for text in programs]
    return [vector([result.outcome for result in verdict.results]) for verdict in verdicts]


def _comparison(text: str, entry_point: str) -> str | None:
    text = text.split("\n\n")[0]
    if entry_point not in text:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    match tree.body:
        case [ast.Assert(test=ast.Compare())]:
            return ast.unparse(tree)
    return None


def _lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
