"""From what a keep rule says to what is kept: vetoes, control arms, and few but different programs a task.

Shapes: N programs in the order of the runs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stages.core.errors import DataError
from stages.programs.keep import Decision
from stages.programs.matrix import FLAKY, Bools, Ints
from stages.programs.standings import Standings
from stages.verify_code.arms import arm
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.diversity import farthest_first, measure

if TYPE_CHECKING:
    from stages.verify_code.decide import Group, Programs

INPROC: Final = "inproc"


class Chosen(NamedTuple):
    """Which programs are kept, which could not be whatever the rule says, and why, all (N,); and facts as JSON."""

    kept: Bools
    doubtful: Bools
    reasons: list[str]
    facts: dict[str, object]


def choose(
    programs: "Programs",
    groups: "Sequence[Group]",
    standings: Standings,
    cluster: Ints,
    decision: Decision,
    config: VerifyCodeConfig,
) -> Chosen:
    """Apply to a rule's decision what else the options ask for; raises DataError where an arm has no pair."""
    if config.arm is not None:
        return _arm(programs, standings, config)
    kept, reasons = decision.kept.copy(), list(decision.reasons)
    inproc = programs.inproc & (not config.keep_inproc)
    # Flaky cells are left out of the rates: a program could shake off the tests that it fails.
    flaky = programs.flaky & (not config.keep_flaky)
    _veto(kept, reasons, inproc, f"{INPROC}: the program could have forged its result")
    _veto(kept, reasons, flaky, f"{FLAKY}: the program passes a test in one run and not in another")
    if config.keep_distinct is not None:
        kept, reasons = _distinct(programs, groups, standings, cluster, (kept, reasons), config)
    return Chosen(kept, inproc | flaky, reasons, {})


def diversity(programs: "Programs", groups: "Sequence[Group]", cluster: Ints, kept: Bools) -> dict[str, object]:
    """How many different programs are kept, and the mean over tasks of how far apart they are."""
    able = kept & (cluster >= 0)
    found = []
    for group in groups:
        places = group.places[able[group.places]]
        found.append(measure([programs.signature[place] or b"" for place in places], cluster[places]))
    distances = [one.mean_distance for one in found if one.mean_distance is not None]
    return {
        "clusters": sum(one.clusters for one in found),
        "mean_distance": float(np.mean(distances)) if distances else None,
    }


def lone_consensus(standings: Standings) -> float | None:
    """Share of the tasks with a passing program in which each program of the best consensus stands alone."""
    best = (standings.consensus >= 1) & (standings.passed > 0)
    tasks = np.unique(standings.task[best])
    agreed = np.unique(standings.task[best & (standings.group > 1)])
    return 1 - len(agreed) / len(tasks) if len(tasks) else None


def _veto(kept: Bools, reasons: list[str], doubtful: Bools, reason: str) -> None:
    for place in np.flatnonzero(kept & doubtful).tolist():
        kept[place], reasons[place] = False, reason


def _arm(programs: "Programs", standings: Standings, config: VerifyCodeConfig) -> Chosen:
    assert config.arm is not None
    length = programs.length.astype(np.float64)
    drawn = arm(config.arm, task=standings.task, truth=programs.truth, length=length, seed=config.run.seed)
    if not drawn.facts["pairs"]:
        raise DataError(
            f"--arm {config.arm} finds no pair of a right and a wrong program of one task and of like length among "
            f"{len(programs):,} programs, {drawn.facts['unknown_truth']:,} of which have no known truth. Give a column "
            "truth or held-out tests, or more programs a task."
        )
    reasons = [f"arm {config.arm}: {'drawn' if taken else 'not drawn'}" for taken in drawn.kept.tolist()]
    return Chosen(drawn.kept, np.zeros_like(drawn.kept), reasons, {"arm": drawn.facts})


def _distinct(
    programs: "Programs",
    groups: "Sequence[Group]",
    standings: Standings,
    cluster: Ints,
    before: tuple[Bools, list[str]],
    config: VerifyCodeConfig,
) -> tuple[Bools, list[str]]:
    """At most `keep_distinct` of the kept programs of each task."""
    assert config.keep_distinct is not None
    was_kept, reasons = before
    kept, reasons = np.zeros_like(was_kept), list(reasons)
    for group in groups:
        places = group.places[was_kept[group.places]]
        # What passes no test has no signature and cannot be told apart.
        able = np.array([place for place in places if programs.signature[place] is not None], dtype=np.int64)
        signatures = [programs.signature[place] or b"" for place in able]
        chosen = farthest_first(
            signatures, cluster[able], standings.pass_rate[able], config.keep_distinct, seed=config.run.seed
        )
        kept[able[chosen]] = True
        for place in places:
            if not kept[place]:
                reasons[place] = f"{reasons[place]}; not among the {config.keep_distinct} most different"
    return kept, reasons
