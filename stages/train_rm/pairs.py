"""Which two responses are compared, by rows that judge principles: matched pairs, so that both objectives learn alike.

Two responses are compared only if they answer one conversation and differ. Knows no tokens.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from stages.core.errors import DataError
from stages.core.row_fields import Answer
from stages.train_rm.batch import MicroBatch
from stages.train_rm.config import PairMode
from stages.train_rm.examples import Comparison, Example

NO_PAIR: Final = "no_pair"
"""The rule that drops rows with nothing to be compared with."""


class Arm(NamedTuple):
    """What one objective learned from: only arms of equal conversations and updates are called matched.

    `rows` are targets of entailment, `pairs` what Bradley-Terry compares; `tokens` are unique ones of one epoch,
    `updates` the optimiser steps of the whole run.
    """

    conversations: int
    responses: int
    rows: int
    pairs: int
    tokens: int
    updates: int

    def matches(self, other: "Arm") -> bool:
        """Whether the word "matched" may be used of the two."""
        return (self.conversations, self.updates) == (other.conversations, other.updates)


def compare(
    examples: Sequence[Example], preferences: Sequence[Comparison], mode: PairMode, margin: float
) -> list[Comparison]:
    """Return what Bradley-Terry learns from, in the order of conversations and rows.

    `principle`: one principle, one Yes and one No. `fulfilment`: another share of principles that say Yes; the
    difference of the shares adds to `margin`. `preference`: the preferences on conversations that have principle rows.
    Preferences without any principle row are taken as they are. `margin` adds to that of each pair.

    Raises:
        DataError: mode `preference` without a preference.
    """
    if not examples:
        pairs = list(preferences)
    elif mode == "preference":
        if not preferences:
            raise DataError(
                "--pairs preference needs preferences beside the principles, and no usable row holds one; add a file "
                "with prompt, chosen and rejected, or with context, response1, response2 and overall_preference."
            )
        judged = {example.conversation for example in examples}
        pairs = [pair for pair in preferences if pair.conversation in judged]
    else:
        pairs = _by_principle(examples) if mode == "principle" else _by_fulfilment(examples)
    return [pair._replace(margin=pair.margin + margin) for pair in pairs]


def opposites(examples: Sequence[Example]) -> list[tuple[int, int]]:
    """Return places, in `examples`, of two responses to one conversation of which only the first satisfies a principle.

    Every Yes with every No of equal conversation and family, unless the response is the same.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place, example in enumerate(examples):
        groups.setdefault((example.conversation, example.family), []).append(place)
    return [
        (yes, no)
        for places in groups.values()
        for yes in places
        for no in places
        if examples[yes].label and not examples[no].label and examples[yes].answer != examples[no].answer
    ]


def unpaired(places: Iterable[int], comparisons: Iterable[Comparison]) -> dict[int, str]:
    """Return the rule `no_pair` for each of the rows at `places` that no comparison rests on."""
    paired = {place for comparison in comparisons for place in comparison.places}
    return {place: NO_PAIR for place in places if place not in paired}


def measure_arm(
    conversations: Iterable[str], answers: Iterable[Answer], pieces: Iterable[MicroBatch], updates: int
) -> Arm:
    """Return the size of what one objective learns from, given all that an epoch computes."""
    batches = list(pieces)
    return Arm(
        conversations=len(set(conversations)),
        responses=len(set(answers)),
        rows=sum(len(batch.targets) for batch in batches),
        pairs=sum(len(batch.pairs) for batch in batches),
        tokens=sum(batch.num_tokens for batch in batches),
        updates=updates,
    )


def _by_principle(examples: Sequence[Example]) -> list[Comparison]:
    found = [(examples[yes], examples[no]) for yes, no in opposites(examples)]
    return [
        Comparison((yes.place,), (no.place,), yes.conversation, yes.answer, no.answer, 0.0, yes.family)
        for yes, no in found
    ]


def _by_fulfilment(examples: Sequence[Example]) -> list[Comparison]:
    """Every two responses of a conversation with other shares of Yes among their principles."""
    conversations: dict[str, dict[Answer, list[Example]]] = {}
    for example in examples:
        conversations.setdefault(example.conversation, {}).setdefault(example.answer, []).append(example)
    pairs = []
    for name, answers in conversations.items():
        judged = [(sum(row.label for row in rows) / len(rows), answer, rows) for answer, rows in answers.items()]
        pairs += [
            Comparison(
                better_rows=tuple(row.place for row in rows),
                worse_rows=tuple(row.place for row in worse_rows),
                conversation=name,
                better=answer,
                worse=worse,
                margin=share - worse_share,
                family=None,
            )
            for share, answer, rows in judged
            for worse_share, worse, worse_rows in judged
            if share > worse_share
        ]
    return pairs
