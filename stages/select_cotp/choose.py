"""Which rows every arm selects, from the candidates: the assignment with its certificate, and the arms beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from stages.core.progress import Progress
from stages.select_cotp.arms import Arm, Nearest, arm_facts, from_assignment, greedy, knn, within
from stages.select_cotp.arms_random import random_matched, random_rows
from stages.select_cotp.arrays import I64, Candidates, Chosen
from stages.select_cotp.certificate import Solved, reach, solve, widen
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.finding import Finder
from stages.select_cotp.ground import MAIN, Ground

LEAST_CANDIDATES: Final = 64

Selected = TypeVar("Selected", Arm, Nearest)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What each arm selects, by name, the method first; `main` is the arm whose rows are written."""

    arms: Mapping[str, Chosen]
    main: str
    facts: Mapping[str, object]


def first_nearest(config: SelectCotpConfig, ground: Ground) -> I64:
    """How many candidates are kept for each core row at first, (C,)."""
    most = max(1, int(ground.pool.eligible.sum()))
    each = int(ground.capacity.max())
    return np.full(len(ground.core), min(max(first_of(config, each), each), most), dtype=np.int64)


def first_of(config: SelectCotpConfig, per_core: int) -> int:
    """The number of candidates where the pool has as many."""
    return config.candidates or max(LEAST_CANDIDATES, 4 * per_core)


def choose(finder: Finder, found: Sequence[Candidates], nearest: I64, progress: Progress) -> Selection:
    """Select by every arm that the options name.

    Raises:
        DataError: fewer rows can be selected than are asked for.
    """
    return _Choosing(finder, found, nearest, progress).choose()


class _Lists:
    """The candidate lists of one objective, which grow where they turn out too short."""

    def __init__(self, finder: Finder, objective: int, found: Candidates, nearest: I64, progress: Progress) -> None:
        self._finder, self._objective, self._progress = finder, objective, progress
        self.found, self.nearest = found, nearest
        self.pool_rows = int(finder.ground.pool.eligible.sum())

    def more(self, nearest: I64) -> Candidates:
        """The lists with `nearest` (C,) pairs each; those that are as long as before are not looked for again."""
        longer = nearest > self.nearest
        if longer.any():
            new = self._finder.again(np.where(longer, nearest, 0), self._progress)[self._objective]
            both = [self.found.take(~longer[self.found.core]), new]
            merged = Candidates(*(np.concatenate(columns) for columns in zip(*both, strict=True)))
            self.found = merged.take(np.argsort(merged.core, kind="stable"))
            self.nearest = np.maximum(nearest, self.nearest)
        return self.found

    def until_sure(self, select: Callable[["_Lists"], Selected]) -> Selected:
        """What an arm selects once no longer list could change it."""
        while True:
            arm = select(self)
            if not len(arm.short):
                return arm
            wider = widen(self.nearest, arm.short, self.pool_rows)
            if not (wider > self.nearest).any():
                return arm
            self.more(wider)


class _Choosing:
    """The arms of one run, one after the other."""

    def __init__(self, finder: Finder, found: Sequence[Candidates], nearest: I64, progress: Progress) -> None:
        self._config, self._ground = finder.config, finder.ground
        self._lists = [_Lists(finder, place, one, nearest, progress) for place, one in enumerate(found)]
        self._facts = finder.ground.pool.facts(finder.ground.shortfall)
        self._certificates: dict[str, dict[str, object]] = {}
        self._distinct: dict[str, int] = {}

    def choose(self) -> Selection:
        config, names = self._config, self._config.arm_names
        arms: dict[str, Chosen] = {}
        # control arms are drawn to match the selection by distance, whichever arm is written
        likened = "assign" if config.method.startswith("random") else config.method
        reference = self._by_distance(likened, MAIN, likened)
        for name in (config.method, *config.control_arms):
            arms[name] = reference if name == likened else self._arm(name, reference)
        for place in range(1, len(self._lists)):
            name = names[len(arms)]
            arms[name] = self._by_distance(name.partition(":")[0], place, name)
        main = config.output_arm or config.method
        return Selection(arms=arms, main=main, facts=self._told(arms, main))

    def _arm(self, method: str, reference: Chosen) -> Chosen:
        seed = self._config.run.seed
        if method in ("random-matched", "random-length"):
            return random_matched(self._facts, reference.position, seed, length_alone=method == "random-length")
        if method == "random":
            if self._config.tokens is None:
                return random_rows(self._facts, seed, total=len(reference))
            at = np.searchsorted(self._facts.position, reference.position)
            return random_rows(self._facts, seed, tokens=int(self._facts.tokens[at].sum()))
        return self._by_distance(method, MAIN, method)

    def _by_distance(self, method: str, objective: int, name: str) -> Chosen:
        lists, capacity = self._lists[objective], self._ground.capacity
        if method == "assign":
            return self._assigned(lists, name)
        if method == "within":
            limit = self._config.max_distance
            assert limit is not None
            return lists.until_sure(
                lambda own: within(own.found, limit, reach(own.found, own.nearest, own.pool_rows))
            ).chosen
        if method == "greedy":
            arm = lists.until_sure(lambda own: greedy(_near(own, self._config), capacity, _reach(own, self._config)))
            return arm.chosen
        total = int(capacity.sum())
        near = lists.until_sure(lambda own: knn(_near(own, self._config), capacity, total, _reach(own, self._config)))
        self._distinct[name] = near.distinct
        return near.chosen

    def _assigned(self, lists: _Lists, name: str) -> Chosen:
        solved = solve(
            lists.more,
            lists.found,
            lists.nearest,
            self._ground.capacity,
            lists.pool_rows,
            max_gap=self._config.max_gap,
            max_distance=self._config.max_distance,
        )
        chosen = from_assignment(solved.candidates, solved.assignment.edges)
        self._certificates[name] = _certificate(solved, chosen)
        return chosen

    def _told(self, arms: Mapping[str, Chosen], main: str) -> dict[str, object]:
        """What is stored of the selection; can be written as JSON."""
        config, ground, first = self._config, self._ground, next(iter(arms.values()))
        found: list[dict[str, Any]] = [self._pool_facts()]
        for name, chosen in arms.items():
            at = np.searchsorted(self._facts.position, chosen.position)
            figures = arm_facts(chosen, first, self._facts)._asdict()
            found.append({"arm": name, **figures, "questions": len(np.unique(self._facts.question[at]))})
        return {
            "main": main,
            "rows": len(arms[main]),
            "arms": found,
            "certificate": self._certificates.get(config.method),
            "certificates": self._certificates,
            "distinct_nearest": self._distinct,
            "scales": list(ground.scales),
            "lambda": config.lambda_,
            "core_rows": len(ground.core),
            "per_core": int(ground.capacity.max()),
            "dropped": ground.pool.drops(),
            **ground.told,
        }

    def _pool_facts(self) -> dict[str, Any]:
        facts = self._facts
        known = facts.correct[facts.correct >= 0]
        return {
            "arm": "pool",
            "rows": len(facts),
            "tokens": int(facts.tokens.sum()),
            "mean_tokens": float(facts.tokens.mean()) if len(facts) else None,
            "mean_chars": float(facts.chars.mean()) if len(facts) else None,
            "share_correct": float(known.mean()) if len(known) else None,
            "overlap": None,
            "mean_distance": None,
            "questions": len(np.unique(facts.question)),
        }


def _near(lists: _Lists, config: SelectCotpConfig) -> Candidates:
    """The candidates that --max-distance leaves."""
    limit = config.max_distance
    return lists.found if limit is None else lists.found.take(lists.found.distance <= limit)


def _reach(lists: _Lists, config: SelectCotpConfig) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How far lists are complete; beyond --max-distance nothing is missing."""
    found = reach(lists.found, lists.nearest, lists.pool_rows)
    if config.max_distance is not None:
        found[found > config.max_distance] = np.inf
    return found


def _certificate(solved: Solved, chosen: Chosen) -> dict[str, object]:
    """The certificate as JSON holds it."""
    found = solved.certificate
    return {
        "certified": found.certified,
        "gap": found.gap,
        "distance": float(chosen.distance.sum()),
        "empty": int(solved.assignment.empty.sum()),
        "rounds": solved.rounds,
        "infeasible_rounds": solved.infeasible_rounds,
    }
