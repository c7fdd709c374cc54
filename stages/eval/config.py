"""Options of eval: the one definition behind the command line, the YAML file and the Python call.

Paths are marked operational: what counts is what is in the files, and `run.py` adds their hashes to the fingerprint.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, POSITIONAL, Panel, RunOptions, check_range
from stages.rewards.options import RewardOptions

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
    "sensitivity",
    "pass-at-k",
    "reasoning-potential",
    "verification",
    "selection",
]

OWN_PRINCIPLES: Final = ("principle-pairs", "calibration", "hacking", "sensitivity")
"""Benchmarks whose rows each name the principle that they are judged on."""

NO_SCORES: Final = ("alpaca", "pass-at-k", "reasoning-potential", "verification", "selection")
"""Benchmarks that no scores are needed for."""

MOST_SAMPLES: Final = 1_000_000
"""Largest k of pass@k."""

RM: Final = "rm:"
"""What marks a reward model among the sources of scores."""

_PRINCIPLES = Panel("Principles, for a reward model that is run")


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Measure reward models and judges on benchmarks, by running them or from scores that are there."""

    benchmark: Annotated[BenchmarkName, "What to measure.", POSITIONAL]
    inputs: Annotated[tuple[str, ...], "The benchmark's rows: files, folders, globs, URLs, or -.", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.metrics.", "-o", OPERATIONAL] = None
    scores: Annotated[
        str,
        "stored (in the rows), length (characters), rm:MODEL (a reward model to run: folder, hub id or URL), or where "
        "they are: a table of scores, or rows like the input.",
        OPERATIONAL,
    ] = "stored"
    against: Annotated[
        str | None, "A second source of scores, compared on the same rows; as --scores.", OPERATIONAL
    ] = None
    draws: Annotated[int, "Bootstrap resamples behind an interval."] = 1000
    min_group: Annotated[int, "Smallest number of rows for which a principle gets figures of its own."] = 20
    k: Annotated[tuple[str, ...], "pass-at-k: numbers of samples, 1,5,10; default: powers of 2 and of 10, all."] = ()
    principle: Annotated[
        tuple[str, ...], "Judge by this principle; with several, by the mean of their log-odds.", _PRINCIPLES
    ] = ()
    principles_file: Annotated[
        Path | None,
        "One a line, or YAML: domain to principle or list of them, `default` for the rest.",
        OPERATIONAL,
        _PRINCIPLES,
    ] = None
    choose_on: Annotated[
        str | None,
        "Rows to choose each domain's best principle on; they may not be measured.",
        OPERATIONAL,
        _PRINCIPLES,
    ] = None
    reward: Annotated[RewardOptions, Panel("Reward model that is run")] = field(default_factory=RewardOptions)
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
        if self.ks and self.benchmark != "pass-at-k":
            raise ConfigError(f"--k has no meaning for {self.benchmark}; it says for which k pass-at-k is computed.")
        self._check_sources()
        self._check_principles()

    @property
    def ks(self) -> tuple[int, ...]:
        """The numbers of samples that --k names, rising, each once; raises ConfigError where one is none."""
        texts = [piece.strip() for text in self.k for piece in text.split(",")]
        for text in texts:
            if not text.isdecimal() or not 1 <= int(text) <= MOST_SAMPLES:
                raise ConfigError(
                    f"--k {','.join(self.k)!r}: {text!r} is no number of samples; write whole numbers from 1 to "
                    f"{MOST_SAMPLES:,}, such as 1,10,100."
                )
        return tuple(sorted({int(text) for text in texts}))

    @property
    def runs_model(self) -> bool:
        """Whether a source of scores is a reward model that must be run."""
        return any(name is not None and name.startswith(RM) for name in (self.scores, self.against))

    def _check_sources(self) -> None:
        if self.benchmark in NO_SCORES and (self.scores != "stored" or self.against is not None):
            raise ConfigError(f"--scores and --against have no meaning for {self.benchmark}: no response is scored.")
        for option, name in (("--scores", self.scores), ("--against", self.against)):
            if name == RM:
                raise ConfigError(f"{option} rm: names no model; write rm:FOLDER, rm:HUB-ID or rm:URL.")
            if name is not None and not name.startswith(RM) and self.benchmark == "sensitivity":
                raise ConfigError(
                    f"{option} is {name!r}, but sensitivity asks a model what no stored score can say; name the model, "
                    f"for example {option} rm:FOLDER."
                )

    def _check_principles(self) -> None:
        named = {
            "--principle": self.principle,
            "--principles-file": self.principles_file,
            "--choose-on": self.choose_on,
            "--generative": self.reward.generative,
        }
        first = next((option for option, value in named.items() if value), None)
        if first is not None and not self.runs_model:
            raise ConfigError(f"{first} has a meaning only where a model is run; name one with --scores rm:MODEL.")
        if first not in (None, "--generative") and self.benchmark in OWN_PRINCIPLES:
            raise ConfigError(f"{first} has no meaning for {self.benchmark}: each row is judged on its own principle.")
        if self.principle and self.principles_file is not None:
            raise ConfigError("--principle and --principles-file exclude each other; put all principles into the file.")
        if not all(text.strip() for text in self.principle):
            raise ConfigError("--principle is empty; name a quality, such as correctness.")
        if len(set(self.principle)) < len(self.principle):
            raise ConfigError("--principle names a principle twice.")
