"""Who runs programs for this stage: sandboxes of one configuration, one for each hash seed that is asked for."""

from types import TracebackType
from typing import Protocol, Self

from stages.sandbox.answers import Cases
from stages.sandbox.jobs import Program, Tests
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Answer, Verdict
from stages.verify_code.config import SandboxOptions


class Verifier(Protocol):
    """Runs a program against tests; what a program does is never an exception."""

    def verify(self, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
        """The verdict under PYTHONHASHSEED = `hash_seed`."""

    def answers(self, program: Program, cases: Cases, *, hash_seed: int = 0) -> tuple[Answer, ...]:
        """What the program returns or prints for each case, whose expected value is not looked at."""


class SandboxVerifier:
    """A Verifier of real sandboxes; use it as a context. Raises ConfigError where the level cannot be had here."""

    def __init__(self, options: SandboxOptions, factor: float) -> None:
        self._options, self._factor = options, factor
        self._boxes: dict[int, Sandbox] = {}
        self._box(0)

    def verify(self, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
        """See Verifier."""
        return self._box(hash_seed).verify(program, tests)

    def answers(self, program: Program, cases: Cases, *, hash_seed: int = 0) -> tuple[Answer, ...]:
        """See Verifier."""
        return self._box(hash_seed).answers(program, cases)

    def close(self) -> None:
        """End all processes."""
        for box in self._boxes.values():
            box.close()
        self._boxes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _box(self, hash_seed: int) -> Sandbox:
        if hash_seed not in self._boxes:
            level = self._options.level
            self._boxes[hash_seed] = open_sandbox(
                level, limits_of(self._options), factor=self._factor, hash_seed=hash_seed
            )
        return self._boxes[hash_seed]


def limits_of(options: SandboxOptions) -> Limits:
    """The limits that the options name, not yet scaled to this machine."""
    return Limits(
        test_cpu=options.test_seconds,
        program_cpu=options.program_seconds,
        memory=options.memory_mb << 20,
        output=options.output_kb << 10,
    )
