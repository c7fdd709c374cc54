"""What a reward model is asked, each thing once, and its answers on disk, so that a killed run does not ask again.

Which questions a benchmark has is the business of interview.py and sensitivity.py.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from stages.core.chat import Message
from stages.core.journal import Entry, Journal
from stages.core.rows import Problem
from stages.eval.answers import digest
from stages.eval.fields import Unfit
from stages.rewards.model import Judgement, Query, RewardModel

_BATCH: Final = 512
"""Judgements after which the model is called and its answers are stored; what a killed run loses at most."""


class Ask(NamedTuple):
    """One judgement that is wanted: of a response to a conversation, under a principle."""

    messages: tuple[Message, ...]
    response: str
    principle: str


Opinion = Judgement | Problem
"""What comes of an Ask: a judgement, or why there is none."""


def judgement_of(opinion: Opinion) -> Judgement:
    """The judgement; Unfit where the model had a problem instead."""
    if isinstance(opinion, Problem):
        raise Unfit(*opinion)
    return opinion


class Opinions:
    """The opinions of one model. `about` is all that decides them besides the texts: its name, options, seed.

    Unless `by_principle`, principles make no difference and are left out of the question.
    """

    def __init__(self, journal: Journal, about: Mapping[str, object], *, by_principle: bool) -> None:
        self._journal = journal
        self._about = about
        self._by_principle = by_principle
        self._problems: dict[str, Problem] = {}

    def find(self, ask: Ask) -> Opinion:
        """The opinion on something that was asked."""
        key = self.key(ask)
        entry = self._journal.answered(key)
        return self._problems[key] if entry is None else Judgement(*json.loads(entry.raw[0]))

    def key(self, ask: Ask) -> str:
        """What names the question: equal for equal texts."""
        principle = ask.principle if self._by_principle else None
        return digest([self._about, [list(message) for message in ask.messages], ask.response, principle]).hex()

    def knows(self, key: str) -> bool:
        """Whether the answer is on disk. Problems are not: a later run may have better luck."""
        return self._journal.answered(key) is not None

    def ask(self, model: RewardModel, asks: Sequence[Ask], advance: Callable[[int], None]) -> None:
        """Ask the model, all principles of one response together; `advance` is told of responses finished."""
        groups: dict[tuple[tuple[Message, ...], str], list[Ask]] = {}
        for ask in asks:
            groups.setdefault((ask.messages, ask.response), []).append(ask)
        queries = [
            Query(messages, response, [ask.principle for ask in group] if self._by_principle else ())
            for (messages, response), group in groups.items()
        ]
        for group, opinions in zip(groups.values(), model.judge(queries, advance), strict=True):
            for ask, opinion in zip(group, opinions, strict=True):
                self._add(self.key(ask), opinion)
        self._journal.sync()

    def close(self) -> None:
        """Put the answers on disk in an order that does not depend on when they came."""
        self._journal.compact()

    def _add(self, key: str, opinion: Opinion) -> None:
        if isinstance(opinion, Problem):
            self._problems[key] = opinion
        else:
            kept = opinion._replace(reasoning=None)
            self._journal.add(Entry(key=key, outcome="ok", raw=(json.dumps(kept),)))


def ask_all(
    model: RewardModel, opinions: Opinions, wanted: Iterable[Sequence[Ask]], advance: Callable[[int], None]
) -> None:
    """Ask everything that is wanted, row by row, and that is not known; `advance` is told of rows finished.

    Where batches begin depends on the rows alone, and a batch of which anything is missing is asked as a whole: what
    is computed together, and with it every rounding, is the same in a run that was killed and in one that was not.
    """
    seen: set[str] = set()
    batch: dict[str, Ask] = {}
    rows = 0
    for asks in wanted:
        batch |= {key: ask for ask in asks if (key := opinions.key(ask)) not in seen}
        seen |= batch.keys()
        rows += 1
        if len(batch) >= _BATCH:
            _ask_batch(model, opinions, batch, rows, advance)
            batch, rows = {}, 0
    _ask_batch(model, opinions, batch, rows, advance)


def _ask_batch(
    model: RewardModel, opinions: Opinions, batch: Mapping[str, Ask], rows: int, advance: Callable[[int], None]
) -> None:
    total = len({ask[:2] for ask in batch.values()})
    done = told = 0

    def tell(queries: int) -> None:
        nonlocal done, told
        done += queries
        advance(rows * done // total - told)
        told = rows * done // total

    if not all(map(opinions.knows, batch)):
        opinions.ask(model, list(batch.values()), tell)
    advance(rows - told)
