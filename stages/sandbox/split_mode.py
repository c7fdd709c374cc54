"""Modes `split`, `suite` and `inproc`: tests are code, run in the tester's process, which reports each outcome."""

from typing import Final

from stages.sandbox import frames
from stages.sandbox.account import Account, load_status
from stages.sandbox.attempt import Attempt, Zygotes
from stages.sandbox.jobs import InProcessTests, Program, SplitTests, SuiteTests
from stages.sandbox.verdict import Outcome, Status
from stages.sandbox.watch import Budget, Stop, Watch

_REPORTED: Final = frozenset(Outcome) - {Outcome.TIMEOUT, Outcome.OUTPUT_LIMIT}
_MOST_TESTS: Final = 100_000
_ENDED: Final = "ends its own process. Look for os._exit or a crash in it"
_DISTURBED: Final = "disturbs the report of outcomes. Let it write to no descriptor that it has not opened"
_FAULTS: Final = {
    Stop.CLOSED: _ENDED,
    Stop.PROTOCOL: _DISTURBED,
    Stop.TEST_TIME: "needs more time than one test may. Shorten it, or allow a test more seconds",
    Stop.PROGRAM_TIME: "needs more time than all tests may. Shorten it, or allow a program more seconds",
    Stop.ANSWERS: "reports more than can be read. Divide the tests",
    Stop.FOLDER: "writes more files than allowed. Let it write fewer",
    Stop.THREADS: "starts more threads than allowed. Let it start fewer",
}
"""What the code of the tests does wrong, and the remedy."""


def run(zygotes: Zygotes, program: Program, tests: SplitTests | SuiteTests | InProcessTests, budget: Budget) -> Account:
    """All tests; new processes for the rest after each test that ends the program's."""
    inner = tests.tests if isinstance(tests, InProcessTests) else tests
    # A suite's tests are known once the tester has read it; until then there is one nameless one.
    account = Account([str(number) for number in range(len(inner.cases))] if isinstance(inner, SplitTests) else [""])
    while account.open and budget.left() > 0:
        with Attempt(zygotes, budget) as attempt:
            order = _order(program, inner, account.next)
            if isinstance(tests, InProcessTests):
                watch = attempt.watch(attempt.tester(None))
                watch.say(frames.pack(["inproc", program.source]) + frames.pack(order))
            else:
                channel = attempt.program(program.source, program.entry_point)
                watch = attempt.watch(attempt.tester(channel))
                watch.say(frames.pack(order))
            follow(attempt, watch, account)
    if account.names != [""]:
        account.give_up()
    elif account.results:
        account.results.clear()
    return account


def follow(attempt: Attempt, watch: Watch, account: Account) -> None:
    """Book what the tester reports until it is done or something ends it."""
    ready = False
    while True:
        report = watch.next()
        if isinstance(report, Stop):
            if not ready:
                _stopped_early(attempt, report, account)
            elif account.next < len(account.names):
                _stopped_in_test(attempt, report, account)
            return
        match report:
            case ["names", list(names)] if not ready and len(names) <= _MOST_TESTS:
                account.names = [str(name)[:200] for name in names]
            case ["ready"] if not ready:
                ready = True
                watch.begin_test()
            case ["load", str(status), str(detail)] if not ready:
                account.not_loaded(attempt, *_why_not_loaded(attempt, status, detail))
                return
            case ["bad", str(detail)] if not ready:
                account.not_loaded(attempt, Status.TESTER_ERROR, detail)
                return
            case ["result", int(number), str(outcome), str(detail)] if ready and _fits(number, outcome, account):
                if outcome in (Outcome.CRASH, Outcome.PROTOCOL_ERROR):
                    _lost(attempt, Outcome(outcome), detail, account)
                    return
                account.add(Outcome(outcome), detail)
                watch.begin_test()
            case ["done"] if ready and account.next == len(account.names):
                account.note(attempt)
                return
            case _:
                account.not_loaded(attempt, Status.TESTER_ERROR, f"the code of the tests {_DISTURBED}")
                return


def _order(program: Program, tests: SplitTests | SuiteTests, first: int) -> frames.Frame:
    if isinstance(tests, SplitTests):
        return ["split", tests.setup, list(tests.cases), first, program.entry_point]
    return ["suite", tests.source, first, program.entry_point, list(tests.modules)]


def _fits(number: int, outcome: str, account: Account) -> bool:
    return number == account.next < len(account.names) and outcome in _REPORTED


def _lost(attempt: Attempt, outcome: Outcome, detail: str, account: Account) -> None:
    """The program's process is gone, or talks nonsense; a death for lack of time or memory is told apart."""
    if outcome is Outcome.CRASH:
        outcome, detail = attempt.crashed()
    account.stopped(attempt, outcome, detail)


def _why_not_loaded(attempt: Attempt, status: str, detail: str) -> tuple[Status, str]:
    if status == Status.CRASH:
        outcome, detail = attempt.crashed()
        return Status(outcome), f"while loading: {detail}"
    return load_status(status), detail


def _stopped_early(attempt: Attempt, stop: Stop, account: Account) -> None:
    """Before the first test: the tests' fault where it is the tester that ended or that ran."""
    # What the tests print goes nowhere, so that it is the program that prints too much.
    testers_fault = stop in (Stop.CLOSED, Stop.PROTOCOL) or (stop is not Stop.OUTPUT and attempt.tester_is_busier())
    outcome, detail = attempt.stopped(stop)
    if testers_fault:
        detail = f"what runs before the first test {_FAULTS[stop]}"
        account.not_loaded(attempt, Status.TESTER_ERROR, detail)
    else:
        account.not_loaded(attempt, Status(outcome), f"while loading: {detail}")


def _stopped_in_test(attempt: Attempt, stop: Stop, account: Account) -> None:
    if stop in (Stop.CLOSED, Stop.PROTOCOL):
        attempt.end()
        account.note(attempt)
        account.add(Outcome.ERROR, f"this test {_FAULTS[stop]}")
        return
    account.stopped(attempt, *attempt.stopped(stop))
