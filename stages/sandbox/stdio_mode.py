"""Mode `stdio`: a whole program reads stdin and prints; its output is compared outside, or by a custom checker."""

import os
from collections.abc import Callable

from stages.sandbox.account import Account
from stages.sandbox.attempt import Attempt, Zygotes
from stages.sandbox.checker import Checker
from stages.sandbox.compare import same_output
from stages.sandbox.jobs import Program, StdioCase, StdioTests
from stages.sandbox.script import SYNTAX_ERROR
from stages.sandbox.verdict import Outcome, Status
from stages.sandbox.watch import Budget, Stop

Judge = Callable[[StdioCase, str], tuple[Outcome, str]]
"""From a case and what the program printed for it to the outcome and a detail; NOT_RUN where the tests are bad.

Bytes that are no UTF-8 stand in the text as Python's "surrogateescape" has them, so that none equals its own escape.
"""


def run(zygotes: Zygotes, program: Program, tests: StdioTests, budget: Budget) -> Account:
    """All cases, each in a process of its own, compared or handed to the checker."""

    def judge(case: StdioCase, printed: str) -> tuple[Outcome, str]:
        right = same_output(printed, case.expected, tests.compare, rtol=tests.rtol, atol=tests.atol)
        return (Outcome.PASS, "") if right else (Outcome.FAIL, f"prints {printed[:200]!r}")

    if tests.checker is not None:
        judge = Checker(zygotes, tests, budget.limits).judge
    return run_judged(zygotes, program, tests.cases, judge, budget)


def run_judged(
    zygotes: Zygotes, program: Program, cases: tuple[StdioCase, ...], judge: Judge, budget: Budget
) -> Account:
    """All cases, each in a process of its own; `judge` says what the output of one that ended well is worth."""
    account = Account([str(number) for number in range(len(cases))])
    for case in cases:
        if not account.open or budget.left() <= 0:
            break
        _case(zygotes, program, case, judge, account, budget)
    account.give_up()
    return account


def _case(zygotes: Zygotes, program: Program, case: StdioCase, judge: Judge, account: Account, budget: Budget) -> None:
    stdin = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        _fill(stdin, case.stdin.encode("utf-8", "surrogateescape"))
        with Attempt(zygotes, budget) as attempt:
            out, _ = attempt.script(program.source, stdin)
            watch = attempt.watch(None)
            stop = watch.next()
            assert isinstance(stop, Stop)
            if stop is not Stop.EXIT:
                account.stopped(attempt, *attempt.stopped(stop))
                return
            ended = attempt.end()
            account.note(attempt)
            stderr = attempt.stderr()
            printed = bytes(out.data).decode("utf-8", "surrogateescape")
    finally:
        os.close(stdin)
    if ended.signal:
        account.add(*attempt.crashed())
    elif ended.code:
        _failed(ended.code, stderr, account)
    else:
        outcome, detail = judge(case, printed)
        if outcome is Outcome.NOT_RUN:
            account.blame(Status.TESTER_ERROR, detail)
        account.add(outcome, detail)


def _failed(code: int, stderr: str, account: Account) -> None:
    """Book a program that ended with another status than 0."""
    reason = stderr.strip().splitlines()[-1:] or [""]
    if code == SYNTAX_ERROR:
        account.status, account.detail = Status.SYNTAX_ERROR, reason[0][:500]
        return
    memory = reason[0].startswith("MemoryError")
    account.add(Outcome.MEMORY if memory else Outcome.ERROR, f"exit status {code}: {reason[0]}")


def _fill(descriptor: int, data: bytes) -> None:
    offset = 0
    while offset < len(data):
        offset += os.pwrite(descriptor, data[offset:], offset)
