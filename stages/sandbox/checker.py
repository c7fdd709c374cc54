"""What a custom checker says of an output: asked in a tester's process of its own, once for each output.

A bad output must not make a program unjudged: a checker that raises on it fails it, and one that runs out of time or
memory, or dies, gives an error for this case alone. Only a checker that does not load, or whose code fails on the
expected output and on none in the same way, is the tests' fault.
"""

from typing import Final

from stages.sandbox import frames, split_mode
from stages.sandbox.account import Account
from stages.sandbox.attempt import Attempt, Zygotes
from stages.sandbox.jobs import StdioCase, StdioTests
from stages.sandbox.limits import Limits
from stages.sandbox.tester import CHECKER_RAISES
from stages.sandbox.verdict import Outcome
from stages.sandbox.watch import Budget

_CODE: Final = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "AttributeError", "TypeError")
_FAULTS: Final = tuple(f"{CHECKER_RAISES}{name}: " for name in _CODE)
"""What speaks of the checker's own code, where it is raised whatever the output; other errors speak of the output."""
_JUDGED: Final = (Outcome.PASS, Outcome.FAIL, Outcome.NOT_RUN)


class Checker:
    """The checker of one suite for the outputs of one program; all its work together may take a program's CPU time."""

    def __init__(self, zygotes: Zygotes, tests: StdioTests, limits: Limits) -> None:
        self._zygotes = zygotes
        self._tests = tests
        self._limits = limits
        self._spent = 0.0

    def judge(self, case: StdioCase, printed: str) -> tuple[Outcome, str]:
        """PASS, FAIL or ERROR with a reason; NOT_RUN where the checker itself is at fault."""
        if self._spent > self._limits.program_cpu:
            return Outcome.ERROR, "no time is left for the checker"
        outcome, detail = self._asked(case, printed)
        if detail.startswith(_FAULTS) and detail == self._always(case):
            return Outcome.NOT_RUN, f"{detail}, also on the expected output itself"
        return outcome, detail

    def _always(self, case: StdioCase) -> str:
        """What the checker raises on the expected output and on none, "" where that differs."""
        known = self._tests.checker_faults
        if case not in known:
            said = {self._asked(case, output)[1] for output in (case.expected, "")}
            known[case] = said.pop() if len(said) == 1 else ""
        return known[case]

    def _asked(self, case: StdioCase, output: str) -> tuple[Outcome, str]:
        try:
            order = frames.pack(["checker", self._tests.checker, case.stdin, output, case.expected])
        except frames.ProtocolError:
            return Outcome.FAIL, "prints more than a checker can be given"
        account, budget = Account(["0"]), Budget(self._limits)
        with Attempt(self._zygotes, budget) as attempt:
            watch = attempt.watch(attempt.tester(None))
            watch.say(order)
            split_mode.follow(attempt, watch, account)
        self._spent += budget.spent
        result = account.results[0]
        if result.outcome in _JUDGED:
            return result.outcome, result.detail or account.detail
        return Outcome.ERROR, f"the checker does not end well: {result.detail}"
