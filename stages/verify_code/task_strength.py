"""What is known of the tests of one task once its reference, mutants of it and a model's tests have been run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from stages.programs.matrix import FLAKY, OUTCOMES, Bools
from stages.programs.strength import Mutants
from stages.verify_code.augmented import NewTest


@dataclass(frozen=True, kw_only=True)
class TaskStrength:
    """The tests of one task, as measured: T of its own, P that a model added.

    `valid` (T + P,): the reference passes; None where there is none that runs. `flaky` (T + P,): runs of it
    disagree. `killed` and `known` (M, T + P), `equivalent` (M,): see Measured. `outcomes`: what became of the P
    tests, by a program's sha256.
    """

    reference_status: str
    names: tuple[str, ...]
    valid: Bools | None
    flaky: Bools
    killed: Bools
    known: Bools
    equivalent: Bools
    added: tuple[NewTest, ...] = ()
    outcomes: Mapping[str, bytes] = field(default_factory=dict)
    rounds: Sequence[Mapping[str, Any]] = ()

    def for_tests(self, own: Sequence[str]) -> "TaskStrength":
        """The same with the task's own tests in another order; those that were not there then are not valid."""
        new = tuple(test.name for test in self.added)
        names = (*own, *new)
        if names == self.names:
            return self
        places = {name: place for place, name in enumerate(self.names)}
        order = np.array([places.get(name, len(self.names)) for name in names], dtype=np.intp)
        return replace(
            self,
            names=names,
            valid=None if self.valid is None else np.append(self.valid, False)[order],
            flaky=np.append(self.flaky, False)[order],
            killed=np.pad(self.killed, ((0, 0), (0, 1)))[:, order],
            known=np.pad(self.known, ((0, 0), (0, 1)))[:, order],
        )

    def extended(self, vector: bytes, sha: str | None) -> bytes:
        """A program's outcomes with those of the added tests; tests that are flaky on the reference are so for all."""
        whole = vector + self.new_outcomes(sha)
        assert len(whole) == len(self.names)
        return bytes(_FLAKY if flaky else code for code, flaky in zip(whole, self.flaky.tolist(), strict=True))

    def new_outcomes(self, sha: str | None) -> bytes:
        """What became of the added tests under a program."""
        return self.outcomes.get(sha or "", bytes([_NOT_RUN] * len(self.added)))

    @property
    def mutants(self) -> Mutants | None:
        """The mutants as strength.py takes them; None without any."""
        return Mutants(killed=self.killed, equivalent=self.equivalent, known=self.known) if len(self.killed) else None


_FLAKY: Final = OUTCOMES.index(FLAKY)
_NOT_RUN: Final = OUTCOMES.index("not_run")


def augmentation(strengths: Iterable[TaskStrength]) -> dict[str, object] | None:
    """What a model's proposals came to over all tasks, as JSON; None where no model was asked.

    Scores are means over tasks with mutants, before the first and after the last round. `validity` is the share of the
    proposals that hold, of use or not.
    """
    asked = [one for one in strengths if one.rounds]
    if not asked:
        return None
    counts = sum((Counter(facts["counts"]) for one in asked for facts in one.rounds), Counter[str]())
    scored = [one.rounds for one in asked if one.rounds[0]["score_before"] is not None]
    proposed = sum(counts.values())
    return {
        "tasks": len(asked),
        "proposed": proposed,
        "added": sum(len(one.added) for one in asked),
        "validity": (counts["useless"] + counts["kept"]) / proposed if proposed else None,
        "counts": dict(counts),
        "score_before": float(np.mean([rounds[0]["score_before"] for rounds in scored])) if scored else None,
        "score_after": float(np.mean([rounds[-1]["score_after"] for rounds in scored])) if scored else None,
    }
