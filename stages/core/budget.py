"""What model calls have cost in tokens and money, counted from journals, and when that is enough."""

from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from stages.core.journal import Entry, read_journal
from stages.core.options import LlmOptions


class Spent(NamedTuple):
    """Tokens of every answer received, unusable ones included; `estimated` counts calls whose server gave no usage."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """The sum of both."""
        return Spent(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The limits of a run and the prices behind them, in USD per million tokens; None is no limit."""

    max_tokens: int | None
    max_cost: float | None
    price_in: float | None
    price_out: float | None

    @classmethod
    def of(cls, options: LlmOptions) -> "Budget":
        """The budget that the options name."""
        return cls(
            max_tokens=options.max_tokens,
            max_cost=options.max_cost,
            price_in=options.price_in,
            price_out=options.price_out,
        )

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.max_tokens is not None or self.max_cost is not None

    def cost(self, spent: Spent) -> float | None:
        """USD; None where a price is not known."""
        if self.price_in is None or self.price_out is None:
            return None
        return (spent.prompt_tokens * self.price_in + spent.completion_tokens * self.price_out) / 1e6

    def reached(self, spent: Spent) -> str | None:
        """The sentence that says which limit is reached and how to go on; None while there is budget left."""
        tokens, cost = spent.prompt_tokens + spent.completion_tokens, self.cost(spent)
        guess = " (partly estimated: the server does not count tokens)" if spent.estimated else ""
        if self.max_cost is not None and cost is not None and cost >= self.max_cost:
            limit = f"USD {_money(cost)}{guess} of --max-cost {self.max_cost:g}"
        elif self.max_tokens is not None and tokens >= self.max_tokens:
            limit = f"{tokens} tokens{guess} of --max-tokens {self.max_tokens}"
        else:
            return None
        return (
            f"The budget is spent: {limit}. Raise the limit and run the same command to go on; nothing is asked twice."
        )


class SpentOnDisk:
    """The sum over all journals of a folder; a file is read again only when it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Spent]] = {}

    def total(self, folder: Path) -> Spent:
        """What the folder's journals hold now, those of other workers included."""
        result = Spent()
        for path in sorted(folder.glob("*.jsonl")):
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if path not in self._known or self._known[path][0] != stamp:
                entries = read_journal(path).values()
                self._known[path] = stamp, reduce(Spent.plus, map(spent_on, entries), Spent())
            result = result.plus(self._known[path][1])
        return result


def spent_on(entry: Entry) -> Spent:
    """What one call cost, its bad first answer included."""
    return Spent(
        sum(asked for asked, _ in entry.tokens), sum(answered for _, answered in entry.tokens), int(entry.estimated)
    )


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"
