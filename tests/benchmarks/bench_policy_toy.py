"""Time in which a toy policy learns: until the reward of toy_task.py reaches GOAL, by preset and seed, whole stage.

Seconds are counted from the start of the stage, start-up of the reward's worker and reading of the base included, to
the end of the updates after the generation that reached the goal (mean of WINDOW generations). CPU is that of the
training process.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from transformers.utils.logging import disable_progress_bar

from stages.core.progress import Quiet
from stages.train_policy.run import run
from tests.benchmarks.entropy_control import GENERATIONS, GOAL, config_of, read_curves
from tests.benchmarks.toy_task import save_base, write_prompts

PRESETS: Final = ("grpo", "ce-gppo 0.5")
SEEDS: Final = (1, 2, 3)


class Clock(Quiet):
    """Notes when each generation starts: wall-clock and CPU seconds."""

    def __init__(self) -> None:
        self.begun = self._now()
        self.starts: list[tuple[float, float]] = []

    def start(self, what: str, total: int | None, done: int = 0, unit: str = "rows") -> None:
        if what.startswith("generation"):
            self.starts.append(self._now())

    def since(self, generation: int) -> tuple[float, float]:
        """Seconds from the beginning to the start of a generation, to now where there is none of that number."""
        wall, cpu = self.starts[generation] if generation < len(self.starts) else self._now()
        return wall - self.begun[0], cpu - self.begun[1]

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def main() -> None:
    torch.set_num_threads(1)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_prompts(folder / "prompts.jsonl")
        begun = time.process_time()
        save_base(folder / "base", 0)
        print(f"the base, once: {time.process_time() - begun:.1f} s of CPU")
        print(f"{'':16} {'seed':>4} {'reward':>14} {'to ' + str(GOAL):>12} {'s':>6} {'s of CPU':>9}")
        for preset in PRESETS:
            for seed in SEEDS:
                _learn(folder, preset, seed)


def _learn(folder: Path, preset: str, seed: int) -> None:
    out, clock = folder / f"{preset}-{seed}", Clock()
    run(config_of(folder / "prompts.jsonl", folder / "base", out, preset, seed), progress=clock)
    reward = read_curves(out).reward
    ends = f"{reward[0]:.2f} to {reward[-1]:.2f}"
    if reward.max() < GOAL:
        print(f"{preset:16} {seed:4} {ends:>14} {'never':>12}", flush=True)
        return
    generation = int(np.argmax(reward >= GOAL))
    wall, cpu = clock.since(generation + 1)
    print(f"{preset:16} {seed:4} {ends:>14} {generation + 1:4} of {GENERATIONS:<4} {wall:6.1f} {cpu:9.1f}", flush=True)


if __name__ == "__main__":
    main()
