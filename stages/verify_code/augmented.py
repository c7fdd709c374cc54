"""What augmentation is given of a task, and what it adds to it.

Shapes: S different programs of a task, T tests of its suite, P tests added, M mutants of its reference.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stages.programs.matrix import Bools, Ints, Matrix
from stages.programs.task import Suite, Task
from stages.verify_code.measuring import Measured

COUNTED = (
    *("unparsable", "oversized", "duplicate", "surplus"),  # no test at all, not a new one, or more than asked for
    *("invalid", "flaky", "useless", "kept"),  # tests that were tried out
)
"""What becomes of a proposal: exactly one of these."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """The different programs of a task (S), what became of its tests under each (S, T), and how often each occurs (S,).

    `counts` are 1 where they are not given.
    """

    sources: tuple[str, ...]
    matrix: Matrix
    counts: Ints | None = None

    def __post_init__(self) -> None:
        assert len(self.matrix.passed) == len(self.sources) == len(set(self.sources))
        assert self.counts is None or self.counts.shape == (len(self.sources),)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A task to augment; `measured` is None where neither reference nor mutants were looked at."""

    task: Task
    known: Known
    measured: Measured | None


class NewTest(NamedTuple):
    """A test that was added.

    `name` is aug-<round>-<n>; `text` is the test for people; `origin` is the model. `validated` says who vouches for
    it. `kills` and `separates` are the mutants and the pairs of programs that it was the first to tell apart.
    """

    name: str
    text: str
    origin: str
    round: int
    validated: Literal["reference", "consensus"]
    kills: int
    separates: int


class RoundFacts(NamedTuple):
    """One round: what became of its proposals, by the names of COUNTED, and the mutation score before and after.

    `failure` is why there was no answer, empty if there was one. The scores are None without mutants. Both leave out
    the mutants that are still taken for equivalent after the last round.
    """

    round: int
    counts: Mapping[str, int]
    score_before: float | None
    score_after: float | None
    failure: str = ""

    @property
    def proposed(self) -> int:
        """All proposals."""
        return sum(self.counts.values())

    @property
    def validity(self) -> float | None:
        """Share of the proposals that hold, of use or not; None without proposals."""
        return (self.counts["useless"] + self.counts["kept"]) / self.proposed if self.proposed else None


@dataclass(frozen=True, kw_only=True)
class Augmented:
    """The tests that were added to a task, and what is known of them.

    `suite` holds the new tests alone, None without any; `tests` (P,) tells of each. `outcomes` (S, P) are names of
    programs.matrix.OUTCOMES. `killed` and `known` (M, P) are as in Measured, of the same mutants; `equivalent` (M,) are
    those that no proposal that holds has shown to differ. `prompt_tokens` and `completion_tokens` are those of the
    answers. `reason` says why nothing was asked: inproc or no_entry_point; else empty.
    """

    suite: Suite | None
    tests: tuple[NewTest, ...]
    outcomes: tuple[tuple[str, ...], ...]
    killed: Bools
    known: Bools
    equivalent: Bools
    rounds: tuple[RoundFacts, ...]
    prompt_tokens: int
    completion_tokens: int
    reason: str = ""

    @property
    def counts(self) -> Counter[str]:
        """What became of all proposals."""
        return sum((Counter(one.counts) for one in self.rounds), Counter[str]())
