"""The running account of one program over its attempts, and the verdict it ends in."""

from stages.sandbox.attempt import Attempt
from stages.sandbox.verdict import CaseResult, Outcome, Status

_STOPS = {
    Outcome.TIMEOUT: Status.TIMEOUT,
    Outcome.MEMORY: Status.MEMORY,
    Outcome.CRASH: Status.CRASH,
    Outcome.OUTPUT_LIMIT: Status.OUTPUT_LIMIT,
    Outcome.PROTOCOL_ERROR: Status.PROTOCOL_ERROR,
}


class Account:
    """Outcomes so far, in the order of the tests. The first thing that goes wrong becomes the status."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.results: list[CaseResult] = []
        self.status = Status.DONE
        self.detail = ""
        self.signal = 0
        self.stderr = ""

    @property
    def next(self) -> int:
        """The number of the test to go on with."""
        return len(self.results)

    @property
    def open(self) -> bool:
        """Whether tests are left and it makes sense to run them."""
        return self.next < len(self.names) and self.status not in _HOPELESS

    def add(self, outcome: Outcome, detail: str = "") -> None:
        """Book the next test."""
        self.results.append(CaseResult(test=self.names[self.next], outcome=outcome, detail=detail[:500]))
        if outcome in _STOPS:
            self.blame(_STOPS[outcome], detail)

    def blame(self, status: Status, detail: str) -> None:
        """Say what went wrong, unless something went wrong before."""
        if self.status is Status.DONE:
            self.status, self.detail = status, detail[:500]

    def stopped(self, attempt: Attempt, outcome: Outcome, detail: str) -> None:
        """Book the test in which the program was stopped."""
        self.note(attempt)
        self.add(outcome, detail)

    def not_loaded(self, attempt: Attempt, status: Status, detail: str) -> None:
        """Book that the program or the tests do not get as far as the first test: nothing can be run."""
        self.note(attempt)
        self.status, self.detail = status, detail[:500]
        self.give_up()

    def give_up(self) -> None:
        """Book all tests that are left as not run; where nothing else stands in their way, for want of time."""
        if self.open:
            self.blame(Status.TIMEOUT, "time for the whole program")
        self.results += [CaseResult(test=name, outcome=Outcome.NOT_RUN) for name in self.names[self.next :]]

    def note(self, attempt: Attempt) -> None:
        """Keep what is known of the process that ended."""
        self.signal = self.signal or attempt.end().signal
        self.stderr = self.stderr or attempt.stderr()


_HOPELESS = (
    Status.NO_CODE,
    Status.NO_ENTRY_POINT,
    Status.SYNTAX_ERROR,
    Status.LOAD_ERROR,
    Status.TESTER_ERROR,
)


def load_status(text: str) -> Status:
    """The status that a process gives as the reason for not loading, taken only if it is one of those."""
    known = {Status.SYNTAX_ERROR, Status.LOAD_ERROR, Status.NO_ENTRY_POINT, Status.MEMORY, Status.CRASH}
    return next((status for status in known if status == text), Status.PROTOCOL_ERROR)
