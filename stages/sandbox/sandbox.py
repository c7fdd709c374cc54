"""The sandbox itself: open one at a level, verify programs one after the other, close it.

One sandbox serves one caller at a time; for more cores, open more. Nothing of a program stays for the next.
"""

import importlib.util
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from stages.core.errors import RlbffError
from stages.sandbox import answers, canary, data_mode, roots, split_mode, stdio_mode
from stages.sandbox.account import Account
from stages.sandbox.attempt import Zygotes
from stages.sandbox.jobs import (
    DataTests,
    InProcessTests,
    Program,
    SplitTests,
    StdioTests,
    SuiteTests,
    Tests,
    program_problem,
)
from stages.sandbox.layers import Layer, Level, require
from stages.sandbox.limits import Limits, machine_factor
from stages.sandbox.spawn import Zygote, ZygoteGone
from stages.sandbox.verdict import Answer, CaseResult, Mode, Outcome, Status, Usage, Verdict
from stages.sandbox.watch import Budget

_T = TypeVar("_T")
_RESTARTS: Final = 3
_ZYGOTE_KILLED: Final = "the zygote was killed each time while this program ran"


def open_sandbox(
    level: Level = "standard",
    limits: Limits | None = None,
    *,
    factor: float | None = None,
    packages: tuple[str, ...] = ("numpy",),
    hash_seed: int = 0,
) -> "Sandbox":
    """Open a sandbox whose walls have been tried out; raises ConfigError where the level cannot be had here.

    `factor`: CPU time of this machine relative to the reference one; measured if not given. `packages`: offered to
    programs and tests that name them, where they are installed. `hash_seed`: PYTHONHASHSEED of all processes,
    and the seed of `random` and of numpy's global generator.
    """
    layers = require(level)
    scale = machine_factor() if factor is None else factor
    return Sandbox(level, layers, limits or Limits(), scale, packages=packages, hash_seed=hash_seed)


class Sandbox:
    """Zygotes behind walls; use it as a context, or call `close`."""

    def __init__(
        self,
        level: Level,
        layers: tuple[Layer, ...],
        limits: Limits,
        factor: float,
        *,
        packages: tuple[str, ...] = (),
        hash_seed: int = 0,
    ) -> None:
        """Start the first zygotes and let the canaries try what `level` promises with these layers."""
        self.level: Final = level
        self.layers: Final = layers
        self.machine_factor: Final = factor
        self.limits: Final = limits.scaled(factor)
        self._packages = tuple(name for name in packages if importlib.util.find_spec(name) is not None)
        self._seed = hash_seed
        self._serial = 0
        self._zygotes: dict[tuple[str, ...], Zygotes] = {}
        self._owner = os.getpid()
        self._busy = threading.Lock()
        self._root, self._lock = roots.make_root()
        try:
            self._having(())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def verify(self, program: Program, tests: Tests) -> Verdict:
        """Which tests the program passes. Never raises for what a program does; RlbffError to a second caller."""
        if (problem := program_problem(program)) is not None:
            return self._refused(tests, Status(problem[0]), problem[1])
        with self._alone():
            verdict = self._insist(lambda: self._verify(program, tests))
        return verdict or self._refused(tests, Status.CRASH, _ZYGOTE_KILLED)

    def answers(self, program: Program, cases: answers.Cases) -> tuple[Answer, ...]:
        """What the program returns or prints for each case, whose expected value is not looked at.

        The same walls and limits as in `verify`; never raises for what a program does.
        """
        if (problem := program_problem(program)) is not None:
            return tuple(Answer(Outcome.NOT_RUN, None, f"{problem[0]}: {problem[1]}") for _ in cases)
        with self._alone():
            given = self._insist(lambda: answers.ask(self._for([program.source]), program, cases, Budget(self.limits)))
        return tuple(Answer(Outcome.CRASH, None, _ZYGOTE_KILLED) for _ in cases) if given is None else given

    def close(self) -> None:
        """End all processes and remove the folder."""
        self._forget()
        if self._root.exists():
            roots.remove(self._root)
            os.close(self._lock)

    @property
    def pids(self) -> tuple[int, ...]:
        """The zygotes' process numbers."""
        every = [zygote for pair in self._zygotes.values() for zygote in (pair.programs, pair.testers)]
        return tuple(zygote.pid for zygote in every if zygote.pid is not None)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Serve this caller, and refuse another thread meanwhile, since their processes would be mixed up."""
        if not self._busy.acquire(blocking=False):
            raise RlbffError("a sandbox serves one caller at a time, and another thread is in it. Open one for each.")
        try:
            yield
        finally:
            self._busy.release()

    def _insist(self, work: Callable[[], _T]) -> _T | None:
        """The result of `work`, done anew when a zygote was killed; None where the program may be who kills it."""
        for _ in range(_RESTARTS):
            try:
                return work()
            except ZygoteGone:
                self._forget()
        if Layer.SECCOMP not in self.layers:
            return None
        raise RlbffError(
            f"the sandbox's zygote was killed {_RESTARTS} times in a row. Is memory short on this machine?"
        )

    def _verify(self, program: Program, tests: Tests) -> Verdict:
        budget = Budget(self.limits)
        account = _run(self._for(_code(program, tests)), program, tests, budget)
        usage = Usage(
            cpu_ms=1000 * budget.spent,
            wall_ms=1000 * (time.monotonic() - budget.started),
            max_rss_kb=budget.largest_kb,
            near_limit=budget.near_limit,
        )
        return Verdict(
            status=account.status,
            results=tuple(account.results),
            mode=_mode(tests),
            level=self.level,
            layers=self.layers,
            detail=account.detail,
            trust="inproc" if isinstance(tests, InProcessTests) else "full",
            signal=account.signal,
            stderr_head=account.stderr,
            usage=usage,
        )

    def _refused(self, tests: Tests, status: Status, detail: str) -> Verdict:
        cases = getattr(tests, "cases", ())
        results = tuple(CaseResult(test=str(number), outcome=Outcome.NOT_RUN) for number in range(len(cases)))
        return Verdict(
            status=status, results=results, mode=_mode(tests), level=self.level, layers=self.layers, detail=detail
        )

    def _for(self, texts: Sequence[str]) -> Zygotes:
        """The zygotes with the packages that any of the texts names: loading one before the fork is cheaper."""
        return self._having(tuple(name for name in self._packages if any(_names(name, text) for text in texts)))

    def _having(self, packages: tuple[str, ...]) -> Zygotes:
        """Zygotes that have loaded these packages, started and tried out when first asked for."""
        if packages not in self._zygotes:
            zygotes = Zygotes(self._new(packages, tests=False), self._new(packages, tests=True))
            # Known before it is started, so that `close` ends what came up if the rest does not.
            self._zygotes[packages] = zygotes
            zygotes.programs.start()
            zygotes.testers.start()
            canary.sing(zygotes, self.level, Budget(self.limits))
        return self._zygotes[packages]

    def _new(self, packages: tuple[str, ...], *, tests: bool) -> Zygote:
        self._serial += 1
        base = Path(self._root, str(self._serial))
        return Zygote(base, self.layers, packages, self.limits, tests=tests, seed=self._seed)

    def _forget(self) -> None:
        for pair in self._zygotes.values():
            for zygote in (pair.programs, pair.testers):
                zygote.close()
                roots.remove(zygote.work.parent)
        self._zygotes.clear()


def _run(zygotes: Zygotes, program: Program, tests: Tests, budget: Budget) -> Account:
    if isinstance(tests, DataTests):
        return data_mode.run(zygotes, program, tests, budget)
    if isinstance(tests, StdioTests):
        return stdio_mode.run(zygotes, program, tests, budget)
    return split_mode.run(zygotes, program, tests, budget)


def _mode(tests: Tests) -> Mode:
    modes: dict[type, Mode] = {
        DataTests: "data",
        SplitTests: "split",
        SuiteTests: "suite",
        StdioTests: "stdio",
        InProcessTests: "inproc",
    }
    return modes[type(tests)]


def _names(package: str, text: str) -> bool:
    # Most texts do not, and a plain search is many times faster than one for a whole word.
    return package in text and re.search(rf"\b{package}\b", text) is not None


def _code(program: Program, tests: Tests) -> list[str]:
    """All foreign code of a job."""
    inner = tests.tests if isinstance(tests, InProcessTests) else tests
    texts = [program.source]
    if isinstance(inner, SplitTests):
        texts += [inner.setup, *inner.cases]
    elif isinstance(inner, SuiteTests):
        texts.append(inner.source)
    elif isinstance(inner, StdioTests):
        texts.append(inner.checker or "")
    return texts
