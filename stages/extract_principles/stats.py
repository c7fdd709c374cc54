"""What the end of a run needs to know of all parts: votes, the threshold curve, and how often each principle occurs.

A part keeps its sums as JSON; sums of parts merge. Nothing is decided here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.extract_principles.agreement import vote_pattern
from stages.extract_principles.consensus import Unit
from stages.extract_principles.curve import CurveTally, Step, tally_from_json

NO_DOMAIN = "unknown"
"""The name under which rows without a domain, or with a blank one, are counted."""


@dataclass
class Stats:
    """Sums over responses.

    `votes` maps a domain to how often each vote pattern occurs (see `agreement.vote_pattern`); `names` maps a domain
    to {principle: [rows with yes, rows with no]}. `matches` counts mentions by the ten-wide bin of their match.
    """

    votes: dict[str, Counter[str]] = field(default_factory=dict)
    names: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    curve: CurveTally = field(default_factory=CurveTally)
    matches: Counter[str] = field(default_factory=Counter)

    def add_votes(self, domain: str | None, units: Iterable[Unit]) -> None:
        """Count the votes of one response."""
        pattern = vote_pattern((unit.yes, unit.no) for unit in units)
        if pattern:
            self.votes.setdefault(_named(domain), Counter())[pattern] += 1

    def add_curve(self, steps: Iterable[tuple[Step, ...]]) -> None:
        """Count what one response gives at each threshold."""
        self.curve.add(list(steps))

    def add_row(self, domain: str | None, principle: str, label: bool) -> None:
        """Count one row that is written."""
        counts = self.names.setdefault(_named(domain), {}).setdefault(principle, [0, 0])
        counts[0 if label else 1] += 1

    def merge(self, other: "Stats") -> None:
        """Add the sums of another part."""
        for domain, patterns in other.votes.items():
            self.votes.setdefault(domain, Counter()).update(patterns)
        for domain, names in other.names.items():
            mine = self.names.setdefault(domain, {})
            for name, (yes, no) in names.items():
                counts = mine.setdefault(name, [0, 0])
                counts[0], counts[1] = counts[0] + yes, counts[1] + no
        self.curve.merge(other.curve)
        self.matches.update(other.matches)

    def to_json(self) -> dict[str, object]:
        """A value that JSON can hold."""
        votes = {domain: dict(patterns) for domain, patterns in self.votes.items()}
        return {"votes": votes, "names": self.names, "curve": self.curve.to_json(), "matches": dict(self.matches)}


def stats_from_json(stored: Mapping[str, Any]) -> Stats:
    """Read back what `Stats.to_json` gave."""
    votes = {domain: Counter(patterns) for domain, patterns in stored["votes"].items()}
    return Stats(votes, stored["names"], tally_from_json(stored["curve"]), Counter(stored["matches"]))


def _named(domain: str | None) -> str:
    return domain if domain is not None and domain.strip() else NO_DOMAIN
