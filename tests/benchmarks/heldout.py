"""What the rules score on feedback that they were not written with: `python tests/benchmarks/heldout.py [--tune]`.

Reads ../shared/data and the judgements in tests/golden; writes nothing. With --tune it scores the development set.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
GOLDEN = ROOT / "tests" / "golden"
ARTEFACT = "helpfulness"
_WORD = re.compile(r"\w+")


class Entry(NamedTuple):
    """One judgement: acceptable families, verdict, and the span [start:end] of the feedback that says it."""

    families: frozenset[str]
    verdict: str
    start: int
    end: int


class Row(NamedTuple):
    """One feedback with what was predicted and what is true."""

    source: str
    feedback: str
    predicted: tuple[Entry, ...]
    gold: tuple[Entry, ...]


class Counts(NamedTuple):
    """Matched pairs, predictions and gold entries of some rows."""

    matched: int
    predicted: int
    gold: int


class Scores(NamedTuple):
    """Precision, recall and F1 in [0, 1]; 0 where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


def family_match(feedback: str, predicted: Entry, gold: Entry) -> bool:
    """The verdicts are equal and the families meet; the feedback is not looked at."""
    return predicted.verdict == gold.verdict and bool(predicted.families & gold.families)


def span_match(feedback: str, predicted: Entry, gold: Entry) -> bool:
    """The verdicts are equal and the spans have a word in common, at least in part."""
    start, end = max(predicted.start, gold.start), min(predicted.end, gold.end)
    return predicted.verdict == gold.verdict and bool(_WORD.search(feedback[start:end]))


def count(row: Row, match: Callable[[str, Entry, Entry], bool]) -> Counts:
    """Counts of one row under the largest one-to-one matching (augmenting paths)."""
    edges = [[g for g, gold in enumerate(row.gold) if match(row.feedback, entry, gold)] for entry in row.predicted]
    taken: dict[int, int] = {}

    def place(predicted: int, seen: set[int]) -> bool:
        for gold in edges[predicted]:
            if gold not in seen:
                seen.add(gold)
                if gold not in taken or place(taken[gold], seen):
                    taken[gold] = predicted
                    return True
        return False

    matched = sum(place(predicted, set()) for predicted in range(len(row.predicted)))
    return Counts(matched, len(row.predicted), len(row.gold))


def scores(counts: Sequence[Counts]) -> Scores:
    """Micro-averaged scores of many rows."""
    matched, predicted, gold = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    precision = matched / predicted if predicted else 0.0
    recall = matched / gold if gold else 0.0
    return Scores(precision, recall, 2 * matched / (predicted + gold) if predicted + gold else 0.0)


def intervals(counts: Sequence[Counts], *, rounds: int = 2000, seed: int = 0) -> tuple[tuple[float, float], ...]:
    """95 % percentile intervals of precision, recall and F1 from resampling the rows."""
    draw = random.Random(seed)
    samples = [scores(draw.choices(counts, k=len(counts))) for _ in range(rounds)] if counts else []
    if not samples:
        return ((0.0, 0.0),) * 3
    low, high = int(0.025 * rounds), int(0.975 * rounds) - 1
    return tuple((column[low], column[high]) for column in (sorted(values) for values in zip(*samples, strict=True)))


def is_tuning(row_id: str, developed: frozenset[str]) -> bool:
    """Whether a row was free to look at while the rules were written."""
    return row_id in developed or int(hashlib.sha256(row_id.encode()).hexdigest(), 16) % 2 == 0


def predict(feedback: str) -> tuple[Entry, ...]:
    """What the rules say, without the artefact principle."""
    from stages.extract_principles.rules import extract
    from stages.extract_principles.rules.inventory import FAMILY_OF

    found = []
    for claim in extract(feedback):
        if claim.principle != ARTEFACT:
            start = feedback.index(claim.evidence)
            family = frozenset({FAMILY_OF[claim.principle]})
            found.append(Entry(family, claim.verdict, start, start + len(claim.evidence)))
    return tuple(found)


def read_feedback(shared: Path) -> Iterator[tuple[str, str, str]]:
    """Id, source and feedback of every Shepherd and ILF row."""
    with gzip.open(shared / "shepherd" / "human_data_for_model.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield f"shepherd-{row['id']}", "Shepherd", row["feedback"]
    for row in _read_lines(shared / "ilf" / "surge_annotations.jsonl"):
        yield f"ilf-{row['task_id']}", "ILF", row["Feedback"]


def heldout_rows(shared: Path, judgements: Path) -> list[Row]:
    """The held-out rows that have been judged."""
    developed = frozenset(item["id"] for item in _read_lines(shared / "feedback_dev.jsonl"))
    judged = {row["id"]: row["entries"] for row in _read_lines(judgements)}
    rows = []
    for row_id, source, feedback in read_feedback(shared):
        if row_id in judged and not is_tuning(row_id, developed):
            gold = tuple(Entry(frozenset(e["families"]), e["verdict"], e["start"], e["end"]) for e in judged[row_id])
            rows.append(Row(source, feedback, predict(feedback), gold))
    return rows


def tuning_rows(shared: Path, families: Path) -> list[Row]:
    """The development set, one row for each annotator's feedback."""
    accepted = json.loads(families.read_text(encoding="utf-8"))
    rows = []
    for item in _read_lines(shared / "feedback_dev.jsonl"):
        for annotator, feedback in enumerate(item["feedback"]):
            gold = []
            for index, entry in enumerate(item["gold"]):
                if annotator in entry["annotators"]:
                    quote = entry["quotes"][entry["annotators"].index(annotator)]
                    start = feedback.index(quote)
                    names = frozenset(accepted[f"{item['id']}#{index}"])
                    gold.append(Entry(names, entry["verdict"], start, start + len(quote)))
            rows.append(Row(item["source"].split("/")[0], feedback, predict(feedback), tuple(gold)))
    return rows


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def report(rows: Sequence[Row]) -> Iterator[str]:
    """The lines to print: both matchings over all rows and by source."""
    spoken = sum(bool(row.predicted) for row in rows)
    yield f"rows {len(rows)}, with at least one claim {spoken / len(rows):.3f}"
    for source in ("all", *sorted({row.source for row in rows})):
        chosen = [row for row in rows if source in ("all", row.source)]
        for name, match in (("family", family_match), ("span", span_match)):
            counts = [count(row, match) for row in chosen]
            figures = zip(("P", "R", "F1"), scores(counts), intervals(counts), strict=True)
            shown = "  ".join(f"{label} {value:.3f} [{low:.3f}, {high:.3f}]" for label, value, (low, high) in figures)
            yield f"{source:22} {name:7} rows {len(chosen):4}  {shown}"


def main(arguments: Sequence[str]) -> int:
    """Print the report; 66 where the data is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="score the development set instead of the held-out rows")
    tune = parser.parse_args(arguments).tune
    wanted = GOLDEN / ("dev_families.json" if tune else "heldout_judgements.jsonl")
    for path in (SHARED, wanted):
        if not path.exists():
            print(
                f"{path.name} is not at {path.parent}: this figure needs ../shared/data and {wanted.name}.",
                file=sys.stderr,
            )
            return 66
    sys.path.insert(0, str(ROOT))
    for line in report(tuning_rows(SHARED, wanted) if tune else heldout_rows(SHARED, wanted)):
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
