"""How often the rules of the built-in annotator are right on real traces, what they leave unnamed, and their speed.

Labels are of steps by their hash, so that nobody's text lies here. One person's labels, given without sight of the
rules' names by whoever wrote the rules: the first is the best name, the others would do too. `tuned` steps were looked
at once before the rules were finished, `held_out` ones never. They stand in files and problems that rules were not
written from, but the long traces are of the same family of models. Needs ../shared/data.
"""

import gzip
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from stages.select_cotp import markers
from stages.select_cotp.markers import Span, annotate, stretches
from stages.select_cotp.markers_data import FALLBACK

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
LABELS = Path(__file__).with_name("markers_labels.json")
RUN = "skythought/Sky-T1-math-{}-aime24.jsonl.gz"

Row = tuple[str, ...]


def traces() -> Iterator[tuple[str, list[str]]]:
    """Completions that rules were not written from, by the kind of text."""
    long = [RUN.format(f"correct-5K-32B-checkpoint-{n}") for n in (35, 84, 140)]
    short = [RUN.format(f"correct-5K-32B-short-checkpoint-{n}") for n in (84, 140)]
    yield "long traces, AIME", [row["completion"] for file in long for row in _rows(file)[15:]]
    yield (
        "long traces, AMC",
        _texts("skythought/Sky-T1-math-corrupt-0.7-32B-amc23.jsonl.gz", lambda row: row["completion"]),
    )
    yield "short traces, AIME", [row["completion"] for file in short for row in _rows(file)[15:]]
    yield "processbench, MATH", _texts("processbench/math.jsonl.gz", lambda row: "\n\n".join(row["steps"]))
    yield "Qwen2.5-Math", [text for row in _rows("qwen25math/math_cot_100.jsonl.gz")[25:] for text in row["code"]]


def run() -> list[Row]:
    """Rows (what, figures...) of precision, of the share of each fallback, and of speed."""
    found = dict(traces())
    spans = {kind: [annotate(text) for text in texts] for kind, texts in found.items()}
    names = {
        hashlib.sha256(text[span.start : span.end].encode()).hexdigest()[:16]: span.name
        for kind, texts in found.items()
        for text, marked in zip(texts, spans[kind], strict=True)
        for span in reversed(marked)  # of equal steps, the first
    }
    rows = [
        row for sample, labels in json.loads(LABELS.read_text()).items() for row in _precision(sample, labels, names)
    ]
    rows += [_shares(kind, found[kind], marked) for kind, marked in spans.items()]
    return [*rows, _speed([text for texts in found.values() for text in texts])]


def _precision(sample: str, labels: dict[str, list[str]], names: dict[str, str]) -> Iterator[Row]:
    seen = [(names[key], accepted) for key, accepted in labels.items() if key in names]
    for what, right in (
        ("the best name", sum(name == accepted[0] for name, accepted in seen)),
        ("a name that would do", sum(name in accepted for name, accepted in seen)),
    ):
        low, high = _wilson(right, len(seen))
        shown = f"{right} of {len(seen)} = {right / len(seen):.1%} ({low:.0%} to {high:.0%})"
        yield (f"{sample}: {what}", shown, f"{len(labels) - len(seen)} labels of steps that are none now")


def _shares(kind: str, texts: list[str], marked: list[list[Span]]) -> Row:
    counts = Counter(span.name for spans in marked for span in spans)
    total = sum(counts.values())
    # steps that are called compute for a formula, not for a word
    usual, markers.FALLBACK_FORMULA = markers.FALLBACK_FORMULA, "formula"  # type: ignore[misc]
    formulas = sum(span.name == "formula" for text in texts for span in annotate(text))
    markers.FALLBACK_FORMULA = usual  # type: ignore[misc]
    unnamed = f"no word of a rule: {counts[FALLBACK] / total:.1%} {FALLBACK}, {formulas / total:.1%} {usual}"
    frequent = " ".join(f"{name} {count / total:.0%}" for name, count in counts.most_common(6))
    names = median(len(stretches(spans)) for spans in marked)
    sizes = f"{len(marked)} texts, median {median(map(len, marked)):.0f} steps, {names:.0f} stretches of one name"
    return (kind, sizes, unnamed, frequent)


def _speed(texts: list[str]) -> Row:
    size = sum(len(text.encode()) for text in texts)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        for text in texts:
            annotate(text)
        seconds.append(time.process_time() - start)
    return ("speed, CPU time", f"{size / median(seconds) / 1e6:.2f} MB/s of {size / 1e6:.1f} MB", ">= 1 MB/s")


def _wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, z = right / total, 1.96
    centre, spread = (
        share + z * z / (2 * total),
        z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)),
    )
    return (centre - spread) / (1 + z * z / total), (centre + spread) / (1 + z * z / total)


def _rows(file: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _texts(file: str, text_of: Callable[[dict[str, Any]], str]) -> list[str]:
    return [text_of(row) for row in _rows(file)]


if __name__ == "__main__":
    if not DATA.is_dir():
        print("needs ../shared/data, which is not part of the repository")
    else:
        for row in run():
            print(" | ".join(row), flush=True)
