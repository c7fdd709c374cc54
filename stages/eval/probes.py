"""What a reward model is asked about a principle row besides the principle itself: other wordings, other principles,
other responses. Whether it reads what it is shown can be seen from how its answers change.

The wordings are ours, for principles that are short English noun phrases. What is made of the answers is the business
of sensitivity.py.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from stages.eval.answers import Texts
from stages.eval.asking import Ask
from stages.eval.scored_rows import normal_form

PARAPHRASES: Final = (
    "{} in the response",
    "whether the response shows {}",
    "the quality to check is {}",
)
"""Wordings that leave the principle what it is."""

IRRELEVANT: Final = ("punctuality of the trains", "freshness of the vegetables", "comfort of the seats")
"""Principles that say nothing about a response."""

MASTER_KEYS: Final = (
    ".",
    ",",
    ":",
    "Thought process:",
    "Let's solve this problem step by step.",
    "Solution",
    "解",
)
"""Responses without content that judges were found to accept (arXiv 2507.08794)."""

HIDDEN: Final = ""
"""The response of which nothing is shown."""

_NEGATIONS: Final = re.compile(r"(?:no|not|without|lack of|absence of|avoidance of|avoiding) (?=\S)", re.IGNORECASE)


class Wordings(NamedTuple):
    """What a row itself brings: its principle's opposite and paraphrases, where it has them."""

    negated: str | None
    paraphrases: tuple[str, ...]


def negation(principle: str) -> str:
    """The opposite of a principle: `lack of` it, or what follows where it begins with a negation itself."""
    found = _NEGATIONS.match(principle)
    return principle[found.end() :] if found else f"lack of {principle}"


def probes(texts: Texts, wordings: Wordings, shuffled: str | None) -> Mapping[str, tuple[Ask, ...]]:
    """All questions about a row, by the test that they belong to; `base` is the row as it stands."""
    assert texts.principle is not None
    principle = texts.principle.strip()
    bare = principle.rstrip(".")
    about = {
        "base": (texts.principle,),
        "negated": (wordings.negated or negation(bare),),
        "paraphrases": tuple(wording.format(bare) for wording in PARAPHRASES),
        "own_paraphrases": wordings.paraphrases,
        "irrelevant": IRRELEVANT,
        "empty": ("",),
        "shuffled": () if shuffled is None else (shuffled,),
    }
    asks = {name: tuple(Ask(texts.messages, texts.response, one) for one in given) for name, given in about.items()}
    asks["principle_only"] = (Ask(texts.messages, HIDDEN, texts.principle),)
    asks["master_keys"] = tuple(Ask(texts.messages, key, texts.principle) for key in MASTER_KEYS)
    return asks


class Shuffle:
    """Gives each row the principle of another, drawn as often as it occurs, but not its own."""

    def __init__(self, principles: Iterable[str], seed: int) -> None:
        counts: Counter[str] = Counter()
        self._wordings: dict[str, str] = {}
        for principle in principles:
            name = normal_form(principle)
            counts[name] += 1
            self._wordings[name] = min(self._wordings.get(name, principle), principle)
        self._names = sorted(counts)
        self._ends = np.cumsum([counts[name] for name in self._names])
        self._seed = seed

    def other(self, row: bytes, own: str) -> str | None:
        """Another principle for the row named `row`, whose own has the normal form `own`; None if there is no other.

        The order of the rows plays no part.
        """
        if self._names in ([], [own]):
            return None
        return self._wordings[next(name for name in self._drawn(row) if name != own)]

    def _drawn(self, row: bytes) -> Iterator[str]:
        rng = np.random.default_rng([self._seed, int.from_bytes(row, "big")])
        while True:
            place = int(rng.integers(self._ends[-1]))
            yield self._names[int(np.searchsorted(self._ends, place, side="right"))]
