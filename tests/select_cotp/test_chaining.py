"""From a row to its chains: names, places, binned entropies, and why a row is dropped or rejected."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from stages.core.rows import Problem
from stages.select_cotp.annotating import RulesAnnotator
from stages.select_cotp.arrays import F32
from stages.select_cotp.chaining import Chain, stored_row
from stages.select_cotp.contamination import Benchmarks
from stages.select_cotp.markers import Span
from stages.select_cotp.reading import Cot
from tests.naive.bins import binned
from tests.select_cotp.laid import by_columns, configured, made

TEXT = "First the plan. Then 2 + 2 = 4. So it is 4."
ROW: dict[str, Any] = {
    "id": "a",
    "prompt": "How much is 2 + 2?",
    "completion": TEXT,
    "patterns": ["Plan", "compute", "conclude"],
    "entropy": [0.5, 0.25, 1.0, 0.125],
}


class Named:
    """An annotator that says what it is told to, and remembers what it was asked."""

    name = "m"
    identity: Mapping[str, object] = {}

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.parts = list(answers), list[tuple[str, str]](), list[int]()

    def annotate(
        self, texts: Sequence[tuple[str, str]], part: int, advance: Callable[[int], None] = lambda rows: None
    ) -> Any:
        self.asked += texts
        self.parts.append(part)
        return [self.answers.pop(0) for _ in texts]

    def close(self) -> None:
        pass


class Known:
    """Entropies of a model, as told."""

    name, vocabulary = "big@1 float32 T=1", 100
    identity: Mapping[str, str | float | None] = {}

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def entropies(self, rows: Sequence[Cot], part: int, advance: Callable[[int], None]) -> list[F32 | Problem]:
        self.asked += [row.completion_text for row in rows]
        return [one if isinstance(one, Problem) else np.array(one, np.float32) for one in self.answers[: len(rows)]]


def one(row: dict[str, Any], *, options: dict[str, Any] | None = None, **method: Any) -> Chain:
    (found,) = made(by_columns(configured(**options or {}), **method), [row])
    assert isinstance(found, Chain), found
    return found


def problem(row: dict[str, Any], *, options: dict[str, Any] | None = None, **method: Any) -> Problem:
    (found,) = made(by_columns(configured(**options or {}), **method), [row])
    assert isinstance(found, Problem), found
    return found


def test_a_row_with_chains_of_its_own() -> None:
    further = {"question_id": 7, "type": "sum", "correct": True, "success_rate": 0.25, "difficulty": 3}
    found = one(ROW | further, options={"bins": "2"})
    assert (found.id, found.row, found.question_id, found.type) == ("a", 1, "7", "sum")
    assert (found.correct, found.success_rate, found.difficulty) == (True, 0.25, 3.0)
    assert (found.num_tokens, found.chars) == (4, len(TEXT))
    assert (found.patterns, found.pattern_spans, found.annotator) == (("plan", "compute", "conclude"), None, "column")
    assert found.bins is not None
    assert found.bins.tolist() == [0.375, 0.5625]
    assert (found.entropy.dtype, found.entropy.tolist()) == (np.float16, [0.5, 0.25, 1.0, 0.125])
    assert (found.entropy_model, found.dropped_by) == ("column", None)


def test_what_is_compared_is_what_is_stored() -> None:
    values = [0.1, 0.2003, 1.23456, 0.7]
    found = one(ROW | {"entropy": values}, options={"bins": "3"})
    assert found.entropy.tolist() == [float(np.float16(value)) for value in values]
    assert found.bins is not None
    assert found.bins.tolist() == pytest.approx(binned([float(np.float16(v)) for v in values], 3), rel=1e-6)
    raw = one(ROW | {"entropy": values}, options={"bins": "none"})
    assert raw.bins is not None
    assert raw.bins.tolist() == [float(np.float16(value)) for value in values]


def test_names_are_normalised_and_merged_and_lose_their_places_together() -> None:
    spans = [{"start": 0, "end": 15}, {"start": 16, "end": 17}, {"start": 18, "end": 43}]
    row = ROW | {"patterns": ["2) PLAN", "3.", "Sum  Up"], "pattern_spans": spans}
    found = one(row, mapping={"sum up": "compute"})
    assert found.patterns == ("plan", "compute")
    assert found.pattern_spans == ({"start": 0, "end": 15}, {"start": 18, "end": 43})


@pytest.mark.parametrize("names", [[], ["1.", " "]])
def test_a_row_without_names_is_dropped_and_has_no_entropies_computed(names: list[str]) -> None:
    model = Known([0.5])
    found = one(ROW | {"patterns": names}, entropies=model)
    assert (found.dropped_by, found.patterns, found.annotator, found.bins) == ("no_patterns", (), "column", None)
    assert model.asked == []


def test_a_chain_that_is_too_long_is_a_fault_of_its_annotation() -> None:
    assert len(one(ROW | {"patterns": ["plan"] * 1024}).patterns) == 1024
    assert problem(ROW | {"patterns": ["plan"] * 1025}).reason == "too_many_patterns"
    assert problem(ROW, annotator=Named([Span("plan", 0, 1)] * 1025)).field == "patterns"
    # names that go do not count
    assert len(one(ROW | {"patterns": ["plan"] * 1024 + ["1."]}).patterns) == 1024


def test_an_annotator_sees_the_texts_of_rows_that_may_be_selected() -> None:
    bad = Problem("cut_off", "patterns", "m gave no patterns")
    annotator = Named([Span("Plan", 0, 15), Span("2.", 15, 16), Span("compute", 16, 43)], bad, [])
    rows = [
        ROW | {"id": "a", "patterns": ["ignored"]},
        ROW | {"id": "b", "prompt": "What is 3 + 3?"},
        ROW | {"id": "c", "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q"}]},
        ROW | {"id": "d"},
    ]
    benchmarks = Benchmarks([("bench:1", "What is 3 + 3?")], [])
    model = Known([0.5, 1.0])
    method = by_columns(configured(bins="2"), annotator=annotator, benchmarks=benchmarks, entropies=model)
    first, contaminated, failed, empty = made(method, rows)
    assert annotator.asked == [("How much is 2 + 2?", TEXT), ("Q", TEXT), ("How much is 2 + 2?", TEXT)]
    assert isinstance(first, Chain)
    assert (first.patterns, first.annotator) == (("plan", "compute"), "m")
    assert first.pattern_spans == ({"start": 0, "end": 15}, {"start": 16, "end": 43})
    assert first.bins is not None
    assert first.bins.tolist() == [0.5, 1.0]
    assert isinstance(contaminated, Chain)
    assert (contaminated.dropped_by, contaminated.annotator, contaminated.bins) == ("contaminated", None, None)
    assert failed == bad
    assert isinstance(empty, Chain)
    assert (empty.dropped_by, empty.annotator) == ("no_patterns", "m")
    assert len(model.asked) == 1


def test_a_small_share_of_a_benchmarks_question_may_be_allowed() -> None:
    words = [f"w{number}" for number in range(40)]
    benchmarks = Benchmarks([("bench:1", " ".join(words))], [])
    row = ROW | {"prompt": "Say: " + " ".join(words[:20])}  # half of its words, in eight runs
    for share, reason in ((0.0, "contaminated"), (0.5, "contaminated"), (0.51, None), (1.0, None)):
        found = one(row, options={"benchmark_share": share}, benchmarks=benchmarks)
        assert found.dropped_by == reason, share


def test_entropies_of_a_model_are_named_and_replace_those_of_the_row() -> None:
    found = one(ROW | {"entropy_model": "other"}, entropies=Known([2.0, 4.0]), options={"bins": "2"})
    assert found.entropy_model == "big@1 float32 T=1"
    assert found.entropy.tolist() == [2, 4]
    assert found.num_tokens == 2
    named = one(ROW | {"entropy_model": "other"})
    assert named.entropy_model == "other"


@pytest.mark.parametrize(
    ("values", "reason"),
    [([], "no_entropy"), ([0.1, None], "bad_entropy"), ([0.1, -0.1], "bad_entropy"), ([0.1, 99.0], "bad_entropy")],
)
def test_entropies_that_cannot_be_drop_the_row(values: list[float], reason: str) -> None:
    found = one(ROW | {"entropy": values})
    assert (found.dropped_by, found.bins, found.patterns) == (reason, None, ("plan", "compute", "conclude"))


def test_the_vocabulary_of_the_model_bounds_its_entropies() -> None:
    assert one(ROW, entropies=Known([4.6])).dropped_by is None
    # ln 100 is 4.605
    assert one(ROW, entropies=Known([4.7])).dropped_by == "bad_entropy"
    assert one(ROW | {"entropy": [4.7]}).dropped_by is None
    assert one(ROW, entropies=Known([])).dropped_by == "no_entropy"
    assert problem(ROW, entropies=Known(Problem("too_long", "completion", "too long"))).reason == "too_long"


def test_a_value_for_each_step_needs_to_know_where_steps_are() -> None:
    spans = [{"start": 0, "end": 20}, {"start": 20, "end": 30}, {"start": 30, "end": 40}]
    row = ROW | {"completion": "x" * 40, "pattern_spans": spans}
    found = one(row, options={"bins": "per-step"})
    assert found.bins is not None
    # two tokens, and of the last two one each
    assert found.bins.tolist() == [0.375, 1.0, 0.125]
    missing = problem(ROW, options={"bins": "per-step"})
    assert (missing.reason, missing.field) == ("no_spans", "pattern_spans")
    ruled = one(ROW, options={"bins": "per-step"}, annotator=RulesAnnotator())
    assert ruled.bins is not None
    assert len(ruled.bins) == len(ruled.patterns)


def test_chains_that_no_distance_uses_are_not_made() -> None:
    annotator, model = Named(), Known()
    found = one(ROW, options={"lambda_": 0.0}, annotator=annotator)
    assert (found.patterns, found.annotator) == ((), None)
    assert found.bins is not None
    found = one(ROW, options={"lambda_": 1.0}, entropies=model)
    assert (found.bins, found.entropy, found.entropy_model) == (None, None, None)
    assert (annotator.asked, model.asked) == ([], [])
    # words where there are no entropies
    assert (
        one({k: ROW[k] for k in ("id", "prompt", "completion", "patterns")}, options={"lambda_": 1.0}).num_tokens == 13
    )


def test_signatures_are_stored_only_where_near_duplicates_are_looked_for() -> None:
    assert one(ROW).signature is not None
    assert one(ROW, options={"near_duplicates": 1.0}).signature is None
    assert one(ROW, options={"near_duplicates": None}).signature is None


def test_entropies_of_the_input_are_not_stored_again() -> None:
    found = one(ROW)
    assert stored_row(found, with_entropy=False)["entropy"] is None
    assert stored_row(found, with_entropy=True)["entropy"].tolist() == ROW["entropy"]
    assert stored_row(found, with_entropy=False)["patterns"] == ("plan", "compute", "conclude")
