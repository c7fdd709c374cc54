"""Options of score: the one definition behind the command line, the YAML file and the Python call.

Paths are marked operational: what counts is which model scores and what is in the files, and `run.py` adds both to the
fingerprint.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, STDIN, Panel, RunOptions, check_range
from stages.rewards.options import RewardOptions
from stages.rewards.source_options import SourceOptions
from stages.rewards.spec import Spec, find_spec

Aggregate = Literal["none", "mean", "min", "weighted"]
Output = Literal["scores", "best-of-n", "pairs"]


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Score responses with a reward model, by principles."""

    inputs: Annotated[
        tuple[str, ...], "Rows with responses: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL
    ]
    rm: Annotated[
        str,
        "Reward model: a folder of train-rm, a hub id, a server's URL, or - for a path on stdin; or a source as in "
        "train-policy: rm:DIR, genrm:DIR, math:, code:, check:, py:MODULE:FUNCTION.",
        OPERATIONAL,
        STDIN,
    ]
    out: Annotated[
        Path | None, "Output folder; default <stem of the first input>.scores, or .preferences.", "-o", OPERATIONAL
    ] = None
    principle: Annotated[
        tuple[str, ...], "Principle to score by; repeatable. Default: each row's own column `principle`."
    ] = ()
    principles_file: Annotated[
        Path | None,
        "Text with a principle a line; or YAML: a list, weights, or either by domain. --principle goes before it.",
        OPERATIONAL,
    ] = None
    aggregate: Annotated[
        Aggregate, "One score a response, over its principles: mean, smallest, or mean with the file's weights."
    ] = "none"
    missing: Annotated[
        Literal["reject", "skip"], "When one principle cannot be scored: reject the row, or leave the principle out."
    ] = "reject"
    output: Annotated[Output, "All scores, the best response of every prompt, or the best paired with the worst."] = (
        "scores"
    )
    min_margin: Annotated[float | None, "Leave out pairs whose scores differ by less."] = None
    reward: Annotated[RewardOptions, Panel("Reward model")] = field(default_factory=RewardOptions)
    sources: Annotated[SourceOptions, Panel("Rewards")] = field(default_factory=SourceOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        if not self.rm:
            raise ConfigError("--rm is empty; name a folder of train-rm, a hub id or a server's URL.")
        for place, text in enumerate(self.principle):
            if not text.strip():
                raise ConfigError("--principle is empty; name a quality, such as clarity.")
            if text in self.principle[:place]:
                raise ConfigError(f"--principle {text!r} is given twice; leave one out.")
        if self.aggregate == "weighted" and (self.principle or self.principles_file is None):
            raise ConfigError("--aggregate weighted takes principles and weights from --principles-file alone.")
        if self.min_margin is not None and self.output != "pairs":
            raise ConfigError("--min-margin has no meaning without --output pairs.")
        if self.in_words or self.source is not None:
            instead = "--concurrency" if self.in_words else "--reward-workers"
            if self.run.runner == "ray":
                raise ConfigError(f"--runner ray is for models that score in one pass; here say {instead} instead.")
            if (self.run.workers or 1) > 1:
                raise ConfigError(f"--workers is for models that score in one pass; here say {instead} instead.")
        spec = self.spec
        if self.reward.generative and spec is not None and spec.kind != "genrm":
            raise ConfigError(f"--generative does not go with --rm {self.rm}; a model that reasons is genrm:FOLDER.")
        check_range("min_margin", self.min_margin, 0)

    @property
    def in_words(self) -> bool:
        """Whether the model writes its judgement, as any at a URL does, instead of giving a score in one pass."""
        if self.spec is not None:
            return self.spec.kind == "genrm" or (self.spec.kind == "rm" and _is_url(self.spec.argument))
        return self.reward.generative or _is_url(self.rm)

    @property
    def spec(self) -> Spec | None:
        """What --rm says where it is written as train-policy names rewards. Raises ConfigError as `parse_specs`."""
        return find_spec(self.rm)

    @property
    def source(self) -> Spec | None:
        """The same where it is no model: math:, code:, check: or py:."""
        return None if self.spec is None or self.spec.kind in ("rm", "genrm") else self.spec

    @property
    def model(self) -> str:
        """The model that --rm names."""
        return self.rm if self.spec is None else self.spec.argument

    @property
    def model_options(self) -> RewardOptions:
        """How the model is asked: genrm: says that it writes its judgement."""
        is_generative = self.spec is not None and self.spec.kind == "genrm"
        return replace(self.reward, generative=True) if is_generative else self.reward


def _is_url(rm: str) -> bool:
    return rm.lower().startswith(("http://", "https://"))
