from pathlib import Path

from stages.extract_principles.rules.score import HELD_OUT
from stages.extract_principles.show import rules_notice
from tests.benchmarks.heldout import GOLDEN, count, family_match, heldout_rows, scores


def test_the_published_score_is_the_one_that_is_measured(shared_data: Path) -> None:
    rows = heldout_rows(shared_data, GOLDEN / "heldout_judgements.jsonl")
    precision, recall, f1 = scores([count(row, family_match) for row in rows])
    assert len(rows) == HELD_OUT.texts
    assert (round(precision, 3), round(recall, 3), round(f1, 3)) == HELD_OUT[1:4]


def test_the_notice_names_the_score_and_the_way_to_a_model() -> None:
    notice = rules_notice()
    assert f"{HELD_OUT.precision:.0%}" in notice
    assert f"{HELD_OUT.recall:.0%}" in notice
    assert "not the extractor of the paper" in notice
    assert "--llm" in notice
