"""Mode `data`: the caller sends calls, gets values, and compares them itself; expected values never leave it."""

from collections.abc import Callable

from stages.sandbox import frames
from stages.sandbox.account import Account, load_status
from stages.sandbox.attempt import Attempt, Zygotes
from stages.sandbox.codec import deep_recursion
from stages.sandbox.compare import equal
from stages.sandbox.decode import decode
from stages.sandbox.frames import Value
from stages.sandbox.jobs import DataTests, Program
from stages.sandbox.verdict import Outcome, Status
from stages.sandbox.watch import Budget, Stop, Watch

Judge = Callable[[int, Value], tuple[Outcome, str]]
"""From the number of a case and the value that the program gave for it to the outcome and a detail."""


def run(zygotes: Zygotes, program: Program, tests: DataTests, budget: Budget, judge: Judge | None = None) -> Account:
    """All cases; a new process for the rest after each one that ends the process.

    `judge` stands in place of the comparison with the expected values.
    """
    judge = judge or _comparison(tests)
    account = Account([str(number) for number in range(len(tests.cases))])
    with deep_recursion():
        while account.open and budget.left() > 0:
            with Attempt(zygotes, budget) as attempt:
                _attempt(attempt, program, tests, judge, account)
    account.give_up()
    return account


def _attempt(attempt: Attempt, program: Program, tests: DataTests, judge: Judge, account: Account) -> None:
    first = account.next
    calls = tests.packed(program.entry_point, first)
    watch = attempt.watch(attempt.program(program.source, program.entry_point, calls))
    if not _loaded(attempt, watch, account):
        return
    for number in range(first, len(tests.cases)):
        watch.begin_test()
        answer = watch.next()
        if isinstance(answer, Stop):
            account.stopped(attempt, *attempt.stopped(answer))
            return
        outcome, detail = _judged(answer, number - first + 1, judge, number)
        if outcome is Outcome.PROTOCOL_ERROR:
            account.stopped(attempt, outcome, detail)
            return
        account.add(outcome, detail)
    account.note(attempt)


def _loaded(attempt: Attempt, watch: Watch, account: Account) -> bool:
    """Wait until the program is loaded; False, and booked, where it does not."""
    answer = watch.next()
    if answer == ["loaded"]:
        return True
    if isinstance(answer, Stop):
        outcome, detail = attempt.stopped(answer)
        account.not_loaded(attempt, Status(outcome), f"while loading: {detail}")
        return False
    match answer:
        case ["load", str(status), str(detail)]:
            account.not_loaded(attempt, load_status(status), detail)
        case _:
            account.not_loaded(attempt, Status.PROTOCOL_ERROR, "a frame out of turn while loading")
    return False


def _comparison(tests: DataTests) -> Judge:
    def judge(number: int, actual: Value) -> tuple[Outcome, str]:
        expected = tests.expected[number]
        right = equal(actual, expected, tests.compare, rtol=tests.rtol, atol=tests.atol)
        return (Outcome.PASS, "") if right else (Outcome.FAIL, f"gives {_short(actual)}")

    return judge


def _judged(answer: frames.Frame, turn: int, judge: Judge, number: int) -> tuple[Outcome, str]:
    """The outcome of one call from the program's answer to it."""
    try:
        match answer:
            case ["r", int(answered), value, _] if answered == turn:
                outcome, detail = judge(number, decode(value))
                was_iterator = outcome is Outcome.PASS and type(value) is dict and "I" in value
                return outcome, "an iterator, read out" if was_iterator else detail
            case ["n", int(answered), str(why)] if answered == turn:
                return Outcome.NOT_PLAIN, why
            case ["e", int(answered), str(kind), str(text), list(), _] if answered == turn:
                return Outcome.MEMORY if kind == "MemoryError" else Outcome.ERROR, f"{kind}: {text}"
    except frames.ProtocolError as error:
        return Outcome.PROTOCOL_ERROR, str(error)
    return Outcome.PROTOCOL_ERROR, "an answer out of turn"


def _short(value: object) -> str:
    """The value as text for people, or its type where it cannot be written."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:200]}..."
