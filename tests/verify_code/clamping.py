"""A small task, ways to ask for tests of it, and what must hold of whatever comes back."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.core.options import LlmOptions
from stages.programs.matrix import Matrix, vector
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import (
    Program,
    SplitTests,
)
from stages.sandbox.layers import require
from stages.verify_code.augment import augment_all
from stages.verify_code.augmented import COUNTED, Augmented, Job, Known
from stages.verify_code.config import SandboxOptions, VerifyCodeConfig
from stages.verify_code.local_model import open_model
from stages.verify_code.measuring import Measured
from stages.verify_code.mutants import Mutant
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.scripted import Call, Said, Scripted, completion, scripted

QUICK = SandboxOptions(test_seconds=0.3, program_seconds=0.9, memory_mb=256, reruns=2)


CLAMP = """
def clamp(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x
"""


RIGHT = "def clamp(x, a, b):\n    return max(a, min(x, b))\n"


SAME = "def clamp(x, a, b):\n    return x\n"


UPPER = "def clamp(x, a, b):\n    return min(x, b)\n"


PROMPT = [{"role": "user", "content": "Bring x into [low, high]."}]


def clamp_task(**changes: Any) -> Task:
    fields: dict[str, Any] = {"key": "clamp", "prompt": PROMPT, "entry_point": "clamp", "reference": CLAMP}
    return Task(**fields | {"suite": suite("assert clamp(5, 0, 10) == 5")} | changes)


def suite(*cases: str) -> Suite:
    return Suite(tests=SplitTests(cases=cases), names=tuple(map(str, range(len(cases)))))


def known(*sources: str, outcomes: list[list[str]] | None = None) -> Known:
    rows = outcomes or [["pass"]] * len(sources)
    return Known(sources=sources, matrix=Matrix.of([vector(row) for row in rows]))


def measured(*mutants: tuple[str, bool], num_tests: int = 1, valid: bool = True) -> Measured:
    """Mutants that no test kills, each with whether it is taken for equivalent."""
    none = np.zeros((len(mutants), num_tests), dtype=bool)
    return Measured(
        names=tuple(map(str, range(num_tests))),
        valid=np.full(num_tests, valid),
        flaky=np.zeros(num_tests, dtype=bool),
        reference_status="done",
        mutants=tuple(
            Mutant(source, "comparison", 3, f"change {number}") for number, (source, _) in enumerate(mutants)
        ),
        killed=none,
        known=~none,
        equivalent=np.array([equivalent for _, equivalent in mutants], dtype=bool),
    )


def saying(*answers: object) -> Callable[[Call], Said]:
    """One answer a call; the last one again and again."""
    return lambda call: completion(text_of_answer(answers[min(call.number, len(answers) - 1)]))


def text_of_answer(answer: object) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer)


def configured(url: str, **options: Any) -> VerifyCodeConfig:
    llm = LlmOptions(llm=url, max_retries=options.pop("max_retries", 2), timeout=5.0, concurrency=8)
    fields: dict[str, Any] = {"augment": 10, "rounds": 1, "sandbox": QUICK} | options
    return VerifyCodeConfig(inputs=("x",), llm=llm, **fields)


def augmented(
    answer: Callable[[Call], Said],
    verifier: SandboxVerifier,
    root: Path,
    *jobs: Job,
    calls: list[Call] | None = None,
    **options: Any,
) -> list[Augmented]:
    with scripted(answer) as server:
        found = asked(server, verifier, root, *jobs, **options)
        if calls is not None:
            calls += server.calls
    return found


def asked(server: Scripted, verifier: SandboxVerifier, root: Path, *jobs: Job, **options: Any) -> list[Augmented]:
    config = configured(server.url, **options)
    model = open_model(config, root, lambda text: None)
    try:
        with model.asking(0, "augment") as asker:
            return augment_all(jobs, asker, verifier, config)
    finally:
        model.close()


def assert_reference_passes(verifier: SandboxVerifier, task: Task, found: Augmented) -> None:
    """Every test that was added holds under three hash seeds."""
    if found.suite is None:
        assert found.tests == ()
        return
    assert task.reference is not None
    program = Program(source=task.reference, entry_point=task.entry_point)
    for seed in (0, 1, 2):
        verdict = verifier.verify(program, found.suite.tests, hash_seed=seed)
        assert verdict.all_passed, verdict.results
        assert len(verdict.results) == len(found.tests) == len(found.suite.names)


def assert_counts_add_up(found: Augmented) -> None:
    for facts in found.rounds:
        assert set(facts.counts) == set(COUNTED)
        assert all(count >= 0 for count in facts.counts.values())
        assert facts.validity is None or 0 <= facts.validity <= 1
    assert found.counts["kept"] == len(found.tests)
    assert [len(row) for row in found.outcomes] == [len(found.tests)] * len(found.outcomes)
    assert found.killed.shape == found.known.shape == (len(found.equivalent), len(found.tests))
    assert not (found.killed & ~found.known).any()


@contextmanager
def quick_verifier() -> Iterator[SandboxVerifier]:
    """A sandbox with short limits; skips the test where there can be none."""
    try:
        require("standard")
    except ConfigError as error:
        pytest.skip(str(error))
    with SandboxVerifier(QUICK, 1.0) as opened:
        yield opened
