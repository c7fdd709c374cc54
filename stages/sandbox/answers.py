"""What a program gives for inputs whose right answer is not known: for references, and for agreement of programs."""

from stages.sandbox import data_mode, stdio_mode
from stages.sandbox.account import Account
from stages.sandbox.attempt import Zygotes
from stages.sandbox.frames import Value
from stages.sandbox.jobs import Case, DataTests, Program, StdioCase
from stages.sandbox.verdict import Answer, Outcome, Status, escaped
from stages.sandbox.watch import Budget

Cases = tuple[Case, ...] | tuple[StdioCase, ...]


def ask(zygotes: Zygotes, program: Program, cases: Cases, budget: Budget) -> tuple[Answer, ...]:
    """An answer for each case, in order; expected values in them are not looked at."""
    calls = tuple(case for case in cases if isinstance(case, Case))
    inputs = tuple(case for case in cases if isinstance(case, StdioCase))
    values: list[Value] = []

    def keep(_: object, value: Value) -> tuple[Outcome, str]:
        if inputs and not _is_text(value):
            return Outcome.NOT_PLAIN, "prints bytes that are no text"
        values.append(value)
        return Outcome.PASS, ""

    if inputs:
        account = stdio_mode.run_judged(zygotes, program, inputs, keep, budget)
    else:
        account = data_mode.run(zygotes, program, DataTests(cases=calls), budget, keep)
    return _answers(account, values)


def _is_text(printed: str) -> bool:
    try:
        printed.encode()
    except UnicodeEncodeError:
        return False
    return True


def _answers(account: Account, values: list[Value]) -> tuple[Answer, ...]:
    """One for each result; `values` are those of the passed ones, in order."""
    given = iter(values)
    why = "" if account.status is Status.DONE else escaped(f"{account.status}: {account.detail}")
    return tuple(
        Answer(result.outcome, next(given), result.detail)
        if result.outcome is Outcome.PASS
        else Answer(result.outcome, None, result.detail or why)
        for result in account.results
    )
