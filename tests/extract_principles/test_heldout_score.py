import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.heldout import (
    Counts,
    Entry,
    Row,
    count,
    family_match,
    heldout_rows,
    intervals,
    is_tuning,
    report,
    scores,
    span_match,
)

FEEDBACK = "The map is wrong. The tone is kind."


def entry(families: str, verdict: str, start: int, end: int) -> Entry:
    return Entry(frozenset(families.split()), verdict, start, end)


def row(predicted: list[Entry], gold: list[Entry]) -> Row:
    return Row("made up", FEEDBACK, tuple(predicted), tuple(gold))


def test_families_match_if_one_is_shared_and_the_verdict_is_equal() -> None:
    assert family_match(FEEDBACK, entry("accuracy", "no", 0, 3), entry("logic accuracy", "no", 9, 12))
    assert not family_match(FEEDBACK, entry("accuracy", "yes", 0, 3), entry("accuracy", "no", 0, 3))
    assert not family_match(FEEDBACK, entry("tone", "no", 0, 3), entry("accuracy", "no", 0, 3))


def test_spans_match_if_they_share_a_word() -> None:
    assert span_match(FEEDBACK, entry("tone", "no", 0, 16), entry("logic", "no", 11, 30))
    assert not span_match(FEEDBACK, entry("tone", "no", 0, 18), entry("tone", "no", 16, 35)), "only '. ' is shared"
    assert not span_match(FEEDBACK, entry("tone", "no", 0, 16), entry("tone", "yes", 0, 16))
    assert not span_match(FEEDBACK, entry("tone", "no", 0, 7), entry("tone", "no", 8, 16))


def test_matching_is_one_to_one_and_the_largest() -> None:
    broad, narrow = entry("tone logic", "no", 0, 5), entry("tone", "no", 0, 5)
    # A greedy matcher that gives the first gold to the first prediction would find one pair only.
    assert count(row([broad, narrow], [narrow, entry("logic", "no", 0, 5)]), family_match) == Counts(2, 2, 2)
    assert count(row([narrow, narrow], [narrow]), family_match) == Counts(1, 2, 1)
    assert count(row([], []), family_match) == Counts(0, 0, 0)


def test_scores_are_micro_averages() -> None:
    found = scores([Counts(2, 3, 4), Counts(1, 1, 2)])
    assert found.precision == pytest.approx(3 / 4)
    assert found.recall == pytest.approx(3 / 6)
    assert found.f1 == pytest.approx(0.6)
    assert scores([]) == (0, 0, 0)
    assert scores([Counts(0, 0, 0)]) == (0, 0, 0)


def test_intervals_hold_the_score_and_shrink_to_it_where_all_rows_are_equal() -> None:
    mixed = [Counts(1, 1, 1), Counts(0, 1, 1)] * 30
    for value, (low, high) in zip(scores(mixed), intervals(mixed, rounds=300), strict=True):
        assert low < value < high
    assert intervals([Counts(1, 2, 4)] * 9, rounds=100) == ((0.5, 0.5), (0.25, 0.25), (1 / 3, 1 / 3))
    assert intervals(mixed, rounds=300) == intervals(mixed, rounds=300)


def test_the_split_is_by_hash_and_the_development_set_is_all_tuning() -> None:
    # By sha256sum the digests of a, b and c end in b, d and 6: odd, odd, even.
    assert not is_tuning("a", frozenset())
    assert not is_tuning("b", frozenset())
    assert is_tuning("c", frozenset())
    assert is_tuning("a", frozenset({"a"}))
    assert 400 < sum(is_tuning(f"row-{n}", frozenset()) for n in range(1000)) < 600


def test_held_out_rows_are_the_judged_ones_of_the_other_half(tmp_path: Path) -> None:
    # By sha256sum the digest of shepherd-2 is odd; those of shepherd-1, ilf-1 and ilf-2 are even.
    (tmp_path / "shepherd").mkdir()
    (tmp_path / "ilf").mkdir()
    with gzip.open(tmp_path / "shepherd" / "human_data_for_model.jsonl.gz", "wt") as lines:
        for number in (1, 2):
            lines.write(json.dumps({"id": number, "feedback": FEEDBACK}) + "\n")
    ilf = [json.dumps({"task_id": number, "Feedback": FEEDBACK}) for number in (1, 2)]
    (tmp_path / "ilf" / "surge_annotations.jsonl").write_text("\n".join(ilf) + "\n")
    (tmp_path / "feedback_dev.jsonl").write_text(json.dumps({"id": "shepherd-9"}) + "\n")
    judged = {"families": ["accuracy"], "principle": "truth", "verdict": "no", "start": 0, "end": 16, "implicit": False}
    judgements = tmp_path / "judgements.jsonl"
    ids = ("shepherd-1", "shepherd-2", "ilf-1", "ilf-2")
    judgements.write_text("\n".join(json.dumps({"id": name, "entries": [judged]}) for name in ids))
    rows = heldout_rows(tmp_path, judgements)
    assert [(one.source, one.gold) for one in rows] == [("Shepherd", (entry("accuracy", "no", 0, 16),))]
    assert count(rows[0], span_match).matched == 1


def test_the_report_names_rows_sources_and_both_matchings() -> None:
    rows = [row([entry("tone", "no", 0, 5)], [entry("tone", "no", 0, 5)]), row([], [entry("logic", "no", 0, 5)])]
    lines = list(report(rows))
    assert lines[0] == "rows 2, with at least one claim 0.500"
    assert [line.split()[:2] for line in lines[1:3]] == [["all", "family"], ["all", "span"]]
    assert "P 1.000" in lines[1]
    assert "R 0.500" in lines[1]


def test_without_the_shared_data_it_says_so(tmp_path: Path, root: Path) -> None:
    program = tmp_path / "repo" / "tests" / "benchmarks" / "heldout.py"
    program.parent.mkdir(parents=True)
    program.write_text((root / "tests" / "benchmarks" / "heldout.py").read_text())
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 66
    assert "needs ../shared/data" in done.stderr
    assert done.stdout == ""


def test_the_development_families_are_known(root: Path) -> None:
    from stages.extract_principles.rules import families

    accepted = json.loads((root / "tests" / "golden" / "dev_families.json").read_text())
    assert {name for names in accepted.values() for name in names} <= set(families())


def test_the_development_set_is_scored(shared_data: Path, root: Path) -> None:
    from tests.benchmarks.heldout import tuning_rows

    rows = tuning_rows(shared_data, root / "tests" / "golden" / "dev_families.json")
    found = scores([count(one, family_match) for one in rows])
    assert len(rows) == 60
    assert found.f1 > 0.7
