"""Options of select-cotp: the one definition behind the command line, the YAML file and the Python call."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, LlmOptions, Panel, RunOptions, check_range

MethodName = Literal["assign", "knn", "greedy", "within", "random", "random-length", "random-matched"]
UtilityName = Literal["none", "learnability", "potential", "unsolved"]

PruneName = Literal["auto", "none", "patterns"]
SourceName = Literal["auto", "column", "llm", "rules"]

METHODS: Final = ("assign", "knn", "greedy", "within", "random", "random-length", "random-matched")

_MOST_TOKENS: Final = 1e18

_CORE = Panel("Core set")
_SELECT = Panel("Selection")
_CHAINS = Panel("Chains")
_DISTANCE = Panel("Distance")
_CLEAN = Panel("Duplicates and benchmarks")


@dataclass(frozen=True, kw_only=True)
class ChainOptions:
    """Where pattern chains and entropy chains come from.

    Where files and models lie is operational here and below: `opening.py` adds the hashes of their content to what
    decides the result.
    """

    patterns: Annotated[
        SourceName,
        "Pattern chains from the rows' column, the --llm, or built-in rules; auto: the first of these there is.",
    ] = "auto"
    pattern_map: Annotated[
        Path | None, "File that merges pattern names: JSON or YAML of {name: name}.", OPERATIONAL
    ] = None
    entropy_model: Annotated[
        str | None,
        "Compute token entropies with this model: hub id, folder, or tiny; default: the rows' column.",
        OPERATIONAL,
    ] = None
    revision: Annotated[str | None, "Revision of the --entropy-model on the hub."] = None
    pack_tokens: Annotated[int, "Tokens of several chains that go through the --entropy-model at once."] = 8192
    device: Annotated[str | None, "Device of the --entropy-model; default: cuda where there is one."] = None
    dtype: Annotated[str | None, "Its floating-point type; default: bfloat16 on cuda, else float32."] = None
    bins: Annotated[str, "Length of entropy chains after binning: a number, none (raw), or per-step."] = "256"

    def __post_init__(self) -> None:
        check_range("pack_tokens", self.pack_tokens, 2)
        if self.bins not in ("none", "per-step") and not (self.bins.isdecimal() and 2 <= int(self.bins) <= 65536):
            raise ConfigError(f"--bins is {self.bins!r}; write a number from 2 to 65536, none, or per-step.")


@dataclass(frozen=True, kw_only=True)
class SelectCotpConfig:
    """Select the chains of thought that reason most like a core set."""

    inputs: Annotated[tuple[str, ...], "The pool: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.selected.", "-o", OPERATIONAL] = None
    core: Annotated[
        tuple[str, ...], "The core set: files or folders of chains like those of the pool.", OPERATIONAL, _CORE
    ] = ()
    build_core: Annotated[int | None, "Build a core set of this many rows out of the pool instead.", _CORE] = None
    per_question: Annotated[int, "With --build-core: most rows of one question.", _CORE] = 2
    accept_list: Annotated[
        Path | None,
        "With --build-core: file of ids, one a line, that a person wants first in the core set.",
        OPERATIONAL,
        _CORE,
    ] = None
    per_core: Annotated[int | None, "Pool rows for each core row; default 1, or what --tokens comes to.", _SELECT] = (
        None
    )
    tokens: Annotated[float | None, "Select about this many tokens instead, such as 10e9.", _SELECT] = None
    method: Annotated[MethodName, "How rows are selected: the assignment, or a control arm.", _SELECT] = "assign"
    arms: Annotated[
        tuple[str, ...], "Control arms to select beside it, under the same budget; none for none.", _SELECT
    ] = ("knn", "random", "random-length", "random-matched")
    match_by: Annotated[tuple[str, ...], "Further columns that random-matched matches.", _SELECT] = ()
    max_distance: Annotated[float | None, "Leave out pairs at a larger distance; rows may then be fewer.", _SELECT] = (
        None
    )
    output_arm: Annotated[
        str | None, "Arm whose rows are written, assign:lambda=0 say; default: the method.", _SELECT
    ] = None
    max_gap: Annotated[float, "Largest certified gap to the optimum, as a share of it, to stop at.", _SELECT] = 0.0
    lambda_: Annotated[float, "Share of the pattern term in the distance, 0 to 1.", _DISTANCE] = 0.8
    sweep: Annotated[tuple[str, ...], "Further values of --lambda, each an arm: 0,0.5,1.", _DISTANCE] = ()
    scale: Annotated[
        Literal["median", "none"], "What makes the two terms comparable: their medians over sampled pairs.", _DISTANCE
    ] = "median"
    weights: Annotated[Literal["tfidf", "none"], "Importance of patterns in a core row's chain.", _DISTANCE] = "tfidf"
    idf: Annotated[Literal["smooth", "plain"], "ln((1+Q)/(1+df)) + 1, or ln(Q/df).", _DISTANCE] = "smooth"
    name_distance: Annotated[
        Literal["dice", "jaccard", "exact"], "Distance of two pattern names, by their character n-grams.", _DISTANCE
    ] = "dice"
    band: Annotated[
        float | None, "Sakoe-Chiba band of the entropy term, as a share of its length; default: none.", _DISTANCE
    ] = None
    utility: Annotated[
        UtilityName, "An arm that also prefers rows by `success_rate`: p(1-p), 1-p, or whether p is 0.", _SELECT
    ] = "none"
    utility_weight: Annotated[float, "How much utility counts beside the distance, in that arm.", _SELECT] = 0.5
    near_duplicates: Annotated[
        float | None,
        "Drop rows whose words are this alike (Jaccard of 5-grams) to an earlier row; 1: equal ones only.",
        _CLEAN,
    ] = 0.9
    benchmarks: Annotated[
        tuple[str, ...],
        "Files of benchmark items; rows whose question shares a 13-gram of words are dropped.",
        OPERATIONAL,
        _CLEAN,
    ] = ()
    benchmark_share: Annotated[
        float, "Only if it shares this much of the item's 13-grams; 0: any. Set phrases are shared by many.", _CLEAN
    ] = 0.0
    candidates: Annotated[
        int | None, "Nearest rows kept for each core row at first; default max(64, 4 x --per-core).", _SELECT
    ] = None
    prune: Annotated[
        PruneName,
        "Which pairs are left out of the entropy kernel; never changes a byte.",
        OPERATIONAL,
    ] = "auto"
    kernel: Annotated[
        Literal["simd", "scalar", "tslearn"], "Which DTW: vectors, plain loops, or the slow reference.", OPERATIONAL
    ] = "simd"
    memory_mb: Annotated[int, "Memory for distances and candidates, in MiB.", OPERATIONAL] = 2048
    pictures: Annotated[int, "Selected pairs whose alignment the report shows.", OPERATIONAL] = 12
    show: Annotated[
        tuple[str, ...], "Further pairs to show there: POOL_ID, or POOL_ID=CORE_ID; repeat for more.", OPERATIONAL
    ] = ()
    barycentres: Annotated[bool, "Show mean entropy chains there, too; needs tslearn.", OPERATIONAL] = False
    chains: Annotated[ChainOptions, _CHAINS] = field(default_factory=ChainOptions)
    llm: Annotated[LlmOptions, Panel("Language model")] = field(default_factory=LlmOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        if bool(self.core) == (self.build_core is not None):
            raise ConfigError("Name a core set with --core FILE, or have one made with --build-core N; one of the two.")
        if self.accept_list is not None and self.build_core is None:
            raise ConfigError("--accept-list is about --build-core, which is not given.")
        if self.per_core is not None and self.tokens is not None:
            raise ConfigError("--per-core and --tokens both say how much to select; give one of them.")
        self._check_ranges()
        for arm in self.control_arms:
            if arm not in METHODS:
                raise ConfigError(f"--arms is {arm!r}; known are {', '.join(METHODS)}, or none.")
        if self.chains.bins in ("none", "per-step") and self.band is not None:
            raise ConfigError(
                f"--band needs entropy chains of equal length, and --bins {self.chains.bins} leaves them as they are."
            )
        if "within" in (self.method, *self.control_arms) and self.max_distance is None:
            raise ConfigError("--method within selects all rows within --max-distance; give one.")
        if self.chains.patterns == "llm" and self.llm.llm is None:
            raise ConfigError("--patterns llm needs a language model; name one with --llm http://host:8000/v1.")
        if self.utility != "none" and self.utility_weight == 0:
            raise ConfigError("--utility-weight is 0, so that --utility would change nothing; raise it.")
        if self.output_arm is not None and self.output_arm not in self.arm_names:
            raise ConfigError(
                f"--output-arm is {self.output_arm!r}; the arms of this run are {', '.join(self.arm_names)}."
            )

    def _check_ranges(self) -> None:
        check_range("lambda", self.lambda_, 0, 1)
        check_range("build_core", self.build_core, 1)
        check_range("per_question", self.per_question, 1)
        check_range("per_core", self.per_core, 1)
        check_range("tokens", self.tokens, 1, _MOST_TOKENS)
        check_range("max_distance", self.max_distance, 0)
        check_range("max_gap", self.max_gap, 0, 1)
        check_range("band", self.band, 0, 1)
        check_range("utility_weight", self.utility_weight, 0)
        check_range("near_duplicates", self.near_duplicates, 0.5, 1)
        check_range("benchmark_share", self.benchmark_share, 0, 1)
        check_range("candidates", self.candidates, 1)
        check_range("memory_mb", self.memory_mb, 64)
        check_range("pictures", self.pictures, 0, 1000)

    @property
    def matched(self) -> tuple[str, ...]:
        """The columns that --match-by names."""
        return tuple(name.strip() for text in self.match_by for name in text.split(",") if name.strip())

    @property
    def benchmark_files(self) -> tuple[str, ...]:
        """The files that --benchmarks names."""
        return tuple(name.strip() for text in self.benchmarks for name in text.split(",") if name.strip())

    @property
    def needs_patterns(self) -> bool:
        """Whether rows need patterns: for a distance, or as the steps of their entropies."""
        return self.uses_patterns or self.chains.bins == "per-step"

    @property
    def control_arms(self) -> tuple[str, ...]:
        """The arms beside `method`, without repeats."""
        names = [name.strip() for text in self.arms for name in text.split(",") if name.strip()]
        return tuple(dict.fromkeys(name for name in names if name not in ("none", self.method)))

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Every arm of the run, the method first."""
        base = self.method if self.method in ("assign", "knn", "greedy", "within") else "assign"
        found = [self.method, *self.control_arms, *(f"{base}:lambda={share:.12g}" for share in self.lambdas[1:])]
        if self.utility != "none":
            found.append(f"{base}:{self.utility}:{self.utility_weight:g}")
        return tuple(found)

    @property
    def lambdas(self) -> tuple[float, ...]:
        """All values of lambda: the main one, then those of the sweep."""
        found = [self.lambda_]
        for text in (piece.strip() for part in self.sweep for piece in part.split(",") if piece.strip()):
            try:
                value = float(text)
            except ValueError:
                raise ConfigError(f"--sweep has {text!r}; write numbers from 0 to 1, such as 0,0.5,1.") from None
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise ConfigError(f"--sweep has {text}; each must be between 0 and 1.")
            found.append(value)
        return tuple(dict.fromkeys(found))

    @property
    def uses_patterns(self) -> bool:
        """Whether any distance has a pattern term."""
        return any(value > 0 for value in self.lambdas)

    @property
    def uses_entropy(self) -> bool:
        """Whether any distance has an entropy term."""
        return any(value < 1 for value in self.lambdas)
