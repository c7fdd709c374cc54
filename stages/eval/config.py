"""Options of eval: the one definition behind the command line, the YAML file and the Python call.

Paths are marked operational: what counts is what is in the files, and `run.py` adds their hashes to the fingerprint.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, POSITIONAL, LlmOptions, Panel, RunOptions, check_range
from stages.eval.options import JudgeOptions, PolicyOptions
from stages.rewards.options import RewardOptions
from stages.rewards.source_options import SourceOptions
from stages.rewards.spec import Spec, find_spec

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
    "avg-at-k",
    "pairwise",
    "rubric",
]

OWN_PRINCIPLES: Final = ("principle-pairs", "calibration", "hacking", "sensitivity")
"""Benchmarks whose rows each name the principle that they are judged on."""

JUDGED: Final = ("pairwise", "rubric")
"""Benchmarks whose rows a judge can be asked about."""

NO_SCORES: Final = ("alpaca", "pass-at-k", "reasoning-potential", "verification", "selection", "avg-at-k", *JUDGED)
"""Benchmarks that no scores are needed for."""

WITH_KS: Final = ("pass-at-k", "avg-at-k")
"""Benchmarks that draw k of the samples of a problem."""

MOST_SAMPLES: Final = 1_000_000
"""Largest k of pass@k."""

RM: Final = "rm:"
"""What marks a reward model among the sources of scores."""

GENRM: Final = "genrm:"
"""What marks one that writes its judgement."""

_PRINCIPLES = Panel("Principles, for a reward model that is run")


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Measure reward models and judges on benchmarks, by running them or from scores that are there."""

    benchmark: Annotated[BenchmarkName, "What to measure.", POSITIONAL]
    inputs: Annotated[tuple[str, ...], "The benchmark's rows: files, folders, globs, URLs, or -.", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.metrics.", "-o", OPERATIONAL] = None
    scores: Annotated[
        str,
        "stored (in the rows), length (characters), rm:MODEL (a reward model to run: folder, hub id or URL), "
        "genrm:MODEL (one that writes its judgement), math:, code:, check:, py:MODULE:FUNCTION, or where they are: a "
        "table of scores, or rows like the input.",
        OPERATIONAL,
    ] = "stored"
    against: Annotated[
        str | None,
        "A second source of scores, compared on the same rows; as --scores. avg-at-k, rubric: rows of another policy.",
        OPERATIONAL,
    ] = None
    draws: Annotated[int, "Bootstrap resamples behind an interval."] = 1000
    min_group: Annotated[int, "Smallest number of rows for which a principle gets figures of its own."] = 20
    k: Annotated[
        tuple[str, ...], "pass-at-k, avg-at-k: numbers of samples, 1,5,10; default: powers of 2 and of 10, all."
    ] = ()
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
    policy: Annotated[PolicyOptions, Panel("Policy that is sampled, for avg-at-k")] = field(
        default_factory=PolicyOptions
    )
    sources: Annotated[SourceOptions, Panel("Rewards, for avg-at-k and as scores")] = field(
        default_factory=SourceOptions
    )
    judge: Annotated[JudgeOptions, Panel("Judge, for pairwise and rubric")] = field(default_factory=JudgeOptions)
    reward: Annotated[RewardOptions, Panel("Reward model or judge that is run")] = field(default_factory=RewardOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        check_range("draws", self.draws, 2, 1_000_000)
        check_range("min_group", self.min_group, 1)
        if self.run.runner == "ray":
            raise ConfigError(
                "--runner ray has no meaning for eval, which adds up all rows; rlbff score takes it, eval its scores."
            )
        if self.run.shard is not None:
            raise ConfigError("--shard has no meaning for eval, which adds up all rows; run it once, on one machine.")
        if self.against is not None and self.against == self.scores:
            raise ConfigError(f"--against is {self.against!r}, as is --scores; name another source of scores.")
        if self.ks and self.benchmark not in WITH_KS:
            raise ConfigError(f"--k has no meaning for {self.benchmark}; it says for which k pass-at-k is computed.")
        self._check_sources()
        self._check_asked()
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
        return any(name is not None and name.startswith((RM, GENRM)) for name in (self.scores, self.against))

    @property
    def runs_source(self) -> bool:
        """Whether a source of scores is one of rewards that is no model."""
        return any(name is not None and source_of(name) is not None for name in (self.scores, self.against))

    def judge_options(self) -> LlmOptions:
        """How the judge is asked; it must be named."""
        assert self.judge.llm is not None
        return replace(self.reward.llm(self.judge.llm), llm_model=self.judge.llm_model)

    @property
    def asks(self) -> bool:
        """Whether a judge or a policy is asked."""
        return self.judge.llm is not None or self.policy.policy is not None

    def _check_asked(self) -> None:
        if self.judge.llm is not None and self.benchmark not in JUDGED:
            raise ConfigError(f"--llm has no meaning for {self.benchmark}; a judge is asked by {' and '.join(JUDGED)}.")
        if self.policy.policy is None:
            return
        if self.benchmark != "avg-at-k":
            raise ConfigError(f"--policy has no meaning for {self.benchmark}; a policy is sampled for avg-at-k.")
        if self.ks and max(self.ks) > self.policy.samples:
            raise ConfigError(
                f"--k names {max(self.ks)}, but --samples is {self.policy.samples}; draw more, or name less."
            )

    def _check_sources(self) -> None:
        rows_of_another = self.benchmark in ("avg-at-k", "rubric") and self.scores == "stored"
        if (
            rows_of_another
            and self.against is not None
            and (self.against.startswith((RM, GENRM, "length")) or source_of(self.against) is not None)
        ):
            raise ConfigError(
                f"--against is {self.against!r}; {self.benchmark} compares with rows of another policy: a path."
            )
        if (
            self.benchmark in NO_SCORES
            and (self.scores != "stored" or self.against is not None)
            and not rows_of_another
        ):
            raise ConfigError(f"--scores and --against have no meaning for {self.benchmark}: no response is scored.")
        for option, name in (("--scores", self.scores), ("--against", self.against)):
            if name == RM:
                raise ConfigError(f"{option} rm: names no model; write rm:FOLDER, rm:HUB-ID or rm:URL.")
            if name is not None and not name.startswith(RM):
                find_spec(name, option)
            if name is not None and not name.startswith((RM, GENRM)) and self.benchmark == "sensitivity":
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


def source_of(name: str) -> Spec | None:
    """The source of rewards that --scores or --against names, if it is one and no model: math:, code:, check:, py:."""
    return None if name.startswith((RM, GENRM)) else find_spec(name, "--scores")
