import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.eval.fields import Unfit
from stages.eval.measured import Measured, to_figures
from stages.eval.pairwise import Pair, chats, measure, read, with_replies


def one(**row: Any) -> Pair:
    return read({"id": "1", "prompt": "p", "completion": "aaa", "baseline": "b"} | row, "x")


def figures(measured: Measured) -> dict[tuple[str, str], float]:
    values = measured.compute(np.arange(len(measured.clusters))).tolist()
    return {(name.group, name.metric): value for name, value in zip(measured.names, values, strict=True)}


def test_figures_by_hand() -> None:
    # won in both orders; the first wins both games, so that the pair is a tie; lost in one order, tied in the other
    verdicts = (["A>>B", "B>A"], ["A>B", "A>>B"], ["B>A", "A=B"])
    found = figures(measure([one(prompt=str(n), verdicts=list(some)) for n, some in enumerate(verdicts)]))
    wanted = {"win_rate": 1.75 / 3, "wins": 1 / 3, "ties": 1 / 3, "losses": 1 / 3, "flipped": 1 / 3}
    # the first response has 1, 1, 0 in the first games and 0, 1, 0.5 in the second
    wanted |= {"first_wins": (0 + 1 - 0.5) / 3, "mean_chars": 3, "mean_chars.baseline": 1}
    assert {name: found["all", name] for name in wanted} == pytest.approx(wanted)


def test_replies_of_both_games_decide() -> None:
    item = one()
    first, second = chats(item)
    assert first[1].content.index("\naaa\n") < first[1].content.index("\nb\n")
    assert second[1].content.index("\nb\n") < second[1].content.index("\naaa\n")
    assert with_replies(item, ["[[A>B]]", "[[B>>A]]"]).games == (1, 1)
    assert with_replies(item, ["[[A>B]]", "[[A>B]]"]).games == (1, 0)
    assert with_replies(item, ["[[A=B]]", "[[A=B]]"]).games == (0.5, 0.5)


def test_other_names_and_rows_without_texts() -> None:
    other = read({"id": "1", "prompt": "p", "response_a": "aaa", "response_b": "b"}, "x")
    assert other == one()
    bare = read({"id": "1", "verdicts": ["A>B", "B>A"]}, "x")
    assert (bare.answers, bare.chars, bare.games) == ((), None, (1, 1))
    assert ("all", "win_rate.length_controlled") not in figures(measure([bare, one(verdicts=["A>B", "B>A"])]))


def test_categories_are_groups_and_rows_of_one_prompt_are_drawn_together() -> None:
    items = [one(prompt=str(n // 2), category="xy"[n % 2], verdicts=["A>B", "B>A"]) for n in range(4)]
    measured = measure(items)
    assert {name.group for name in measured.names} == {"all", "x", "y"}
    assert measured.clusters.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"verdicts": ["A>B"]}, "verdicts"),
        ({"verdicts": ["A>B", "A"]}, "verdicts"),
        ({"verdicts": "A>B"}, "verdicts"),
        ({"preference": 0.5}, "preference"),
        ({"baseline": None}, "baseline"),
        ({"prompt": None}, "prompt"),
        ({"completion": 3}, "completion"),
    ],
)
def test_rows_that_do_not_fit(row: dict[str, Any], field: str) -> None:
    with pytest.raises(Unfit) as caught:
        one(**row)
    assert caught.value.problem.field == field


def test_verdicts_that_are_no_texts_do_not_fit() -> None:
    with pytest.raises(Unfit):
        one(verdicts=[["A>B"], ["B>A"]])


@pytest.mark.parametrize(("model", "win_rate"), [("gemma-7b-it", 6.9373), ("claude-2.1", 15.7335)])
def test_published_win_rates(shared_data: Path, model: str, win_rate: float) -> None:
    with gzip.open(shared_data / "alpaca_eval" / model / "annotations.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    items = [
        one(
            prompt=row["instruction"],
            completion=row["output_2"],
            baseline=row["output_1"],
            preference=row["preference"],
        )
        for row in rows
    ]
    found = {figure.metric: figure for figure in to_figures(measure(items), seed=0, draws=50)}
    assert round(100 * (found["win_rate"].value or 0), 4) == win_rate
    # both are shorter than the reference, so that equal length helps; the leaderboard, which also knows how hard each
    # instruction is, has 10.43 and 25.25
    low, value = found["win_rate.length_controlled"].low, found["win_rate.length_controlled"].value
    assert low is not None
    assert value is not None
    assert (found["win_rate"].value or 0) < low < value < 0.33
