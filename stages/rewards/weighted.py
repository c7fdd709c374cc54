"""Several sources of rewards as one: the weighted sum of what they give, with the parts kept.

What a failed part means for the sum is decided here: never a 0.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from stages.core.rows import canonical
from stages.rewards.item import Reward, RewardItem, RewardResult, Status
from stages.rewards.tally import Tally

_SHOWN: Final = 3
"""How many failed completions a sentence names."""


class Source(NamedTuple):
    """A source under the name that its values are stored under, and its weight in the sum."""

    name: str
    weight: float
    reward: Reward


class WeightedReward:
    """A Reward: sum over sources of weight * value.

    A source that skips a completion leaves its term out; where all skip, so does the sum. An error of any source is one
    of the sum, without a value. So is a timeout, unless `timeout_value` says what the completion is worth then, as a
    whole; the status says timeout all the same. Completions that are equal in all that a source may look at are scored
    once.
    """

    def __init__(self, sources: Sequence[Source], *, timeout_value: float | None = None) -> None:
        assert sources
        self._sources = tuple(sources)
        self._timeout_value = timeout_value
        self._tally = Tally()
        self._repeated = 0

    @property
    def name(self) -> str:
        """The names of the sources with their weights."""
        return " + ".join(f"{source.weight:g} * {source.reward.name}" for source in self._sources)

    @property
    def best(self) -> float | None:
        """The sum where every source gives its largest value; None where one has none, or counts against the sum."""
        bests = [None if source.weight < 0 else source.reward.best for source in self._sources]
        known = [best for best in bests if best is not None]
        if len(known) < len(bests):
            return None
        # Rounded as a completion's sum is, so that the two can be compared.
        return math.fsum(source.weight * best for source, best in zip(self._sources, known, strict=True))

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """See Reward. The seconds of a result are the sum over sources."""
        keys = [content_key(item) for item in items]
        # Of equal completions the first is asked about.
        distinct = dict(zip(reversed(keys), reversed(items), strict=True))
        asked = {key: distinct[key] for key in dict.fromkeys(keys)}
        meter = _Meter(len(items), len(asked) * len(self._sources), advance)
        answers = [source.reward.score(list(asked.values()), meter.done) for source in self._sources]
        sums = [self._sum(parts) for parts in zip(*answers, strict=True)]
        meter.close()
        found = dict(zip(asked, sums, strict=True))
        self._repeated += len(items) - len(asked)
        results = [found[key] for key in keys]
        self._tally.add(results)
        return results

    def facts(self) -> dict[str, object]:
        """Results by status, those that repeat others and were not asked for, and the facts of each source by name."""
        own = {source.name: source.reward.facts() for source in self._sources}
        return self._tally.facts() | {"repeated": self._repeated, "sources": own}

    def close(self) -> None:
        """Close every source."""
        for source in self._sources:
            source.reward.close()

    def _sum(self, results: Sequence[RewardResult]) -> RewardResult:
        by_name = {source.name: result for source, result in zip(self._sources, results, strict=True)}
        given = {name: result for name, result in by_name.items() if result.status in ("ok", "no_answer")}
        parts = {name: result.value for name, result in given.items() if result.value is not None}
        value, status, detail = self._joined(by_name, parts)
        # what a source says of a completion besides stands under the source's name
        said = {f"{name}.{part}": own for name in parts for part, own in given[name].parts.items()}
        return RewardResult(value, status, parts | said, sum(result.seconds for result in results), detail)

    def _joined(
        self, by_name: Mapping[str, RewardResult], parts: Mapping[str, float]
    ) -> tuple[float | None, Status, str]:
        """Value, status and detail of the whole."""
        statuses = {result.status for result in by_name.values()}
        if "error" in statuses:
            return None, "error", _details(by_name, "error")
        if "timeout" in statuses:
            return self._timeout_value, "timeout", _details(by_name, "timeout")
        if statuses == {"skipped"}:
            return None, "skipped", _details(by_name, "skipped")
        given = {name: result for name, result in by_name.items() if result.status != "skipped"}
        bad = next((name for name in given if not math.isfinite(parts.get(name, math.nan))), None)
        if bad is not None:
            return None, "error", f"{bad}: it gave {given[bad].value!r}, which is no finite number."
        total = math.fsum(source.weight * parts[source.name] for source in self._sources if source.name in parts)
        status: Status = "no_answer" if "no_answer" in statuses else "ok"
        return total, status, _details(by_name, "no_answer")


def content_key(item: RewardItem) -> str:
    """sha256 in hex of all that decides about a completion's worth: the item but for its id."""
    return sha256(canonical([*item[1:5], dict(item.extra), *item[6:]])).hexdigest()


def failures(results: Sequence[RewardResult]) -> float:
    """The share of results whose scorer failed: timeouts, whatever they count as, and errors."""
    failed = sum(result.status in ("timeout", "error") for result in results)
    return failed / len(results) if results else 0.0


def failed_sentence(items: Sequence[RewardItem], results: Sequence[RewardResult]) -> str:
    """How many completions have no reward for a scorer's fault, the first of them by id, and why the first."""
    pairs = zip(items, results, strict=True)
    failed = [(item.id, result) for item, result in pairs if result.status in ("timeout", "error")]
    if not failed:
        return f"None of {len(results):,} completions lacks a reward for a scorer's fault."
    timeouts = sum(result.status == "timeout" for _, result in failed)
    named = ", ".join(name for name, _ in failed[:_SHOWN]) + (", ..." if len(failed) > _SHOWN else "")
    why = failed[0][1].detail or failed[0][1].status
    return (
        f"{len(failed):,} of {len(results):,} completions have no reward (timeouts {timeouts:,}, errors "
        f"{len(failed) - timeouts:,}): {named}. The first: {why}"
    )


def _details(by_name: Mapping[str, RewardResult], status: Status) -> str:
    said = [f"{name}: {result.detail or status}" for name, result in by_name.items() if result.status == status]
    return "; ".join(said)


class _Meter:
    """Turns work done into completions finished, in proportion; the rest is told at the end."""

    def __init__(self, items: int, work: int, advance: Callable[[int], None]) -> None:
        self._items, self._work, self._advance = items, work, advance
        self._done = self._told = 0

    def done(self, count: int) -> None:
        """So much more is done."""
        self._done += count
        self._tell(min(self._items, self._items * self._done // max(1, self._work)))

    def close(self) -> None:
        """All is done."""
        self._tell(self._items)

    def _tell(self, now: int) -> None:
        if now > self._told:
            self._advance(now - self._told)
            self._told = now
