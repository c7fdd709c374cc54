"""The same shards by processes of this machine and by actors of a Ray cluster with as many cores, as whole commands.

What is done is what the built-in rules do to the sample feedback; the cluster stands already, so that its own start-up,
which is shown apart, is not counted against it.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

REPEATS = 3
ROOT = Path(__file__).parents[2]
PARTS, ROWS = 40, 100
RLBFF = [sys.executable, "-m", "rlbff_cli"]


def main() -> None:
    """Print medians, and what Ray costs beside local."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="rlbff-bench-", dir="/tmp") as folder:
        source = _feedback(Path(folder))
        begun = time.perf_counter()
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80 * 2**20},
        )
        started = time.perf_counter() - begun
        try:
            engines: dict[str, list[str]] = {"local": [], "ray": ["--runner", "ray", "--ray-address", cluster.address]}
            times: dict[str, list[float]] = {name: [] for name in engines}
            for number in range(REPEATS):
                for name, options in engines.items():
                    out = Path(folder, f"{name}-{number}")
                    times[name].append(_seconds(source, out, [*options, "--workers", "2"]))
        finally:
            cluster.shutdown()
    local, ray = median(times["local"]), median(times["ray"])
    print(f"{PARTS} parts of {ROWS} rows, two workers each, medians of {REPEATS}:")
    print(f"local {local:.1f} s, ray {ray:.1f} s: {ray / local:.2f} x; start of a cluster beside that {started:.1f} s")


def _feedback(folder: Path) -> Path:
    rows = [json.loads(line) for line in (ROOT / "sample_data" / "feedback.jsonl").read_text("utf-8").splitlines()]
    path = folder / "feedback.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for number in range(PARTS * ROWS):
            out.write(json.dumps(rows[number % len(rows)] | {"id": f"r{number}"}) + "\n")
    return path


def _seconds(source: Path, out: Path, options: list[str]) -> float:
    command = [*RLBFF, "extract-principles", str(source), "--rows-per-shard", str(ROWS), "--log-level", "error"]
    begun = time.perf_counter()
    subprocess.run([*command, *options, "-o", str(out)], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
