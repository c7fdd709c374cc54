"""What a tiny entailment model learns from sample_data/reviews.jsonl: held-out figures of five seeds.

The seed makes the weights, the order of the rows and the split, so that the spread over seeds holds all three. Beside
the model stand the majority of each principle among the rows trained on, and the same model with principles shuffled
among the rows, and with responses hidden.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

from stages.core.options import RunOptions
from stages.train_rm.config import TrainRmConfig
from stages.train_rm.run import run

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(5)
T_95 = 2.776
"""Student's t of a two-sided 95 % interval with four degrees of freedom."""

COLUMNS = {
    "accuracy": "accuracy.calibrated",
    "AUROC": "auroc.calibrated",
    "ECE raw": "ece.raw",
    "ECE calibrated": "ece.calibrated",
    "majority": "accuracy.majority",
    "shuffled": "accuracy.shuffled_principle",
    "hidden": "accuracy.principle_only",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        principles = Path(scratch) / "principles"
        extract = [sys.executable, "-m", "rlbff_cli", "extract-principles", "sample_data/reviews.jsonl"]
        subprocess.run([*extract, "-o", str(principles), "--log-level", "error"], cwd=ROOT, check=True)
        rows = []
        print(f"{'seed':10} {'rows':>5} " + " ".join(f"{name:>14}" for name in COLUMNS) + "   CPU s")
        for seed in SEEDS:
            start = time.process_time()
            report = run(
                TrainRmConfig(
                    inputs=(str(principles),),
                    model="tiny",
                    out=Path(scratch) / f"rm{seed}",
                    run=RunOptions(seed=seed),
                )
            )
            held_out: dict[str, float] = report.facts["held_out"]  # type: ignore[assignment]
            rows.append([held_out[name] for name in COLUMNS.values()])
            figures = " ".join(f"{value:14.3f}" for value in rows[-1])
            print(f"{seed:<10} {held_out['rows']:5.0f} {figures} {time.process_time() - start:7.0f}", flush=True)
        columns = list(zip(*rows, strict=True))
        print(f"{'mean':16} " + " ".join(f"{mean(column):14.3f}" for column in columns))
        half = [T_95 * stdev(column) / len(column) ** 0.5 for column in columns]
        print(f"{'95 % +-':16} " + " ".join(f"{value:14.3f}" for value in half))
        for name, other in (("majority", 4), ("shuffled", 5), ("hidden", 6)):
            gains = [row[0] - row[other] for row in rows]
            width = T_95 * stdev(gains) / len(gains) ** 0.5
            print(f"accuracy less {name}: {mean(gains):.3f} [{mean(gains) - width:.3f}, {mean(gains) + width:.3f}]")


if __name__ == "__main__":
    main()
