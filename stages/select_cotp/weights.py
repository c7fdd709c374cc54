"""How much each pattern of a core row's chain counts: its TF-IDF with the row's question as the document.

Which weights are legal is decided here; they are applied in `pattern_dtw.py`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from stages.core.errors import DataError
from stages.select_cotp.arrays import F32


def importance(
    chains: Sequence[Sequence[str]],
    questions: Sequence[str],
    *,
    idf: Literal["smooth", "plain"],
    weights: Literal["tfidf", "none"],
) -> list[F32]:
    """The weight of every element of every core row's chain: one float32 array a row, as long as its chain.

    TF(p, q) = count of pattern p in question q / count of all patterns in q, where the chains of all rows of q are
    pooled. With Q questions, df(p) of which have p, IDF(p) is ln((1 + Q) / (1 + df)) + 1 (smooth, always above 0) or
    ln(Q / df) (plain: a pattern that every question has weighs 0, and a mismatch of it is free). weights="none": all 1.

    `questions` names the question of each row. That the weight is TF times IDF over the core set's questions is the
    paper's; the normalisation of TF and the smoothing are ours. Raises DataError for a row all of whose weights are 0.
    """
    assert len(chains) == len(questions), (len(chains), len(questions))
    if weights == "none":
        return [np.ones(len(chain), dtype=np.float32) for chain in chains]
    counts: dict[str, Counter[str]] = {}
    for chain, question in zip(chains, questions, strict=True):
        counts.setdefault(question, Counter()).update(chain)
    with_pattern = Counter(pattern for count in counts.values() for pattern in count)
    rarity = {pattern: _idf(len(counts), df, idf) for pattern, df in with_pattern.items()}
    weighed = []
    for row, (chain, question) in enumerate(zip(chains, questions, strict=True)):
        count = counts[question]
        total = count.total()
        weighed.append(np.array([count[name] / total * rarity[name] for name in chain], dtype=np.float32))
        _check(weighed[-1], row, question)
    return weighed


def _idf(num_questions: int, df: int, kind: Literal["smooth", "plain"]) -> float:
    return math.log((1 + num_questions) / (1 + df)) + 1 if kind == "smooth" else math.log(num_questions / df)


def _check(weights: F32, row: int, question: str) -> None:
    if len(weights) and not weights.any():
        raise DataError(
            f"Row {row + 1} of the core set, question {question!r}: all its pattern weights are 0, because every "
            "question of the core set has these patterns; use --idf smooth or --weights none."
        )
