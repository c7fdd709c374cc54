"""The best and the worst response to each prompt, from scores and places alone: no texts are held.

Responses are compared within a group: those to one prompt, under one principle where principles are kept apart.
"""

from dataclasses import dataclass, field

Place = int
"""Where a scored row stands; the caller says how."""


@dataclass(slots=True)
class Group:
    """The first best and the first worst of the distinct responses of a group, and how many there are."""

    best: float
    best_at: Place
    worst: float
    worst_at: Place
    n: int = 1


@dataclass
class Standings:
    """All groups, in the order in which they were first met."""

    groups: list[Group] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict, init=False)
    _seen: set[bytes] = field(default_factory=set, init=False)

    def add(self, group: bytes, response: bytes, score: float, place: Place) -> int:
        """Enter one score; return the number of its group. A response that its group has already changes nothing."""
        number = self._numbers.setdefault(group, len(self.groups))
        if group + response in self._seen:
            return number
        self._seen.add(group + response)
        if number == len(self.groups):
            self.groups.append(Group(score, place, score, place))
            return number
        standing = self.groups[number]
        standing.n += 1
        if score > standing.best:
            standing.best, standing.best_at = score, place
        if score < standing.worst:
            standing.worst, standing.worst_at = score, place
        return number


def no_pair(group: Group, min_margin: float) -> str | None:
    """Why a group makes no pair: single_response, tie or small_margin; None where it makes one."""
    if group.n == 1:
        return "single_response"
    margin = group.best - group.worst
    if margin == 0:
        return "tie"
    return "small_margin" if margin < min_margin else None
