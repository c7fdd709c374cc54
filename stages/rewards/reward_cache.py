"""Rewards that are kept on disk, so that a killed run does not compute them again.

For sources that are slow and give equal completions equal rewards: rm: in this process, and code:. A judge keeps its
own calls (core/journal.py); user code may look at anything, and math: is cheaper than its own line here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stages.core.journal import OK, Entry, Journal
from stages.core.rows import canonical
from stages.rewards.item import Reward, RewardItem, RewardResult
from stages.rewards.weighted import content_key

SHARE: Final = 128
"""Completions that are scored before they are written down: what a killed run loses."""


class CachedReward:
    """A Reward in front of another. Results that stand (ok, no_answer) are kept; failures are tried again.

    `settings` is what decides the rewards beside the source's name. The file belongs to one process at a time. Raises
    DataError where the file is damaged before its last line, OutputError where it cannot be written.
    """

    def __init__(self, reward: Reward, path: Path, settings: Mapping[str, object]) -> None:
        self._reward = reward
        self._journal = Journal(path)
        self._salt = canonical([reward.name, dict(settings)])
        self._found = 0

    @property
    def name(self) -> str:
        """The name of the source."""
        return self._reward.name

    @property
    def best(self) -> float | None:
        """The best of the source."""
        return self._reward.best

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """See Reward; the seconds of a result are those that it once took."""
        keys = [self._key(item) for item in items]
        results = [self._known(key) for key in keys]
        missing = [place for place, result in enumerate(results) if result is None]
        self._found += len(items) - len(missing)
        if len(missing) < len(items):
            advance(len(items) - len(missing))
        for start in range(0, len(missing), SHARE):
            share = missing[start : start + SHARE]
            scored = self._reward.score([items[place] for place in share], advance)
            for place, result in zip(share, scored, strict=True):
                results[place] = result
                self._keep(keys[place], result)
            self._journal.sync()
        return [result for result in results if result is not None]

    def facts(self) -> dict[str, object]:
        """The facts of the source, which count what it was asked, and the results that were `cached`."""
        return self._reward.facts() | {"cached": self._found}

    def close(self) -> None:
        """Close the file and the source."""
        self._journal.close()
        self._reward.close()

    def _key(self, item: RewardItem) -> str:
        return sha256(self._salt + content_key(item).encode()).hexdigest()

    def _known(self, key: str) -> RewardResult | None:
        entry = self._journal.answered(key)
        return None if entry is None else RewardResult(**json.loads(entry.raw[0]))

    def _keep(self, key: str, result: RewardResult) -> None:
        if result.status not in ("ok", "no_answer") or self._journal.answered(key) is not None:
            return
        fields: dict[str, Any] = result._asdict() | {"parts": dict(result.parts)}
        self._journal.add(Entry(key=key, outcome=OK, raw=(json.dumps(fields),)))
