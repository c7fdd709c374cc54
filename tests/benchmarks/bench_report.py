"""How long `rlbff report` takes on a finished demo, and how large its page is: CPU seconds of the whole process."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

REPEATS = 3
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print the figures; nothing where there is no `demo`, which `make demo` makes."""
    demo = Path(os.environ.get("RLBFF_DEMO", ROOT / "demo"))
    if not demo.is_dir():
        print("no demo: run `make demo` first")
        return
    environment = {name: value for name, value in os.environ.items() if name != "RLBFF_DEMO"}
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        command = [sys.executable, "-m", "rlbff_cli", "report", str(demo), "-o", str(page)]
        times = []
        for _ in range(REPEATS):
            before = os.times()
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
            after = os.times()
            times.append(after.children_user - before.children_user + after.children_system - before.children_system)
        size = page.stat().st_size
    print(f"rlbff report demo: {median(times):.1f} s of CPU, a page of {size / 1000:,.0f} KB (aim: under 1 MB)")


if __name__ == "__main__":
    main()
