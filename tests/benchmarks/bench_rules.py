"""How many feedbacks a second the rules do through the whole command, and in how much memory, for 10^5 and 10^6 rows.

The rows are the texts of sample_data/ in turn, one annotator each, about 30 words. The clock runs over the whole
process: start-up, the pass that plans, extraction, writing, and the summary. Memory is the sum over all processes of
the command of their proportional set size, sampled five times a second.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = (100_000, 1_000_000)
AIM_PER_CORE, AIM_MEMORY = 2000, 600


def run() -> list[tuple[str, ...]]:
    """Rows (what, feedbacks/s, feedbacks/s and worker, peak memory, aim)."""
    texts = [text for row in _sample() for text in row["feedback"]]
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write(folder / "rows.jsonl", texts, size)
            for workers in (1, 2) if size == SIZES[0] else (2,):
                seconds, peak = _measure(folder, workers)
                speed = size / seconds
                rows.append(
                    (
                        f"rules, {size:,} rows, {workers} worker{'s' if workers > 1 else ''}",
                        f"{speed:,.0f} feedbacks/s",
                        f"{speed / workers:,.0f} a worker",
                        f"{peak / 2**20:.0f} MiB",
                        f">= {AIM_PER_CORE:,} a core, < {AIM_MEMORY} MB",
                    )
                )
    return rows


def _sample() -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in (ROOT / "sample_data" / "feedback.jsonl").read_text().splitlines()]


def _write(path: Path, texts: list[str], rows: int) -> None:
    with path.open("w") as out:
        for n in range(rows):
            out.write(json.dumps({"id": f"r{n}", "prompt": f"Question {n}?", "feedback": texts[n % len(texts)]}) + "\n")


def _measure(folder: Path, workers: int) -> tuple[float, int]:
    """(seconds, peak bytes) of one run."""
    command = [str(Path(sys.executable).parent / "rlbff"), "extract-principles", "rows.jsonl", "-o", f"out{workers}"]
    command += ["--workers", str(workers), "--llm", "rules", "--log-level", "error"]
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.2)
        assert process.returncode == 0
    return time.perf_counter() - start, peak


def _memory(pid: int) -> int:
    """Bytes of the process and all below it, shared pages counted once."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own + sum(_memory(int(child)) for child in below)


if __name__ == "__main__":
    for row in run():
        print(" | ".join(row), flush=True)
