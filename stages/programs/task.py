"""What a row of programs holds: a task with its tests, and solutions to it."""

from dataclasses import dataclass
from typing import NamedTuple

from stages.sandbox.jobs import Tests

Chat = list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The tests of one task as the sandbox runs them, with a name for each that stays the same between runs.

    `names` is empty for unittest and pytest style suites, whose tests are known only once they have been run.
    """

    tests: Tests
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A problem: what is asked, and how an answer is tried.

    `key` tells tasks apart. `suite` is None where the row has no tests. `reference` is a whole program that is known to
    be right; `heldout` are tests that decide about the truth of a solution, not about its rates.
    """

    key: str
    prompt: Chat | None = None
    entry_point: str | None = None
    suite: Suite | None = None
    reference: str | None = None
    heldout: Suite | None = None


@dataclass(frozen=True, kw_only=True)
class Solution:
    """One answer to a task: `number` is its place in the row.

    `source` is the whole program, None where the answer holds no code. `truth`: whether it is right, where that is
    known. `judge`: a score that came with the row.
    """

    number: int
    completion: Chat | None
    source: str | None
    truth: bool | None = None
    judge: float | None = None


class Reading(NamedTuple):
    """A row, read."""

    task: Task
    solutions: tuple[Solution, ...]
