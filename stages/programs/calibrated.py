"""`calibrated:precision=0.9`: thresholds that labelled tasks vouch for, one for each bin of suite strength; our design.

Labels are `Standings.truth`. Tasks are dealt into folds, and the programs of a task are decided by what the labelled
tasks of the other folds say, so that no task calibrates itself; tasks without labels are decided by all labelled ones.
The precision that is reported is that of the labelled programs so decided.

Shapes: N programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np

from stages.core.errors import ConfigError, DataError
from stages.programs.calibration_facts import facts_of
from stages.programs.cross_fit import Fit, Limits, Problem, ScoreOf, deal_folds, strength_bins, strength_edges
from stages.programs.matrix import Bools
from stages.programs.rule import Decision, at_least, compared, did_you_mean
from stages.programs.scores import SCORES, ScoreName, features_of, fitted_score, plain_score
from stages.programs.standings import Ints, Standings

FEWEST_TASKS: Final = 20
FEWEST_PROGRAMS: Final = 50
"""Of known truth, in every bin."""

DRAWS: Final = 2000

_OPTIONS: Final = ("precision", "score", "bins")
_FORM: Final = f"calibrated:precision=0.9, with score={'|'.join(SCORES)} and bins=3 where wanted, after commas"


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """The smallest threshold of a score whose precision is, as sure as a 95 % interval is, at least `precision`."""

    name: str
    precision: float
    score: ScoreName
    num_bins: int
    seed: int
    columns: frozenset[str] = frozenset()

    def decide(self, standings: Standings) -> Decision:
        """Fit on programs of known truth, and decide about all.

        Raises:
            DataError: a bin has too few labelled tasks or programs, or no threshold reaches the precision.
        """
        problem = self._problem(standings)
        self._check_size(problem)
        whole = problem.fit(problem.known)
        self._check_reached(problem, whole)
        limits = problem.cross_fit(whole)
        kept = at_least(limits.score, limits.threshold)
        reasons = list(self._reasons(limits, kept, problem.bins, problem.num_bins))
        return Decision(kept, reasons, facts_of(self.score, problem, whole, kept, standings))

    def _problem(self, standings: Standings) -> Problem:
        scored = ~np.isnan(standings.pass_rate if self.score == "fitted" else plain_score(standings, self.score))
        known = ~np.isnan(standings.truth) & scored
        truth = known & (standings.truth > 0)
        edges = strength_edges(standings.strength[known], standings.task[known], self.num_bins)
        bins = strength_bins(standings.strength, edges, known)
        return Problem(
            truth=truth,
            known=known,
            task=standings.task,
            bins=bins,
            fold=deal_folds(standings.task, known, bins, seed=self.seed),
            num_bins=int(bins[known].max(initial=0)) + 1,
            score_of=self._scorer(standings, truth),
            target=self.precision,
            seed=self.seed,
            draws=DRAWS,
        )

    def _scorer(self, standings: Standings, truth: Bools) -> ScoreOf:
        if self.score != "fitted":
            score = plain_score(standings, self.score)
            return lambda _: score
        features, tested = features_of(standings), standings.total > 0
        return lambda train: np.where(tested, fitted_score(features, truth, train), np.nan)

    def _check_size(self, problem: Problem) -> None:
        for number in range(problem.num_bins):
            rows = problem.known & (problem.bins == number)
            tasks, programs = len(np.unique(problem.task[rows])), int(rows.sum())
            if tasks < FEWEST_TASKS or programs < FEWEST_PROGRAMS:
                where = f" in bin {number + 1} of {problem.num_bins} by suite strength" if problem.num_bins > 1 else ""
                fewer = ", or use fewer bins, such as bins=1" if problem.num_bins > 1 else ""
                raise DataError(
                    f"--keep {self.name}: {programs} programs of {tasks} tasks have tests and a known truth{where}, "
                    f"but it takes {FEWEST_PROGRAMS} of {FEWEST_TASKS}. Give more rows a truth or held-out tests"
                    f"{fewer}; or keep by a rule without labels, such as consensus."
                )

    def _check_reached(self, problem: Problem, whole: Fit) -> None:
        if any(search.found for search in whole.searches):
            return
        best = max(search.best for search in whole.searches)
        tasks = len(np.unique(problem.task[problem.known]))
        raise DataError(
            f"--keep {self.name}: with {int(problem.known.sum())} labelled programs of {tasks} tasks no threshold of "
            f"{self.score} has a precision whose 95 % lower bound is {self.precision:g}; the best reachable is "
            f"{np.floor(best * 1000) / 1000:g}. Ask for less, label more tasks, or name another score."
        )

    def _reasons(self, limits: Limits, kept: Bools, bins: Ints, num_bins: int) -> Iterator[str]:
        for score, threshold, one, number in zip(*limits, kept, bins, strict=True):
            where = f", bin {number + 1} of {num_bins}" if num_bins > 1 and number >= 0 else ""
            if np.isnan(score):
                yield f"{self.name}: no tests"
            elif np.isnan(threshold):
                yield f"{self.name}: no threshold is sure enough{where}"
            else:
                yield f"{self.name}: {self.score} {compared(score, threshold, kept=one)}{where}"


def parse_calibrated(name: str, rest: str | None, *, seed: int) -> Calibrated:
    """The rule whose options are `rest`, what stands behind the colon of `name`.

    Raises:
        ConfigError: an option is unknown, missing or out of bounds.
    """
    options: dict[str, str] = {}
    for part in (rest or "").split(","):
        option, equals, value = (piece.strip() for piece in part.partition("="))
        if option in options:
            _fail(name, f"{option} stands there twice.")
        if option and (option not in _OPTIONS or not equals):
            _fail(name, f"{part.strip()!r} is no option.{did_you_mean(option, _OPTIONS)}")
        options[option] = value
    if "precision" not in options:
        _fail(name, "the precision is missing.")
    return Calibrated(
        name=name,
        precision=_precision(name, options["precision"]),
        score=_score(name, options.get("score", "agreement")),
        num_bins=_num_bins(name, options.get("bins", "3")),
        seed=seed,
    )


def _precision(name: str, text: str) -> float:
    value = _number(text)
    if not 0 < value < 1:
        _fail(name, f"precision {text!r} is no share; give a number between 0 and 1.")
    return value


def _score(name: str, text: str) -> ScoreName:
    if text not in SCORES:
        _fail(name, f"{text!r} is no score.{did_you_mean(text, SCORES)}")
    return text


def _num_bins(name: str, text: str) -> int:
    value = _number(text)
    if not (1 <= value <= 20 and value == int(value)):
        _fail(name, f"bins {text!r} is no whole number from 1 to 20.")
    return int(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _fail(name: str, what: str) -> NoReturn:
    raise ConfigError(f"--keep {name!r}: {what} Write {_FORM}.")
