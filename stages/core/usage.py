"""What one client did in this process, for the summary at the end of a run. Nothing of it is stored."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from stages.core.ask import Finished
from stages.core.budget import Budget, Spent, SpentOnDisk, spent_on
from stages.core.chat import CallFailure


@dataclass(kw_only=True)
class Usage:
    """Counters; `requests` are HTTP requests, retries and repairs included, `repairs` calls that needed one."""

    calls: int = 0
    from_journal: int = 0
    requests: int = 0
    repairs: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    spent: Spent = field(default_factory=Spent)

    def count(self, finished: Finished) -> None:
        """Count one finished call."""
        self.calls += 1
        self.requests += finished.attempts
        self.repairs += len(finished.entry.raw) > 1
        self.spent = self.spent.plus(spent_on(finished.entry))
        if isinstance(finished.outcome, CallFailure):
            self.failed[finished.outcome.reason] += 1

    def facts(self, budget: Budget) -> dict[str, object]:
        """The counters by name, JSON-serialisable; `cost_usd` only where prices are known."""
        return {
            "calls": self.calls,
            "from_journal": self.from_journal,
            "http_requests": self.requests,
            "repairs": self.repairs,
            "failed": dict(sorted(self.failed.items())),
        } | _tokens(self.spent, budget)


def recorded_usage(folder: Path, budget: Budget) -> dict[str, object]:
    """What the journals in `folder` hold, over all runs: for a run whose calls were made in several processes."""
    return {"counted_over": "all runs of this folder"} | _tokens(SpentOnDisk().total(folder), budget)


def _tokens(spent: Spent, budget: Budget) -> dict[str, object]:
    cost = budget.cost(spent)
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "calls_with_estimated_tokens": spent.estimated,
    } | ({} if cost is None else {"cost_usd": round(cost, 6)})
