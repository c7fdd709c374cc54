"""What `rlbff verify-code` says of public programs whose truth is known: `python tests/benchmarks/golden_code.py`.

Reads ../shared/data, runs the command as a user does, and prints the figures beside those that are published with the
data. With --samples the 8,200 CodeGen-16B samples of CodeT are run again, which takes several minutes of two cores.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT))

import pyarrow.parquet as pq  # noqa: E402 - the line above is for a call by path

from tests.programs import codet  # noqa: E402

Row = dict[str, Any]
RULES: Final = (
    *("frac:1.0", "frac:0.8", "frac:0.6", "frac:0.4", "frac:0.3", "frac:0.2", "rel:1.0", "rel:0.8"),
    *("consensus", "consensus:0.8", "calibrated:precision=0.5", "calibrated:precision=0.7", "calibrated:precision=0.9"),
)


def main() -> None:
    """Print a line for each set, then the table of keep rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", action="store_true", help="run the 8,200 samples of CodeT again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for what, rows, published in sets():
            found = verify(place / "set", rows())
            print(f"{what}: {sum(row['kept'] for row in found)} of {len(found)} pass; published {published}")
        for level in ("standard", "strict"):
            found = verify(place / "set", attacks(), "--level", level, "--test-seconds", "0.4")
            wrong = [row["id"] for row in found if row["kept"] != (row["want"] == "pass")]
            print(f"attacks at {level}: {len(found)}, of which misjudged {wrong or 'none'}")
        if arguments.samples:
            samples(place)
        keep_rules(place)


def sets() -> Iterator[tuple[str, Callable[[], list[Row]], str]]:
    """Name, rows and published figure of each set."""
    ilf = lines(SHARED / "ilf" / "surge_annotations.jsonl")
    yield "HumanEval, canonical solutions", humaneval, "164 of 164"
    for column, published in (("original_model_completion", "0 of 98"), ("unedited_annotator_completion", "98 of 98")):
        yield f"ILF, {column}", lambda column=column: [ilf_row(row, column) for row in ilf], published
    for column, published in (("correct", "15 of 15, slow cases left out"), ("buggy", "0 of 15")):
        yield f"QuixBugs, {column}", lambda column=column: quixbugs(column), published
    for name, published in (("gpt4_humaneval_py", "72 of 82"), ("gpt4_mbpp_py", "163 of 199 today")):
        rows = lines(SHARED / "reflexion" / f"{name}.jsonl.gz")
        yield f"Reflexion, {name}", lambda rows=rows: [dict(row, truth=row["rerun"]) for row in rows], published


def humaneval() -> list[Row]:
    """HumanEval with its own solutions as answers."""
    rows = lines(SHARED / "humaneval" / "HumanEval.jsonl.gz")
    return [dict(row, completion=row["canonical_solution"]) for row in rows]


def ilf_row(row: Row, column: str) -> Row:
    """A task of ILF with one of its programs."""
    return {"problem_id": str(row["task_id"]), "prompt": row["prompt"], "test": row["test"], "completion": row[column]}


def quixbugs(column: str) -> list[Row]:
    """The pairs with JSON tests."""
    pairs = [row for row in lines(SHARED / "quixbugs" / "pairs.jsonl") if row["json_tests"]]
    return [
        {"problem_id": row["name"], "solution": row[column], "json_tests": fast(row), "entry_point": row["entry_point"]}
        for row in pairs
    ]


def fast(row: Row) -> str:
    """The tests without the case that upstream leaves out as slow."""
    slow = ["amanaplanacanalpanama", "docnoteidissentafastneverpreventsafatnessidietoncod"]
    return json.dumps([case for case in json.loads(row["json_tests"]) if case[0] != slow])


def attacks() -> list[Row]:
    """The hostile and the honest programs of the shared set."""
    return [dict(row, id=row["name"], problem_id=row["name"]) for row in lines(SHARED / "attacks" / "attacks.jsonl")]


def samples(place: Path) -> None:
    """The samples of CodeT under the official tests, and pass@k."""
    asked = {row["task_id"]: row for row in humaneval()}
    truth = {row["task_id"]: row["passed"] for row in lines(SHARED / "codet" / "verdicts.jsonl")}
    rows = [
        {
            "id": row["task_id"],
            "problem_id": row["task_id"],
            "prompt": row["prompt"],
            "completions": row["samples"],
            "test": asked[row["task_id"]]["test"],
            "entry_point": asked[row["task_id"]]["entry_point"],
            "truth": [bool(passed) for passed in truth[row["task_id"]]],
        }
        for row in lines(SHARED / "codet" / "code_solution.jsonl.gz")
    ]
    found = verify(place / "samples", rows)
    agree = sum(row["kept"] == row["truth"] for row in found)
    print(f"CodeT samples: {sum(row['kept'] for row in found)} of {len(found)} pass; published 1923 of 8200")
    print(f"  {agree} verdicts of {len(found)} are those published")
    out = rlbff("eval", "pass-at-k", place / "samples" / "out", "--k", "1,2,10,100", "-o", place / "samples" / "k")
    figures = {row["metric"]: row["value"] for row in rows_of(out)}
    print("  " + ", ".join(f"{name} {100 * value:.2f}" for name, value in figures.items()))
    print("  published: pass@1 23.45, pass@2 32.96, pass@10 54.24, pass@100 79.27")


def keep_rules(place: Path) -> None:
    """CodeT's programs under tests that the model wrote: how good each keep rule is."""
    rows = [
        {
            "id": f"{task.number}-{number}",
            "problem_id": str(task.number),
            "prompt": task.prompt,
            "solution": program,
            "tests": list(task.tests),
            "entry_point": task.entry_point,
            "truth": right,
        }
        for task in codet.read(SHARED)
        if task.tests
        for number, (program, right) in enumerate(zip(task.programs, task.truth, strict=True))
    ]
    limits = ("--test-seconds", "0.5", "--program-seconds", "16", "--reruns", "1")
    found = verify(place / "rules", rows, *limits)
    print(f"CodeT, tests written by the model: {len(found)} programs, {sum(row['truth'] for row in found)} right")
    out = rlbff("eval", "verification", place / "rules" / "out", "-o", place / "rules" / "v", "--draws", "4000")
    figures = {(row["group"], row["metric"]): row for row in rows_of(out)}
    print("rule | kept | precision | recall | precision minus that of fractions at equal recall")
    for rule in RULES:
        if (rule, "precision") not in figures:
            print(f"{rule} | {refusal(place / 'rules', rule, *limits)}")
            continue
        kept = round(figures[rule, "kept"]["value"] * len(found))
        told = (shown(figures.get((rule, metric))) for metric in ("precision", "recall", "precision_minus_frac"))
        print(" | ".join([rule, str(kept), *told]))


def refusal(folder: Path, rule: str, *options: str) -> str:
    """What the command says where a rule cannot decide; the programs are not run again."""
    arguments = [folder / "programs.jsonl", "-o", folder / "out", "--overwrite", "--keep", rule, *options]
    command = [sys.executable, "-m", "rlbff_cli", "verify-code", *map(str, arguments), "--log-level", "error"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"exit {done.returncode}: {done.stderr.strip()}"


def shown(figure: Row | None) -> str:
    """A figure with its interval."""
    return "-" if figure is None else f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def verify(folder: Path, rows: Iterable[Row], *options: str) -> list[Row]:
    """The verdicts of some rows."""
    folder.mkdir(exist_ok=True)
    path = folder / "programs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows_of(rlbff("verify-code", path, "-o", folder / "out", "--overwrite", *options))


def rlbff(*arguments: object) -> Path:
    """Run a command; the folder that it prints."""
    command = [sys.executable, "-m", "rlbff_cli", *map(str, arguments), "--log-level", "error"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Path(done.stdout.strip())


def rows_of(folder: Path) -> list[Row]:
    """All rows of a folder."""
    return [row for path in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def lines(path: Path) -> list[Row]:
    """The rows of a JSONL file, packed or not."""
    data = path.read_bytes()
    return [json.loads(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()]


if __name__ == "__main__":
    main()
