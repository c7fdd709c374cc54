"""Options of eval: the one definition behind the command line, the YAML file and the Python call.

Paths are marked operational: what counts is what is in the files, and `run.py` adds their hashes to the fingerprint.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, POSITIONAL, Panel, RunOptions, check_range

BenchmarkName = Literal[
    "rm-bench",
    "judgebench",
    "reward-bench-2",
    "llmbar",
    "pandalm",
    "alpaca",
    "best-of-n",
    "principle-pairs",
    "calibration",
    "hacking",
]


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Measure reward models and judges on benchmarks, from scores that are there."""

    benchmark: Annotated[BenchmarkName, "What to measure.", POSITIONAL]
    inputs: Annotated[tuple[str, ...], "The benchmark's rows: files, folders, globs, URLs, or -.", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.metrics.", "-o", OPERATIONAL] = None
    scores: Annotated[
        str,
        "stored (in the rows), length (characters), or where they are: a table of scores, or rows like the input.",
        OPERATIONAL,
    ] = "stored"
    against: Annotated[
        str | None, "A second source of scores, compared on the same rows; as --scores.", OPERATIONAL
    ] = None
    draws: Annotated[int, "Bootstrap resamples behind an interval."] = 1000
    min_group: Annotated[int, "Smallest number of rows for which a principle gets figures of its own."] = 20
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        check_range("draws", self.draws, 2, 1_000_000)
        check_range("min_group", self.min_group, 1)
        if self.run.shard is not None:
            raise ConfigError("--shard has no meaning for eval, which adds up all rows; run it once, on one machine.")
        if self.against is not None and self.against == self.scores:
            raise ConfigError(f"--against is {self.against!r}, as is --scores; name another source of scores.")
