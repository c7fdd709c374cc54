"""Best of n: how often the sample is right that a reward model prefers, and what others would have chosen.

Reads problems with several sampled answers, each right or wrong, with its score. Beside the reward model: the mean
sample, the most frequent answer, and the best there is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.rows import Row
from stages.eval.answers import Answer, answer, prompt_text
from stages.eval.fields import Unfit, bool_field, messages_field, number_field, numbers_field, text_field, texts_field
from stages.eval.measured import Measured, grouped_means
from stages.eval.pass_at_k import pass_at_k


class Samples(NamedTuple):
    """Samples of one problem: whether each is right, what it answers (None where that is not known), its score."""

    answers: tuple[Answer, ...]
    problem: str
    correct: tuple[bool, ...]
    replies: tuple[str, ...] | None
    scores: tuple[float, ...] | None


def read(row: Row, file: str) -> Samples:
    """All samples of a problem in one row (`code`, `pred`, `score`, `pred_score`), or one sample a row.

    The latter has `completion`, `correct` and `score`, and `question_id`, or the same prompt as the problem's others.
    """
    if "pred" not in row:
        return _read_sample(row)
    replies, texts = texts_field(row, "pred"), texts_field(row, "code")
    correct = row.get("score")
    lengths = {len(replies), len(texts), len(correct) if isinstance(correct, list) else 0}
    if not isinstance(correct, list) or not all(isinstance(item, bool) for item in correct):
        raise Unfit("bad_type", "score", "field 'score' must say true or false for every sample.")
    if len(lengths) > 1 or not replies:
        raise Unfit("bad_length", "score", "fields 'code', 'pred' and 'score' must have one entry for every sample.")
    question = messages_field(row, "question")
    scores = numbers_field(row, "pred_score", len(replies)) if row.get("pred_score") is not None else None
    answers = tuple(answer(question, text) for text in texts)
    return Samples(answers, prompt_text(question), tuple(correct), replies, scores)


def best_of_k(correct: Sequence[bool], scores: Sequence[float], k: int) -> float:
    """The chance that the highest-scored of k samples, drawn without replacement, is right; the earlier wins a tie.

    Over all C(n, k) choices: the sample with r - 1 below it is the best of C(r - 1, k - 1) of them.
    """
    n = len(correct)
    assert len(scores) == n
    assert 1 <= k <= n
    order = sorted(range(n), key=lambda place: (scores[place], -place))
    ways = sum(comb(rank, k - 1) for rank, place in enumerate(order) if correct[place])
    return ways / comb(n, k)


def majority(replies: Sequence[str], correct: Sequence[bool]) -> bool:
    """Whether the most frequent reply is right; of equally frequent ones the earliest is taken."""
    counts = Counter(replies)
    place = max(range(len(replies)), key=lambda one: (counts[replies[one]], -one))
    return correct[place]


def sizes(n: int) -> list[int]:
    """The numbers of samples to give figures for: powers of two below n, and n."""
    return [k for k in (2**power for power in range(1, n.bit_length())) if k < n] + ([n] if n > 1 else [])


def measure(items: Sequence[Samples]) -> Measured:
    """Mean accuracy, pass@k and rm@k for each k, majority@n; n is the smallest number of samples of a problem."""
    problems = merge(items)
    n = min(len(one.correct) for one in problems)
    num = np.array([len(one.correct) for one in problems], dtype=np.int64)
    right = np.array([sum(one.correct) for one in problems], dtype=np.int64)
    columns: dict[str, Sequence[float] | NDArray[np.float64]] = {"mean": right / num}
    for k in sizes(n):
        columns[f"rm@{k}"] = [best_of_k(one.correct, one.scores or (), k) for one in problems]
        columns[f"pass@{k}"] = pass_at_k(num, right, k)
    if all(one.replies for one in problems):
        columns[f"majority@{n}"] = [majority((one.replies or ())[:n], one.correct[:n]) for one in problems]
    measured = grouped_means({name: np.array(values, dtype=np.float64) for name, values in columns.items()})
    equal = all(len(one.correct) == n for one in problems)
    best = np.array([best_of_k(one.correct, one.scores or (), n) == 1 for one in problems])
    return replace(measured, right=best) if equal else measured


def merge(items: Sequence[Samples]) -> list[Samples]:
    """Samples of one problem from several rows, in their order, as one."""
    groups: dict[str, list[Samples]] = {}
    for item in items:
        groups.setdefault(item.problem, []).append(item)
    return [group[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def _joined(group: Sequence[Samples]) -> Samples:
    replies = tuple(reply for one in group for reply in one.replies or ())
    correct = tuple(value for one in group for value in one.correct)
    return Samples(
        answers=tuple(one for item in group for one in item.answers),
        problem=group[0].problem,
        correct=correct,
        replies=replies if len(replies) == len(correct) else None,
        scores=tuple(score for one in group for score in one.scores or ()),
    )


def _read_sample(row: Row) -> Samples:
    prompt, completion = messages_field(row, "prompt"), text_field(row, "completion")
    problem = row.get("question_id")
    reply = row.get("answer")
    return Samples(
        answers=(answer(prompt, completion, row.get("principle")),),
        problem=str(problem) if problem is not None else prompt_text(prompt),
        correct=(bool_field(row, "correct"),),
        replies=(reply,) if isinstance(reply, str) else None,
        scores=(number_field(row, "score"),) if row.get("score") is not None else None,
    )
