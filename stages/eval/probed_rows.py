"""A principle row together with what a reward model answered to the questions of probes.py.

What is made of the answers is the business of sensitivity.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stages.core.rows import Problem, Row
from stages.eval.answers import Answer, answer, digest, prompt_text
from stages.eval.asking import Ask, Opinion, judgement_of
from stages.eval.fields import Unfit, bool_field, messages_field, text_field, texts_field
from stages.eval.probes import Shuffle, Wordings, probes
from stages.eval.scored_rows import normal_form
from stages.rewards.calibration import sigmoid
from stages.rewards.model import Judgement


class Found(NamedTuple):
    """What the model said of one row: log-odds, and probabilities `p_...`; NaN where it had a problem.

    Probabilities are calibrated where the model is. `own_paraphrases` are empty where the row has none, `p_shuffled`
    NaN where there is no other principle. `masses` are p(Yes) + p(No) under the row's principle, its other wordings and
    the shuffled one, NaN where it was not computed.
    """

    base: float
    p_base: float
    masses: tuple[float, ...]
    negated: float
    paraphrases: tuple[float, ...]
    own_paraphrases: tuple[float, ...]
    p_irrelevant: tuple[float, ...]
    empty: float
    p_shuffled: float
    principle_only: float
    p_principle_only: float
    p_master_keys: tuple[float, ...]


class Probed(NamedTuple):
    """A principle row: a number that equal prompts share, the normal form of the principle, the label; what was found.

    `wordings` are the row's own, dropped with its texts.
    """

    answers: tuple[Answer, ...]
    conversation: int
    principle: str
    label: bool
    wordings: Wordings
    found: Found | None


def read(row: Row, file: str) -> Probed:
    """A row with `prompt`, `completion`, `principle`, `label`, and `negated` and `paraphrases` where it has them."""
    prompt, completion = messages_field(row, "prompt"), text_field(row, "completion")
    principle = text_field(row, "principle")
    if not principle.strip():
        raise Unfit("empty_principle", "principle", "field 'principle' is empty; a row needs a principle to vary.")
    negated = text_field(row, "negated") if row.get("negated") is not None else None
    paraphrases = texts_field(row, "paraphrases") if row.get("paraphrases") is not None else ()
    return Probed(
        answers=(answer(prompt, completion, principle),),
        conversation=int.from_bytes(digest(prompt_text(prompt))[:7], "big"),
        principle=normal_form(principle),
        label=bool_field(row, "label"),
        wordings=Wordings(negated, paraphrases),
        found=None,
    )


@dataclass(frozen=True)
class Probing:
    """The interview of this benchmark."""

    shuffle: Shuffle

    def asks(self, item: Probed) -> tuple[Ask, ...]:
        """All questions about a row."""
        return tuple(ask for asks in self._probes(item).values() for ask in asks)

    def judged(self, item: Probed, opinions: Sequence[Opinion]) -> Probed:
        """The row with what was found; a problem with the row as it stands rejects it."""
        rest = iter(opinions)
        by_test = {name: [next(rest) for _ in asks] for name, asks in self._probes(item).items()}
        base = judgement_of(by_test["base"][0])
        return item._replace(found=_found(base, by_test), wordings=Wordings(None, ()))

    def _probes(self, item: Probed) -> dict[str, tuple[Ask, ...]]:
        texts = item.answers[0].texts
        assert texts is not None
        return dict(probes(texts, item.wordings, self.shuffle.other(item.answers[0].key, item.principle)))


def _found(base: Judgement, by_test: dict[str, list[Opinion]]) -> Found:
    spoken = [one for name in ("base", "negated", "paraphrases", "shuffled") for one in by_test[name]]
    scores = {name: [_score(one) for one in opinions] for name, opinions in by_test.items()}
    return Found(
        base=base.score,
        p_base=_p_yes(base),
        masses=tuple(_mass(one) for one in spoken) + (math.nan,) * (1 - len(by_test["shuffled"])),
        negated=scores["negated"][0],
        paraphrases=tuple(scores["paraphrases"]),
        own_paraphrases=tuple(scores["own_paraphrases"]),
        p_irrelevant=tuple(map(_p_yes, by_test["irrelevant"])),
        empty=scores["empty"][0],
        p_shuffled=next(map(_p_yes, by_test["shuffled"]), math.nan),
        principle_only=scores["principle_only"][0],
        p_principle_only=_p_yes(by_test["principle_only"][0]),
        p_master_keys=tuple(map(_p_yes, by_test["master_keys"])),
    )


def _score(opinion: Opinion) -> float:
    return math.nan if isinstance(opinion, Problem) else opinion.score


def _mass(opinion: Opinion) -> float:
    return math.nan if isinstance(opinion, Problem) or opinion.mass is None else opinion.mass


def _p_yes(opinion: Opinion) -> float:
    """The calibrated probability, or that of the raw log-odds where the model is not calibrated."""
    if isinstance(opinion, Problem):
        return math.nan
    return float(sigmoid(np.array([opinion.score]))[0]) if opinion.p_yes is None else opinion.p_yes
