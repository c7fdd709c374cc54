"""avg@k, pass@k and maj@k of a policy: repeated completions of problems, whether each is right, and what it answers.

Shapes: N problems.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from stages.core.errors import DataError
from stages.core.rows import Row
from stages.eval import attempts
from stages.eval.answers import Answer
from stages.eval.fields import Unfit, text_field, texts_field
from stages.eval.final_answer import final_answer, normal_answer
from stages.eval.majority import majority_at_k
from stages.eval.measured import Measured, grouped_means
from stages.eval.pass_at_k import check_ks, pass_at_k, sizes

CHECKED: Final = ("math", "code", "check")
"""Kinds of the parts of a reward that say whether a completion is right; others say how good it is."""


class Completions(NamedTuple):
    """Completions of one problem in one row: whether each is right, and its normalised answer, None where it has none.

    `replies` is None where the row tells no answers at all. `problem` is None where the row names none and holds all of
    them. `source` is the data set, `step` that of the policy, where the row says so.
    """

    answers: tuple[Answer, ...]
    problem: bytes | None
    right: tuple[bool, ...]
    replies: tuple[str | None, ...] | None
    source: str | None = None
    step: int | None = None


def read(row: Row, file: str) -> Completions:
    """A row of attempts (see attempts.py), or a rollout of train-policy, which is right as `right_by_reward` says.

    What a completion answers is `pred`, else the final answer of `completion`, else `answer`: beside a completion that
    may be the reference. Where a row holds several completions these are lists.
    """
    if row.get("correct") is None and row.get("passed") is None and "reward" in row:
        row = row | {"correct": right_by_reward(row)}
    counted = attempts.read(row, file)
    listed = row.get("correct" if "correct" in row else "passed")
    right = [bool(one) for one in listed] if isinstance(listed, list) and "n" not in row else None
    wrong = counted.num - counted.right
    return Completions(
        answers=(),
        problem=counted.problem,
        right=tuple(right or [True] * counted.right + [False] * wrong),
        replies=None if "n" in row and "c" in row else _replies(row, counted.num, isinstance(listed, list)),
        source=row["data_source"] if isinstance(row.get("data_source"), str) else None,
        step=row["step"] if isinstance(row.get("step"), int) else None,
    )


def right_by_reward(row: Row) -> bool:
    """Whether a rollout is right: all parts of its reward that check it gave 1; without parts, the reward is 1.

    Raises:
        Unfit: it has no reward, or a reward that says how good it is and not whether it is right.
    """
    if row.get("reward") is None:
        raise Unfit("no_reward", "reward", "the completion has no reward, so that it is neither right nor wrong.")
    parts = row.get("parts")
    values = {one["name"]: one["value"] for one in parts if isinstance(one, dict)} if isinstance(parts, list) else {}
    checked = [value for name, value in values.items() if str(name).partition(":")[0] in CHECKED]
    if checked:
        return all(value == 1 for value in checked)
    if row["reward"] in (0, 1):
        return bool(row["reward"])
    raise Unfit(
        "bad_value",
        "reward",
        f"field 'reward' is {row['reward']!r}, which does not say whether the completion is right; name the column "
        "that does with --map correct=THEIRS.",
    )


def measure(items: Sequence[Completions], ks: Sequence[int] = ()) -> Measured:
    """avg@n, then pass@k and maj@k for each k of `ks`, else of `sizes`; over all problems and by data set.

    k = 1 is left out unless it is asked for: both are then avg@n. n is the fewest completions of a problem. maj@k only
    where answers are known; `no_answer` is the share of completions that have none.

    Raises:
        DataError: a problem has fewer completions than the largest k.
    """
    problems = merge(items)
    num = np.array([len(one.right) for one in problems], dtype=np.int64)
    right = np.array([sum(one.right) for one in problems], dtype=np.int64)
    check_ks(num, ks)
    fewest = int(num.min())
    values = {f"avg@{fewest}": right / num}
    chosen = ks or [k for k in sizes(fewest) if k > 1]
    values |= {f"pass@{k}": pass_at_k(num, right, k) for k in chosen}
    if all(one.replies is not None for one in problems):
        for k in chosen:
            votes = [majority_at_k(one.replies or (), one.right, k) for one in problems]
            values[f"maj@{k}"] = np.array(votes, dtype=np.float64)
        values["no_answer"] = np.array([(one.replies or ()).count(None) for one in problems]) / num
    sources = [one.source or "" for one in problems]
    return grouped_means(values, sources if len(set(sources)) > 1 else None)


def merge(items: Sequence[Completions]) -> list[Completions]:
    """All rows of a problem together, problems in order of appearance."""
    groups: dict[object, list[Completions]] = {}
    for place, item in enumerate(items):
        groups.setdefault(place if item.problem is None else item.problem, []).append(item)
    return [group[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def matched(items: Sequence[Completions], others: Sequence[Completions]) -> list[Completions]:
    """The problems of `others` in the order of those of `items`, for a paired comparison.

    Raises:
        DataError: they are not the same problems, or have no names.
    """
    ours = [one.problem for one in merge(items)]
    theirs = {one.problem: one for one in merge(others)}
    lost = sum(problem not in theirs for problem in ours)
    further = len(set(theirs) - set(ours))
    if None in theirs or lost or further:
        why = (
            "has problems without a name" if None in theirs else f"lacks {lost:,} of the problems and adds {further:,}"
        )
        raise DataError(f"--against {why}; a paired comparison needs both policies on the same {len(ours):,} problems.")
    return [theirs[problem] for problem in ours]


def remark(items: Sequence[Completions]) -> str | None:
    """A sentence about what makes figures hard to compare: several policies at once, or uneven numbers."""
    steps = {item.step for item in items if item.step is not None}
    if len(steps) > 1:
        return (
            f"The rows are of {len(steps):,} steps of training, hence of as many policies, and are pooled; for one "
            "policy name one shard of its rollouts, such as OUT/rollouts/part-00000.parquet."
        )
    return attempts.uneven([attempts.Attempts((), one.problem, len(one.right), sum(one.right)) for one in items])


def _joined(group: Sequence[Completions]) -> Completions:
    told = [one.replies for one in group if one.replies is not None]
    return group[0]._replace(
        right=tuple(value for one in group for value in one.right),
        replies=tuple(reply for one in told for reply in one) if len(told) == len(group) else None,
    )


def _replies(row: Row, num: int, several: bool) -> tuple[str | None, ...] | None:
    name = next((name for name in ("pred", "completion", "answer") if row.get(name) is not None), None)
    if name is None:
        return None
    read_one: Callable[[str], str | None] = final_answer if name == "completion" else _given
    if several:
        if name == "answer" and not isinstance(row[name], list):
            return None  # the reference of all of them
        return tuple(map(read_one, texts_field(row, name, num)))
    return (read_one(text_field(row, name)),)


def _given(text: str) -> str | None:
    return normal_answer(text) or None
