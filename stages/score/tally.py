"""What a person wants to know of many scores: mean and share of Yes of each principle, and how often scores tie.

Sums are kept, so that parts can be merged in any number; ties are counted among the responses to one prompt that stand
in one part.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from stages.core.rows import canonical


class Sums(NamedTuple):
    """Of one principle: scores, their sum, how many say Yes, and the sum of the calibrated probabilities if any."""

    n: int = 0
    score: float = 0.0
    yes: int = 0
    p_yes: float | None = None


@dataclass
class Tally:
    """The sums of a part, or of several. `scored` is by principle, "" where the model reads none."""

    scored: dict[str, Sums] = field(default_factory=dict)
    pairs: int = 0
    ties: int = 0
    _groups: dict[bytes, dict[bytes, float]] = field(default_factory=dict, init=False)

    def add(self, principle: str | None, score: float, p_yes: float | None) -> None:
        """Count one score; without a calibrated probability, Yes is a score above 0."""
        old = self.scored.get(principle or "", Sums())
        yes = score > 0 if p_yes is None else p_yes > 0.5
        p_sum = old.p_yes if p_yes is None else (old.p_yes or 0.0) + p_yes
        self.scored[principle or ""] = Sums(old.n + 1, old.score + score, old.yes + yes, p_sum)

    def compare(self, prompt: object, completion: object, principle: str | None, score: float) -> None:
        """Take note of the score of one response to a prompt; equal responses count once."""
        self._groups.setdefault(digest([prompt, principle]), {})[digest(completion)] = score

    def to_json(self) -> dict[str, Any]:
        """The sums as JSON; `merge` reads them."""
        groups = [Counter(scores.values()) for scores in self._groups.values()]
        pairs = sum(_pairs(sum(counts.values())) for counts in groups)
        ties = sum(_pairs(count) for counts in groups for count in counts.values())
        return {"scored": self.scored, "pairs": pairs, "ties": ties}

    def merge(self, stored: Mapping[str, Any]) -> None:
        """Add the sums of a part."""
        for principle, values in stored["scored"].items():
            new, old = Sums(*values), self.scored.get(principle, Sums())
            p_sum = None if old.p_yes is None and new.p_yes is None else (old.p_yes or 0.0) + (new.p_yes or 0.0)
            self.scored[principle] = Sums(old.n + new.n, old.score + new.score, old.yes + new.yes, p_sum)
        self.pairs += stored["pairs"]
        self.ties += stored["ties"]

    def facts(self, most: int) -> dict[str, Any]:
        """For the manifest: the `most` frequent principles, the rest counted, and ties."""
        ordered = sorted(self.scored.items(), key=lambda item: (-item[1].n, item[0]))
        return {
            "principles": [_described(name, sums) for name, sums in ordered[:most]],
            "principles_in_all": len(ordered),
            "compared_pairs": self.pairs,
            "tied_pairs": self.ties,
        }


def digest(value: object) -> bytes:
    """Sixteen bytes that are equal where two values are, as JSON."""
    return blake2b(canonical(value), digest_size=16).digest()


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _described(name: str, sums: Sums) -> dict[str, Any]:
    return {
        "principle": name or None,
        "n": sums.n,
        "mean_score": sums.score / sums.n,
        "yes_rate": sums.yes / sums.n if name else None,
        "mean_p_yes": None if sums.p_yes is None else sums.p_yes / sums.n,
    }
