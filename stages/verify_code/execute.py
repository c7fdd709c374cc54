"""One part of the input through the sandbox: rows to programs, programs to rows of outcomes.

What is decided over all programs of a task, or over all tasks, is not known here (decide.py).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from stages.core.job import PartOutput
from stages.core.minhash import signature
from stages.core.passing import PassThrough, copied
from stages.core.rows import Problem, Rejected, SourceRow
from stages.programs.matrix import FLAKY, vector
from stages.programs.naming import sha_of, sha_of_text
from stages.programs.reading import ReadingOptions, read_row
from stages.programs.task import Reading, Solution, Suite, Task
from stages.sandbox.jobs import Program
from stages.sandbox.verdict import Status, Verdict
from stages.verify_code import columns
from stages.verify_code.flaky import Result, suspicious, together
from stages.verify_code.judge import Judge, JudgeItem
from stages.verify_code.normal_form import digest, normal_form
from stages.verify_code.verifier import Verifier

NO_TESTS: Final = "no_tests"
"""Status of a program whose task has no tests."""

_MOST_PARSED: Final = 1 << 18
"""Characters of a program whose syntax tree is made in this process: a tree takes a hundred times the memory."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """All that decides what a part becomes."""

    reading: ReadingOptions
    verifier: Verifier
    reruns: int
    judge: Judge | None
    pass_through: tuple[PassThrough, ...]


class Ran(NamedTuple):
    """What is known of a program after all its runs."""

    verdict: Verdict
    results: list[Result]
    runs: int
    cpu_ms: float
    wall_ms: float
    max_rss_kb: int

    @property
    def passed(self) -> bool:
        """Whether every test passed in every run."""
        return bool(self.results) and all(result.outcome == "pass" for result in self.results)


def run_program(verifier: Verifier, program: Program, suite: Suite, reruns: int) -> Ran:
    """Run a program, and again under other hash seeds if it may be flaky (flaky.py)."""
    runs = [verifier.verify(program, suite.tests)]
    if reruns > 1 and suspicious(program.source, runs[0]):
        runs += [verifier.verify(program, suite.tests, hash_seed=seed) for seed in range(1, reruns)]
    results = together(runs)
    if suite.names and len(suite.names) == len(results):
        results = [result._replace(name=name) for name, result in zip(suite.names, results, strict=True)]
    return Ran(
        verdict=runs[0],
        results=results,
        runs=len(runs),
        cpu_ms=sum(run.usage.cpu_ms for run in runs),
        wall_ms=sum(run.usage.wall_ms for run in runs),
        max_rss_kb=max(run.usage.max_rss_kb for run in runs),
    )


def execute_part(method: Method, part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
    """Run every solution of a part; equal ones of equal tasks once. Rows whose tests do not run are rejected."""
    return _Part(method, part, advance).work(rows)


class _Row(NamedTuple):
    """A row that could be read, and its number in the part."""

    source: SourceRow
    number: int
    reading: Reading


class _Part:
    """One part under way; `known` are the programs that have been run, by program and tests."""

    def __init__(self, method: Method, part: int, advance: Callable[[int], None]) -> None:
        self._method, self._number, self._advance = method, part, advance
        self._known: dict[str, Ran] = {}
        self._rejected: list[Rejected] = []

    def work(self, rows: Iterator[SourceRow]) -> PartOutput:
        read = list(self._read(rows))
        judged = self._judge(read)
        written = [row for one in read for row in self._run(one, judged)]
        missing = {} if self._method.judge is None else self._method.judge.missing
        return PartOutput(
            rows=written,
            kept=len({row[columns.SOURCE_ROW] for row in written}),
            dropped_rows=0,
            rejected=self._rejected,
            counts={"programs": len(written)} | {f"unjudged_{reason}": count for reason, count in missing.items()},
        )

    def _read(self, rows: Iterator[SourceRow]) -> Iterator[_Row]:
        for number, source in enumerate(rows):
            assert source.value is not None
            reading = read_row(source.value, self._method.reading)
            if isinstance(reading, Problem):
                self._reject(source, reading)
            else:
                yield _Row(source, number, reading)

    def _reject(self, source: SourceRow, problem: Problem) -> None:
        self._rejected.append(Rejected(source, problem))
        self._advance(1)

    def _judge(self, read: Sequence[_Row]) -> dict[tuple[int, int], float | None]:
        """The judge's score of every solution, by number of the row and place in it; nothing without a judge."""
        if self._method.judge is None:
            return {}
        every = [(row, solution) for row in read for solution in row.reading.solutions]
        items = [JudgeItem(_id(row, one), row.reading.task.prompt, one.source) for row, one in every]
        scores = self._method.judge.score(items, self._number)
        return {(row.number, one.number): score for (row, one), score in zip(every, scores, strict=True)}

    def _run(self, row: _Row, judged: dict[tuple[int, int], float | None]) -> list[dict[str, Any]]:
        """The rows of one input row; none where its tests do not run, whatever the program."""
        task, solutions = row.reading
        suite_sha, heldout_sha = sha_of([task.key, task.entry_point, task.suite]), ""
        if task.heldout is not None:
            heldout_sha = sha_of([task.entry_point, task.heldout])
        ran = [self._ran(task, task.suite, suite_sha, one) for one in solutions]
        heldout = [self._ran(task, task.heldout if one.truth is None else None, heldout_sha, one) for one in solutions]
        for runs in (ran, heldout):
            verdicts = [one.verdict for one in runs if one is not None]
            # One program alone must not make the tests of all others look broken.
            if verdicts and all(verdict.status is Status.TESTER_ERROR for verdict in verdicts):
                self._reject(row.source, _tests_do_not_run(verdicts[0]))
                return []
        self._advance(1)
        return [
            {
                "id": _id(row, solution),
                "problem_id": task.key,
                "prompt": task.prompt,
                "completion": solution.completion,
                "solution": solution.source,
                "truth": solution.truth if by_heldout is None else by_heldout.passed,
                "judge": judged.get((row.number, solution.number), solution.judge),
                "solution_sha": None if solution.source is None else sha_of_text(solution.source),
                columns.SOURCE_ROW: row.number,
                columns.SUITE: suite_sha,
                columns.LENGTH: len(solution.source or ""),
                **(_not_run(solution, task) if own is None else _outcomes(own)),
                **_form(solution, own),
                **copied(self._method.pass_through, row.source.value or {}),
            }
            for solution, own, by_heldout in zip(solutions, ran, heldout, strict=True)
        ]

    def _ran(self, task: Task, suite: Suite | None, suite_sha: str, solution: Solution) -> Ran | None:
        """The program's runs against a suite; None where there is no program or no suite."""
        if suite is None or solution.source is None:
            return None
        key = f"{suite_sha} {sha_of_text(solution.source)}"
        if key not in self._known:
            program = Program(source=solution.source, entry_point=task.entry_point)
            self._known[key] = run_program(self._method.verifier, program, suite, self._method.reruns)
        return self._known[key]


def _tests_do_not_run(verdict: Verdict) -> Problem:
    why = clean(verdict.detail)
    error = f"the tests themselves do not run ({why}); correct them. Of packages, tests and programs see numpy alone."
    return Problem("tests_do_not_run", "tests", error)


def _form(solution: Solution, ran: Ran | None) -> dict[str, Any]:
    """What tells a program that passes something from others of its task."""
    if ran is None or solution.source is None or not any(one.outcome == "pass" for one in ran.results):
        return {}
    form = normal_form(solution.source) if len(solution.source) <= _MOST_PARSED else None
    return {} if form is None else {columns.DIGEST: digest(form), columns.SIGNATURE: signature(form)}


def _id(row: _Row, solution: Solution) -> str:
    assert row.source.value is not None
    name: str = row.source.value["id"]
    return name if len(row.reading.solutions) == 1 else f"{name}-{solution.number}"


def _not_run(solution: Solution, task: Task) -> dict[str, Any]:
    """The columns of an answer without code, or of a task without tests."""
    names = task.suite.names if task.suite is not None else ()
    outcomes = ["not_run"] * len(names)
    return {
        "test_results": [{"test_id": name, "outcome": "not_run", "detail": ""} for name in names],
        "status": Status.NO_CODE.value if solution.source is None else NO_TESTS,
        "flaky": 0,
        "runs": 0,
        columns.VECTOR: vector(outcomes),
    }


def _outcomes(ran: Ran) -> dict[str, Any]:
    verdict, outcomes = ran.verdict, [result.outcome for result in ran.results]
    return {
        "test_results": [
            {"test_id": result.name, "outcome": result.outcome, "detail": clean(result.detail)}
            for result in ran.results
        ],
        "status": verdict.status.value,
        "flaky": outcomes.count(FLAKY),
        "runs": ran.runs,
        "mode": verdict.mode,
        "trust": verdict.trust,
        "isolation": verdict.level,
        "layers": [layer.value for layer in verdict.layers],
        "signal": verdict.signal,
        "detail": clean(verdict.detail),
        "stderr_head": clean(verdict.stderr_head),
        "cpu_ms": ran.cpu_ms,
        "wall_ms": ran.wall_ms,
        "max_rss_kb": ran.max_rss_kb,
        columns.VECTOR: vector(outcomes),
    }


_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


def clean(text: str) -> str:
    """Text without addresses in memory, which differ between runs of the same program."""
    return _ADDRESS.sub("0x...", text)
