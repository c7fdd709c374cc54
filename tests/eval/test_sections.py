"""What a report shows of a metrics folder: against the stored rows, counted independently, and of damaged folders."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.sections import Drawing, Grid, Section
from stages.core.sections_html import section_markup
from stages.core.tables import METRICS
from stages.eval import figure_curves
from stages.eval.benchmarks import BENCHMARKS
from stages.eval.calibration_report import HELD_OUT
from stages.eval.config import EvalConfig
from stages.eval.figure_blocks import MOST_BARS, MOST_ROWS
from stages.eval.measured import WHOLE, Figure
from stages.eval.rm_bench import STYLES
from stages.eval.run import run
from stages.eval.sections import sections
from stages.eval.sensitivity import CORRECTNESS, DIFFERENCES, WANTED
from stages.eval.shown_figures import MOST_FIGURES, told_value
from tests.eval.rows import calibrated_rows, table_row
from tests.extract_principles.commands import ROOT, rlbff, rows_of

HOSTILE = '<script>alert(1)</script> & "x"\u202e\x00\n' + "long " * 400

METRIC_NAMES = (
    *("accuracy", "score", "easy", "normal", "hard", "easy_minus_hard", "ties", "undecided", "unreadable", "win_rate"),
    *("reproduced", "mean", "rm@1", "rm@4", "rm@64", "pass@1", "pass@4", "pass@64", "majority@64", "avg@64", "maj@4"),
    *("no_answer", "potential", "unsolved", "attempts_of_solved", "precision", "recall", "kept", "tasks", "grade"),
    *("precision_minus_frac", "correct", "correct_minus_length", "hard_minus_pool", "rows", "mean_tokens", "overlap"),
    *("wins", "losses", "flipped", "first_wins", "win_rate.length_controlled", "mean_chars", "rescaled", "temperature"),
    *("bias", "yes_rate", "mean_p.master_keys: .", "mean_p.master_keys: <b>", "label_length", *WANTED, *DIFFERENCES),
    *(f"{name}.{source}" for name in ("ece", "brier", "mean_p", "yes_rate") for source in ("raw", "platt", "p_yes")),
    *(f"{a} > {b}" for a in STYLES for b in STYLES),
    *("score_length_given_label", "accuracy.majority", "accuracy.principle_only", HOSTILE),
)
GROUPS = (
    *(WHOLE, HELD_OUT, "fit half", "bin 01", "bin 02", "chat", "length: short", "frac:0.8", "all", "pool", "assign"),
    *("random-length", "kept", CORRECTNESS, HOSTILE, HOSTILE + "2", ""),
)


def folder_of(root: Path, benchmark: str, figures: Iterable[Figure], part: int = 0) -> Path:
    """A folder of metrics that nobody has run."""
    root.mkdir(exist_ok=True)
    rows = [{"stage": "eval", "benchmark": benchmark, "step": None, **one._asdict()} for one in figures]
    pq.write_table(pa.Table.from_pylist(rows, schema=METRICS.schema()), root / f"part-{part:05d}.parquet")
    return root


def drawn_figures(seed: int, groups: Sequence[str] = GROUPS, names: Sequence[str] = METRIC_NAMES) -> list[Figure]:
    draw = random.Random(seed)
    endings = ("", "", "", ".against", ".difference")
    values = (None, 0.0, 1.0, 0.25, -0.5, float("nan"), float("inf"), 1e300, 1e-9)
    return [
        Figure(group, name + draw.choice(endings), draw.choice(values), draw.choice(values), draw.choice(values), k)
        for k, (group, name) in enumerate((group, name) for group in groups for name in names)
        if draw.random() < 0.8
    ]


def evaluate(path: Path, benchmark: str, rows: Sequence[dict[str, Any]], **options: Any) -> Path:
    source = path / f"{benchmark}.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(EvalConfig(benchmark=benchmark, inputs=(str(source),), out=path / benchmark, draws=20, **options))  # type: ignore[arg-type]
    return path / benchmark


def block(found: Sequence[Section], title: str) -> Any:
    (one,) = [block for section in found for block in section.blocks if block.title == title]
    return one


def titles(found: Sequence[Section]) -> list[str]:
    return [block.title for section in found for block in section.blocks]


def size(found: Iterable[Section]) -> int:
    """Bytes of the sections on a page."""
    return sum(len(section_markup(one, "x").encode()) for one in found)


@pytest.mark.parametrize("benchmark", [*BENCHMARKS, "of-another-version"])
def test_every_benchmark_is_shown_whatever_figures_it_has(tmp_path: Path, benchmark: str) -> None:
    for seed in range(6):
        figures = drawn_figures(seed)
        for few in (figures, figures[:1], [one for one in figures if one.group == WHOLE]):
            (shown,) = sections(folder_of(tmp_path / "metrics", benchmark, few))
            assert shown.title.startswith(benchmark)
            assert shown.blocks
            assert shown.blocks[-1].title == "All figures"
            assert size([shown]) < 60_000
            for one in shown.blocks:
                if isinstance(one, Drawing):
                    assert "<script" not in one.markup
                    assert one.said
                grid = one.numbers if isinstance(one, Drawing) else one
                if isinstance(grid, Grid):
                    assert {len(row) for row in grid.rows} == {len(grid.head)}
                    assert all(len(text) < 120 for row in grid.rows for text in row)


def test_many_groups_stay_a_small_page(tmp_path: Path) -> None:
    groups = [WHOLE, *(f"principle {k} " + "x" * 90 for k in range(3000))]
    figures = [
        Figure(name, metric, 0.5, 0.1, 0.9, k) for k, name in enumerate(groups) for metric in ("accuracy", "ties")
    ]
    (shown,) = sections(folder_of(tmp_path / "m", "principle-pairs", figures))
    assert size([shown]) < 60_000
    bars = block([shown], "Pairs in the right order, by principle")
    assert len(bars.numbers.rows) == MOST_BARS
    assert "13 largest of 3,000 groups" in bars.note
    assert len(block([shown], "All figures").rows) == MOST_ROWS
    assert f"of {len(figures):,}" in block([shown], "All figures").note


def test_more_figures_than_are_read_are_told(tmp_path: Path) -> None:
    figures = [Figure("all", f"m{k}", 0.5, None, None, 1) for k in range(MOST_FIGURES + 5)]
    (shown,) = sections(folder_of(tmp_path / "m", "unknown", figures))
    assert shown.doubts == [f"Of {MOST_FIGURES + 5:,} figures the first {MOST_FIGURES:,} are shown."]


def test_reliability_is_drawn_from_the_rows_of_the_held_out_half(tmp_path: Path) -> None:
    rows = calibrated_rows(120, seed=1, factor=2.0)
    found = sections(evaluate(tmp_path, "calibration", rows))
    stored = {(one["group"], one["metric"]): one for one in rows_of(tmp_path / "calibration")}
    drawing = block(found, "Reliability diagram")
    raw = [row for row in drawing.numbers.rows if row[0] == "raw"]
    # the bins together are the held-out rows: their number, and how many of them are Yes
    counts = [int(row[2]) for row in raw]
    shares = [float(row[4].split()[0]) for row in raw]
    held_out = stored[HELD_OUT, "yes_rate.raw"]
    assert sum(counts) == held_out["n"]
    yes = sum(count * share for count, share in zip(counts, shares, strict=True))
    assert yes / held_out["n"] == pytest.approx(held_out["value"], abs=1e-3)
    p = [1 / (1 + np.exp(-row["score"])) for row in rows]
    assert min(p) - 1e-3 <= float(raw[0][3].split()[0]) <= float(raw[-1][3].split()[0]) <= max(p) + 1e-3
    gap = max(abs(float(row[3].split()[0]) - float(row[4].split()[0])) for row in raw)
    (told,) = re.findall(r"raw scores is furthest off at ([\d.]+), with ([\d.]+) Yes", drawing.said)
    assert abs(float(told[0]) - float(told[1])) == pytest.approx(gap, abs=2e-3)
    assert (
        found[0].title
        == f"calibration: calibration error (ECE) after temperature and bias {_told(stored[HELD_OUT, 'ece.platt'])}"
    )
    table = block(found, "Calibration")
    assert table.rows[0][2] == _told(stored[HELD_OUT, "ece.raw"])
    assert table.rows[0][3] == _told(stored[HELD_OUT, "brier.raw"])


def _told(row: dict[str, Any]) -> str:
    return f"{row['value']:.3f} [{row['low']:.3f},\N{NO-BREAK SPACE}{row['high']:.3f}]"


def test_pairs_by_principle_are_those_counted_by_hand(tmp_path: Path) -> None:
    rows = []
    for k in range(30):
        principle, right = ("clarity", k < 25) if k % 3 else ("a <b>bold</b> principle", k % 2 == 0)
        for label in (True, False):
            rows.append(table_row(f"p{k}", f"{k}{label}", principle, label, float(label == right)))
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row | {"id": f"{n}"}) + "\n" for n, row in enumerate(rows)))
    options = ("--draws", 20, "--min-group", 5, "-o", "out")
    assert rlbff("eval", "principle-pairs", "rows.jsonl", *options, cwd=tmp_path).returncode == 0
    found = sections(tmp_path / "out")
    bars = block(found, "Pairs in the right order, by principle")
    of = {
        "clarity": [k < 25 for k in range(30) if k % 3],
        "a <b>bold</b> principle": [k % 2 == 0 for k in range(0, 30, 3)],
    }
    of["all"] = [one for own in list(of.values()) for one in own]
    told = {row[0]: (row[1], row[3]) for row in bars.numbers.rows}
    assert told == {name: (f"{sum(own) / len(own):.3f}", str(len(own))) for name, own in of.items()}
    assert [row[0] for row in bars.numbers.rows] == ["all", "clarity", "a <b>bold</b> principle"]
    assert "<b>" not in bars.markup
    assert bars.said.startswith("Pairs in the right order, by principle: highest clarity 0.800, lowest a <b>bold")
    all_figures = block(found, "All figures")
    assert len(all_figures.rows) == len(rows_of(tmp_path / "out"))


def test_reliability_has_probabilities_across_and_shares_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(
        figure_curves, "reliability_diagram", lambda said, series, bands: drawn.update(series, bands=bands) or ""
    )
    figures = [
        Figure("bin 01", "mean_p.raw", 0.2, None, None, 5),
        Figure("bin 01", "yes_rate.raw", 0.1, 0.0, 0.4, 5),
        Figure("bin 02", "mean_p.raw", None, None, None, 5),
        Figure("bin 02", "yes_rate.raw", 0.9, 0.5, 1.0, 5),
        *(Figure(f"principle {k}", "brier.raw", k / 10, None, None, 9) for k in (1, 3, 2)),
    ]
    found = sections(folder_of(tmp_path / "m", "calibration", figures))
    assert drawn["raw scores"] == [(0.2, 0.1)]
    assert drawn["bands"] == {"raw scores": [(0.2, 0.0, 0.4)]}
    worst = block(found, "Brier score by principle, worst first").numbers.rows
    assert [line[0] for line in worst] == ["principle 3", "principle 2", "principle 1"]


def test_the_largest_groups_are_drawn_and_the_first_of_two_figures_counts(tmp_path: Path) -> None:
    groups = [Figure(f"g{k}", "accuracy", k / 100, None, None, k) for k in range(30)]
    (shown,) = sections(folder_of(tmp_path / "m", "llmbar", [*groups, groups[29]._replace(value=0.0)]))
    rows = block([shown], "Accuracy by part").numbers.rows
    assert [line[0] for line in rows] == [f"g{k}" for k in range(29, 16, -1)]
    assert rows[0][1] == "0.290"


def test_values_are_told_shortly_and_never_as_zero() -> None:
    told = [told_value(value) for value in (None, 0.0, 2.6e-7, -0.5, 1.0, 12.0, 12345.678, 1e300)]
    assert told == ["-", "0.000", "2.6e-07", "-0.500", "1.000", "12", "12,345.7", "1e+300"]


def test_two_sources_are_shown_beside_each_other(tmp_path: Path) -> None:
    rows = [
        table_row(f"p{k}", f"{k}{'x' * (3 if label else 1)}", "clarity", label, float(label == (k > 5)))
        for k in range(30)
        for label in (True, False)
    ]
    rows = [row | {"id": str(n)} for n, row in enumerate(rows)]
    found = sections(evaluate(tmp_path, "principle-pairs", rows, against="length"))
    table = block(found, "Both sources")
    (line,) = [row for row in table.rows if row[:2] == ("all", "accuracy")]
    assert [text.split()[0] for text in line[2:]] == ["0.800", "1.000", "-0.200"]
    assert "First source of scores minus the second" in titles(found)
    assert found[0].note.startswith("Scores: stored against length.")


def test_attempts_are_drawn_over_k(tmp_path: Path) -> None:
    rows = [{"id": f"{n}", "problem_id": f"q{n}", "n": 8, "c": n % 9} for n in range(9)]
    found = sections(evaluate(tmp_path, "pass-at-k", rows))
    drawing = block(found, "Problems solved")
    assert [row[0] for row in drawing.numbers.rows] == ["1", "2", "4", "8"]
    assert drawing.numbers.rows[0][1].startswith("0.500 ")  # mean of 0/8 .. 8/8
    assert drawing.numbers.rows[3][1].startswith("0.889 ")  # all but the problem without a right one
    assert drawing.said == "Problems solved, k from 1 to 8: pass@k from 0.500 to 0.889."
    many = [Figure(WHOLE, f"pass@{k}", 0.5, None, None, 3) for k in (1, 8, 64)]
    (shown,) = sections(folder_of(tmp_path / "m", "pass-at-k", many))
    assert "logarithm" in block([shown], "Problems solved").markup


def test_each_keep_rule_stands_with_its_precision_and_the_rows_own_is_told(tmp_path: Path) -> None:
    values = {"kept": (0.9, 0.5), "all": (0.4, 1.0), "frac:1.0": (0.95, 0.3), "consensus": (0.9, 0.5)}
    figures = [
        Figure(rule, name, value, None, None, 10)
        for rule, pair in values.items()
        for name, value in zip(("precision", "recall"), pair, strict=True)
    ]
    (shown,) = sections(folder_of(tmp_path / "m", "verification", figures))
    drawing, table = block([shown], "Keep rules against the truth"), block([shown], "Every keep rule")
    assert [row[:3] for row in table.rows][:2] == [
        ("kept (the rows' own)", "0.900", "0.500"),
        ("all", "0.400", "1.000"),
    ]
    assert "the decisions in the rows: precision 0.900 at recall 0.500" in drawing.said
    assert drawing.markup.count("frac and all") >= 1
    assert any("cannot decide about these rows" in text for text in shown.doubts)


def test_what_is_wanted_of_sensitivity_is_judged(tmp_path: Path) -> None:
    names = (*WANTED, *DIFFERENCES)
    figures = [Figure(WHOLE, name, 0.92, 0.5, 0.99, 10) for name in names]
    (shown,) = sections(folder_of(tmp_path / "m", "sensitivity", figures))
    met = {row[0]: row[3] for row in block([shown], "What is wanted of the figures").rows}
    assert met == {
        "sign_flips.negated": "yes",  # 0.92 is above 0.9 and below 0.95
        "sign_agreement.paraphrases": "no",
        "mass.median": "yes",
        "accuracy.shuffled_minus_majority": "no",  # wanted not above 0
        "accuracy.minus_principle_only": "yes",
        "mean_p.master_keys_minus_yes_rate": "no",
    }
    assert len(shown.doubts) == 1
    (less,) = sections(folder_of(tmp_path / "n", "sensitivity", figures[1:]))
    assert less.doubts == []


def test_styles_and_levels_of_rm_bench_are_matrices(tmp_path: Path) -> None:
    figures = [
        Figure(WHOLE, f"{a} > {b}", 0.1 * i + 0.2 * j, None, None, 5)
        for i, a in enumerate(STYLES)
        for j, b in enumerate(STYLES)
    ]
    figures += [
        Figure("chat", name, value, None, None, 5) for name, value in (("easy", 0.9), ("normal", 0.8), ("hard", 0.3))
    ]
    (shown,) = sections(folder_of(tmp_path / "m", "rm-bench", figures))
    assert block([shown], "Accuracy by style").numbers.rows[1] == ("detailed", "0.100", "0.300", "0.500")
    assert block([shown], "Accuracy by domain and difficulty").said.endswith("lowest 0.300, chat, hard.")


def test_folders_without_figures_and_damaged_ones_say_so(tmp_path: Path) -> None:
    (empty,) = sections(tmp_path)
    assert empty.blocks == []
    assert empty.doubts == ["No figures are stored in this folder."]
    whole = folder_of(tmp_path / "m", "rm-bench", [Figure(WHOLE, "accuracy", 0.5, None, None, 4)])
    (whole / "part-00001.parquet").write_bytes((whole / "part-00000.parquet").read_bytes()[:200])
    (shown,) = sections(whole)
    assert any("part-00001.parquet cannot be read" in text for text in shown.doubts)
    assert block([shown], "All figures").rows == [("all", "accuracy", "0.500", "-", "4")]
    (whole / "part-00000.parquet").write_bytes(b"PAR1")
    (lost,) = sections(whole)
    assert len(lost.doubts) == 3
    other = tmp_path / "other"
    other.mkdir()
    pq.write_table(pa.table({"group": [1, 2], "n": ["x", "y"]}), other / "part-00000.parquet")
    (strange,) = sections(other)
    assert strange.title == "None"


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys, stages.eval.sections; print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
