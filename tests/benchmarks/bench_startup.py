"""How long `rlbff --help` takes beside `python -c 'import typer'` and `trl sft --help`, in turn, as whole processes."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

REPEATS = 7
BIN = Path(sys.executable).parent


def run() -> list[tuple[str, ...]]:
    """Rows (what, ours, theirs, ratio, aim): medians of REPEATS runs in turn."""
    import_typer, trl = [sys.executable, "-c", "import typer"], [str(BIN / "trl"), "sft", "--help"]
    ours, page, typer_alone, theirs = _in_turn(
        [str(BIN / "rlbff"), "--help"], [str(BIN / "rlbff"), "extract-principles", "--help"], import_typer, trl
    )
    return [
        (
            "rlbff --help : import typer",
            f"{ours:.3f} s",
            f"{typer_alone:.3f} s",
            f"{ours / typer_alone:.2f} x",
            "<= 3 x",
        ),
        ("trl sft --help : rlbff --help", f"{ours:.3f} s", f"{theirs:.3f} s", f"{theirs / ours:.0f} x", ">= 20 x"),
        (
            "trl sft --help : rlbff extract-principles --help",
            f"{page:.3f} s",
            f"{theirs:.3f} s",
            f"{theirs / page:.0f} x",
            "none",
        ),
    ]


def _in_turn(*commands: list[str]) -> list[float]:
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(REPEATS):
        for command, values in zip(commands, times, strict=True):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            values.append(time.perf_counter() - start)
    return [median(values) for values in times]


if __name__ == "__main__":
    for row in run():
        print(" | ".join(row))
