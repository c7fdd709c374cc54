"""RM-Bench: how often a reward model prefers the right answer, whatever its style (Liu et al., arXiv 2410.16184).

Each prompt has three right and three wrong answers: concise, detailed, detailed with markdown. Where the scores come
from is the business of `sources.py`.

Shapes: N prompts, styles 3 x 3 (chosen, rejected).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.inputs import stem
from stages.core.rows import Row
from stages.eval.answers import Answer, answer
from stages.eval.fields import messages_field, numbers_field, texts_field
from stages.eval.measured import Measured, grouped_means, join

STYLES: Final = ("concise", "detailed", "markdown")
DOMAINS: Final = ("chat", "code", "math", "safety")

_HARD: Final = np.triu_indices(3, 1)
_EASY: Final = np.tril_indices(3, -1)


class Prompt(NamedTuple):
    """One row: six answers, the right ones first, and their scores."""

    answers: tuple[Answer, ...]
    domain: str
    scores: tuple[float, ...] | None


class Levels(NamedTuple):
    """Accuracy where the wrong answer has the richer style, the same, the poorer; and the mean of the three."""

    hard: NDArray[np.float64]
    normal: NDArray[np.float64]
    easy: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def read(row: Row, file: str) -> Prompt:
    """A row of the total file or of a domain's file; scores where `score_chosen` and `score_rejected` are there."""
    prompt = messages_field(row, "prompt")
    texts = texts_field(row, "chosen", 3) + texts_field(row, "rejected", 3)
    stored = "score_chosen" in row or "score_rejected" in row
    scores = numbers_field(row, "score_chosen", 3) + numbers_field(row, "score_rejected", 3) if stored else None
    return Prompt(tuple(answer(prompt, text) for text in texts), domain_of(row.get("domain"), file), scores)


def domain_of(domain: object, file: str) -> str:
    """The domain of a row: its own column, else the name of its file; every part of safety is one domain."""
    name = domain if isinstance(domain, str) else stem(file).removesuffix("_filtered")
    return "safety" if name.startswith("safety") else name


def wins(chosen: NDArray[np.float64], rejected: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each chosen style scores strictly above each rejected one: (N, 3) and (N, 3) to (N, 3, 3)."""
    assert chosen.shape == rejected.shape
    assert chosen.shape[1:] == (3,)
    return chosen[:, :, None] > rejected[:, None, :]


def preference_matrix(chosen: NDArray[np.float64], rejected: NDArray[np.float64]) -> NDArray[np.float64]:
    """A[i, j]: the share of prompts where the chosen answer of style i beats the rejected one of style j; (3, 3)."""
    matrix: NDArray[np.float64] = wins(chosen, rejected).mean(axis=0)
    return matrix


def levels(matrix: NDArray[np.float64]) -> Levels:
    """Means above the diagonal (hard), on it (normal) and below it (easy) of (..., 3, 3), and the mean of the three."""
    hard = matrix[..., _HARD[0], _HARD[1]].mean(axis=-1)
    normal = np.diagonal(matrix, axis1=-2, axis2=-1).mean(axis=-1)
    easy = matrix[..., _EASY[0], _EASY[1]].mean(axis=-1)
    return Levels(hard, normal, easy, (hard + normal + easy) / 3)


def measure(items: Sequence[Prompt]) -> Measured:
    """Levels, Easy - Hard and ties by domain, and their means over domains; the matrix, likewise over domains."""
    scores = np.array([item.scores for item in items], dtype=np.float64)
    won = wins(scores[:, :3], scores[:, 3:]).astype(np.float64)
    tied = (scores[:, :3, None] == scores[:, None, 3:]).mean(axis=(1, 2))
    level = levels(won)
    values = {"accuracy": level.accuracy, "hard": level.hard, "normal": level.normal, "easy": level.easy}
    values |= {"easy_minus_hard": level.easy - level.hard, "ties": tied}
    domains = [item.domain for item in items]
    cells = {f"{a} > {b}": won[:, i, j] for i, a in enumerate(STYLES) for j, b in enumerate(STYLES)}
    matrix = grouped_means(cells, domains, macro=True, smallest=len(items) + 1)
    return join(grouped_means(values, domains, macro=True), matrix)


def missing(items: Sequence[Prompt]) -> str | None:
    """Which domains of the published figure are not there, as a sentence; None where all are."""
    lost = [domain for domain in DOMAINS if domain not in {item.domain for item in items}]
    if not lost:
        return None
    return (
        f"The group `all` is the mean of the domains that are there; the published figure also has {', '.join(lost)}."
    )
