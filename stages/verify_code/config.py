"""Options of verify-code: the one definition behind the command line, the YAML file and the Python call."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, LlmOptions, Panel, RunOptions, check_range
from stages.programs.stops import STOPS

ModeName = Literal["auto", "data", "split", "suite", "stdio", "inproc"]
LevelName = Literal["standard", "strict", "weak"]

_TESTS = Panel("Tests and programs")
_KEEP = Panel("What is kept")
_STRENGTH = Panel("Strength of the tests")
_JUDGE = Panel("Judge")


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """How programs are confined, and what they may use."""

    level: Annotated[
        LevelName, "Layers around programs: standard, strict (with namespaces), or weak (limits only; by name only)."
    ] = "standard"
    test_seconds: Annotated[float, "CPU seconds for one test, on the reference machine; scaled on others."] = 3.0
    program_seconds: Annotated[float, "CPU seconds for all tests of a program, likewise."] = 10.0
    memory_mb: Annotated[int, "Memory of a program in MiB."] = 1024
    output_kb: Annotated[int, "What a program may print, in KiB."] = 1024
    machine_factor: Annotated[
        float | None, "How much slower this machine is than the reference; default: measured.", OPERATIONAL
    ] = None
    reruns: Annotated[int, "Runs of a program that may be flaky, each under another hash seed; 1 for none."] = 3

    def __post_init__(self) -> None:
        check_range("test_seconds", self.test_seconds, 0.05)
        check_range("program_seconds", self.program_seconds, 0.05)
        check_range("memory_mb", self.memory_mb, 64)
        check_range("output_kb", self.output_kb, 1)
        check_range("machine_factor", self.machine_factor, 0.01, 1000)
        check_range("reruns", self.reruns, 1, 100)


@dataclass(frozen=True, kw_only=True)
class VerifyCodeConfig:
    """Verify programs against tests, gradedly, in a sandbox that they cannot fool."""

    inputs: Annotated[
        tuple[str, ...], "Programs with tests: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL
    ] = ()
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.verdicts.", "-o", OPERATIONAL] = None
    self_test: Annotated[
        bool, "Run the attack battery on this machine, print its table, and read no input.", OPERATIONAL
    ] = False
    output: Annotated[Literal["all", "kept"], "Write all programs with their verdicts, or those that are kept."] = "all"
    timings: Annotated[
        Literal["hidden", "columns"], "CPU, wall time and memory: beside the shards, or in them (bytes then vary)."
    ] = "hidden"
    mode: Annotated[
        ModeName, "How tests are run; auto: by their form. inproc trusts the program with its own result.", _TESTS
    ] = "auto"
    compare: Annotated[
        Literal["python", "strict", "approx", "set", "multiset"], "When a value is the expected one.", _TESTS
    ] = "python"
    compare_output: Annotated[
        Literal["exact", "tokens"], "When printed text is the expected one: line by line, or token by token.", _TESTS
    ] = "exact"
    rtol: Annotated[float, "Relative tolerance, for approx and tokens.", _TESTS] = 1e-6
    atol: Annotated[float, "Absolute tolerance, for approx and tokens.", _TESTS] = 1e-9
    stop: Annotated[
        tuple[str, ...], "Cut a completion that continues its prompt's code at the first of these.", _TESTS
    ] = STOPS
    keep: Annotated[
        str,
        "all, frac:0.8, wfrac:0.8, rel:0.9, consensus[:0.9], calibrated:precision=0.9, or an expression such as "
        "'tests>=0.6 and judge>=4'.",
        _KEEP,
    ] = "frac:1.0"
    keep_distinct: Annotated[
        int | None, "Keep at most N programs a task, of different clusters, farthest from each other first.", _KEEP
    ] = None
    arm: Annotated[
        Literal["correct", "incorrect", "mixed"] | None,
        "Keep a control arm instead: by truth, matched per task in number and length.",
        _KEEP,
    ] = None
    keep_inproc: Annotated[bool, "Let programs be kept that ran with their tests in one process.", _KEEP] = False
    keep_flaky: Annotated[bool, "Let programs be kept that pass a test in one run and not in another.", _KEEP] = False
    strength: Annotated[bool, "Measure the tests: against the reference, and against mutants of it.", _STRENGTH] = False
    mutants: Annotated[int, "Most mutants of a reference, with --strength or --augment.", _STRENGTH] = 40
    augment: Annotated[int, "Ask the --llm for up to N further tests a task; 0 for none.", _STRENGTH] = 0
    rounds: Annotated[int, "Rounds of asking; a round that adds nothing is the last.", _STRENGTH] = 2
    judge: Annotated[
        str,
        "Scores of 1 to 5 beside the tests: column (the rows' own), llm (asks --llm), or a file of id and judge.",
        OPERATIONAL,
        _JUDGE,
    ] = "column"
    judge_cut: Annotated[float, "A judge's score from which it counts as a yes, in the agreement.", _JUDGE] = 4.0
    sandbox: Annotated[SandboxOptions, Panel("Sandbox")] = field(default_factory=SandboxOptions)
    llm: Annotated[LlmOptions, Panel("Language model")] = field(default_factory=LlmOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs and not self.self_test:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        if self.inputs and self.self_test:
            raise ConfigError("--self-test runs programs of its own and reads no input; leave the input out.")
        check_range("rtol", self.rtol, 0)
        check_range("atol", self.atol, 0)
        check_range("keep_distinct", self.keep_distinct, 1)
        check_range("mutants", self.mutants, 1, 10_000)
        check_range("augment", self.augment, 0, 1000)
        check_range("rounds", self.rounds, 1, 20)
        check_range("judge_cut", self.judge_cut, 1, 5)
        if not self.keep.strip():
            raise ConfigError("--keep is empty; name a rule, such as frac:1.0.")
        asks = self.judge == "llm" or self.augment > 0
        if asks and self.llm.llm is None:
            option = "--judge llm" if self.judge == "llm" else "--augment"
            raise ConfigError(f"{option} needs a language model; name one with --llm http://host:8000/v1.")

    @property
    def measures_strength(self) -> bool:
        """Whether references and mutants are run."""
        return self.strength or self.augment > 0
