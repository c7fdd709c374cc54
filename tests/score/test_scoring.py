from collections.abc import Sequence
from typing import Any

import pytest

from stages.core.job import PartOutput
from stages.core.rows import SourceRow
from stages.score.principles import PrincipleSet, from_options
from stages.score.principles_file import parse_principles
from stages.score.scoring import Method, score_part
from tests.score.fakes import FakeModel, formula


def sources(rows: Sequence[dict[str, Any]]) -> list[SourceRow]:
    return [SourceRow("rows.jsonl", n, {"id": f"r{n}"} | row, None, None) for n, row in enumerate(rows, start=1)]


def part_of(
    rows: Sequence[dict[str, Any]],
    model: FakeModel,
    principles: PrincipleSet | None = None,
    layout: str = "completion",
    told: list[int] | None = None,
    **changes: Any,
) -> PartOutput:
    fields: dict[str, Any] = {"aggregate": "none", "skip_missing": False, "needs_prompt": False, "pass_through": ()}
    method = Method(model=model, layout=layout, principles=principles or from_options(()), **fields | changes)
    found = score_part(method, iter(sources(rows)), (told if told is not None else []).append)
    assert found.kept + found.dropped_rows + len(found.rejected) == len(rows)
    return found


def brief(found: PartOutput) -> list[tuple[Any, ...]]:
    return [(row["id"], row["completion"][-1]["content"], row["principle"], row["score"]) for row in found.rows]


def test_one_row_a_response_and_principle_in_the_order_of_the_input() -> None:
    rows = [
        {"prompt": "q", "completions": ["x", "y"], "principle": ["a", "b"]},
        {"completions": ["z"], "principle": "b"},
    ]
    found = part_of(rows, FakeModel(), layout="completions")
    asked = [("user", "q")]
    assert brief(found) == [
        ("r1", "x", "a", formula(asked, "x", "a")),
        ("r1", "x", "b", formula(asked, "x", "b")),
        ("r1", "y", "a", formula(asked, "y", "a")),
        ("r1", "y", "b", formula(asked, "y", "b")),
        ("r2", "z", "b", formula([], "z", "b")),
    ]
    assert [row["sample"] for row in found.rows] == [0, 0, 1, 1, 0]
    assert found.counts["judgements"] == 5
    assert found.counts["responses"] == found.counts["queries"] == 3


def test_equal_responses_to_equal_prompts_are_one_query_with_all_their_principles() -> None:
    model = FakeModel()
    rows = [
        {"prompt": "q", "completion": "x", "principle": "a"},
        {"prompt": "other", "completion": "x", "principle": "a"},
        {"prompt": [{"role": "user", "content": "q"}], "completion": "x", "principle": ["b", "a"]},
        {"prompt": "q", "completion": "x", "principle": "c"},
    ]
    found = part_of(rows, model)
    assert [query.principles for query in model.asked] == [("a", "b", "c"), ("a",)]
    asked = [("user", "q")]
    wanted = [("r1", "a"), ("r3", "b"), ("r3", "a"), ("r4", "c")]
    by_row = [(name, score) for name, _, _, score in brief(found) if name != "r2"]
    assert by_row == [(row, formula(asked, "x", principle)) for row, principle in wanted]


def test_a_model_without_principles_gives_one_score_a_response() -> None:
    model = FakeModel(reads_principles=False, calibrated=False)
    found = part_of([{"prompt": "q", "completion": "x"}, {"prompt": "q", "completion": "x"}], model)
    assert brief(found) == [(name, "x", None, formula([("user", "q")], "x", None)) for name in ("r1", "r2")]
    assert len(model.asked) == 1
    assert model.asked[0].principles == ()


def test_a_row_is_rejected_with_its_reason_and_its_neighbours_are_scored() -> None:
    rows = [
        {"completion": "x"},
        {"completion": 3, "principle": "a"},
        {"completion": "unscorable", "principle": "a"},
        {"completion": "x", "principle": ["a", "too long"]},
        {"completion": "", "principle": "a"},
    ]
    found = part_of(rows, FakeModel())
    assert [(item.source.row, item.problem.reason) for item in found.rejected] == [
        (1, "no_principle"),
        (2, "bad_type"),
        (3, "principle_too_long"),
        (4, "principle_too_long"),
    ]
    assert found.rejected[2].problem.error == "it does not fit."
    assert found.rejected[3].problem.error == "principle 'too long': it does not fit."
    assert [row["id"] for row in found.rows] == ["r5"]


def test_what_cannot_be_scored_may_be_left_out() -> None:
    rows = [
        {"completions": ["x", "unscorable"], "principle": ["a", "too long"]},
        {"completions": ["x"], "principle": "too long"},
    ]
    found = part_of(rows, FakeModel(), layout="completions", skip_missing=True)
    assert [(row["id"], row["sample"], row["principle"]) for row in found.rows] == [("r1", 0, "a")]
    assert [item.source.row for item in found.rejected] == [2]
    assert found.counts["left_out"] == 3


def test_one_score_a_response_with_its_parts() -> None:
    weights = parse_principles("a: 3\nb: 1\n", "p.yaml")
    model = FakeModel(calibrated=False)
    rows = [{"prompt": "q", "completion": "x"}]
    (row,) = part_of(rows, model, weights, aggregate="weighted").rows
    a, b = (formula([("user", "q")], "x", principle) for principle in "ab")
    assert (row["score"], row["p_yes"]) == (pytest.approx((3 * a + b) / 4), None)
    assert row.get("principle") is None
    assert row["parts"] == [
        {"principle": "a", "score": a, "p_yes": None},
        {"principle": "b", "score": b, "p_yes": None},
    ]
    (least,) = part_of(rows, FakeModel(), from_options(("a", "b")), aggregate="min").rows
    assert least["score"] == pytest.approx(min(a, b) / 2 + 0.5)
    assert least["p_yes"] == pytest.approx(min(part["p_yes"] for part in least["parts"]))


def test_a_missing_principle_makes_no_combined_score_unless_it_is_left_out() -> None:
    rows = [{"prompt": "q", "completion": "x"}]
    principles = from_options(("a", "too long"))
    assert part_of(rows, FakeModel(), principles, aggregate="mean").rows == []
    (row,) = part_of(rows, FakeModel(), principles, aggregate="mean", skip_missing=True).rows
    assert [part["principle"] for part in row["parts"]] == ["a"]
    assert row["score"] == pytest.approx(formula([("user", "q")], "x", "a") / 2 + 0.5)


def test_raw_combinations_of_several_principles_are_counted() -> None:
    rows = [{"completion": "x", "principle": ["a", "b"]}, {"completion": "y", "principle": "a"}]
    assert part_of(rows, FakeModel(calibrated=False), aggregate="mean").counts["combined_raw"] == 1
    assert part_of(rows, FakeModel(), aggregate="mean").counts["combined_raw"] == 0


def test_what_must_be_compared_needs_a_prompt() -> None:
    rows = [{"completion": "x", "principle": "a"}, {"prompt": "q", "completion": "x", "principle": "a"}]
    found = part_of(rows, FakeModel(), needs_prompt=True)
    assert [(item.source.row, item.problem.reason) for item in found.rejected] == [(1, "no_prompt")]


def test_cut_conversations_are_marked_and_counted_once_a_response() -> None:
    found = part_of([{"completions": ["cut", "x"], "principle": ["a", "b"]}], FakeModel(), layout="completions")
    assert [row["truncated"] for row in found.rows] == [True, True, False, False]
    assert found.counts["truncated"] == 1
    (row,) = part_of([{"completion": "cut"}], FakeModel(), from_options(("a", "b")), aggregate="mean").rows
    assert row["truncated"] is True


def test_progress_adds_up_to_the_rows() -> None:
    told: list[int] = []
    rows = [{"completion": f"x{n % 3}", "principle": "a"} for n in range(10)] + [{"completion": 1}]
    part_of(rows, FakeModel(), told=told)
    assert sum(told) == 11
    assert min(told) >= 0
