"""The command table: every command that works, where its options and its work are, and how it is shown.

Holds names only, so that `rlbff --help` imports no stage.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from rlbff_cli.flags import Flag, flags_of
from rlbff_cli.page import Page, Section, explanation, sections_of
from stages.core.options import Panel


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One command. `config` and `work` are `module:name`; a stage also gets the common options and a Progress."""

    name: str
    about: str
    config: str
    work: str
    argument: str
    example: str
    stage: bool


COMMANDS: Final = (
    Entry(
        name="extract-principles",
        about="Turn natural-language feedback into yes/no principles with evidence.",
        config="stages.extract_principles.config:ExtractPrinciplesConfig",
        work="stages.extract_principles.run:run",
        argument="FEEDBACK",
        example="rlbff extract-principles feedback.jsonl -o principles",
        stage=True,
    ),
    Entry(
        name="train-rm",
        about="Train a reward model that judges whether a response satisfies a principle.",
        config="stages.train_rm.config:TrainRmConfig",
        work="stages.train_rm.run:run",
        argument="ROWS",
        example="rlbff train-rm principles --model Qwen/Qwen3-4B -o rm",
        stage=True,
    ),
    Entry(
        name="score",
        about="Score responses with a reward model, by principles.",
        config="stages.score.config:ScoreConfig",
        work="stages.score.run:run",
        argument="ROWS",
        example="rlbff score responses.jsonl --rm rm --principle clarity -o scores",
        stage=True,
    ),
    Entry(
        name="verify-code",
        about="Run programs against tests in a sandbox that they cannot fool, and say which to keep.",
        config="stages.verify_code.config:VerifyCodeConfig",
        work="stages.verify_code.run:run",
        argument="PROGRAMS",
        example="rlbff verify-code programs.jsonl --keep consensus -o verdicts",
        stage=True,
    ),
    Entry(
        name="select-cotp",
        about="Select the chains of thought that reason most like a core set, by exact dynamic time warping.",
        config="stages.select_cotp.config:SelectCotpConfig",
        work="stages.select_cotp.run:run",
        argument="POOL",
        example="rlbff select-cotp pool.jsonl --core core.jsonl --per-core 10 -o selected",
        stage=True,
    ),
    Entry(
        name="train-policy",
        about="Train a policy on rewards, with gradients outside the clip range kept and entropy under control.",
        config="stages.train_policy.config:TrainPolicyConfig",
        work="stages.train_policy.run:run",
        argument="PROMPTS",
        example="rlbff train-policy math.jsonl --model Qwen/Qwen3-0.6B --reward math: -o out",
        stage=True,
    ),
    Entry(
        name="eval",
        about="Measure reward models and judges on benchmarks, by running them or from stored scores.",
        config="stages.eval.config:EvalConfig",
        work="stages.eval.run:run",
        argument="ROWS",
        example="rlbff eval judgebench outputs.jsonl.gz -o judged",
        stage=True,
    ),
    Entry(
        name="status",
        about="Say how far folders are, and what was dropped and rejected.",
        config="rlbff_cli.status:StatusOptions",
        work="rlbff_cli.status:status",
        argument="DIR",
        example="rlbff status principles",
        stage=False,
    ),
    Entry(
        name="cat",
        about="Print the rows of folders.",
        config="rlbff_cli.cat:CatOptions",
        work="rlbff_cli.cat:cat",
        argument="DIR",
        example="rlbff cat principles --where \"principle = 'clarity' and not label\" --limit 5",
        stage=False,
    ),
    Entry(
        name="report",
        about="Write a page about folders: what was made from what, what was lost, and what each of them shows.",
        config="rlbff_cli.report:ReportOptions",
        work="rlbff_cli.report:report",
        argument="DIR",
        example="rlbff report principles rm scores -o report.html",
        stage=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of every stage that say nothing about the work itself."""

    config: Annotated[
        Path | None, "YAML file of options; RLBFF_* variables and flags override it.", Panel("Common")
    ] = None
    json: Annotated[bool, "Print the report as one JSON object instead of the folder.", Panel("Common")] = False
    log_level: Annotated[
        Literal["error", "warning", "info", "debug"], "How much to say on stderr.", Panel("Common")
    ] = "info"


COMMON: Final = flags_of(CommonOptions)


def load(path: str) -> Any:  # noqa: ANN401 - a class or a function, by name
    """Import `module:name`."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def flags_for(entry: Entry) -> tuple[Flag, ...]:
    """All options of a command, the common ones last."""
    return flags_of(load(entry.config)) + (COMMON if entry.stage else ())


def known_variables() -> set[str]:
    """The RLBFF_* variables that set an option of any stage."""
    options = (flag for entry in COMMANDS if entry.stage for flag in flags_for(entry))
    return {flag.variable for flag in options if flag.name != "inputs" and not flag.positional}


def page_for(entry: Entry, flags: tuple[Flag, ...]) -> Page:
    """The help page of a command."""
    words = tuple((flag.option, explanation(flag)) for flag in flags if flag.positional)
    inputs = tuple((f"{entry.argument}...", flag.help) for flag in flags if flag.name == "inputs")
    *groups, last = sections_of([flag for flag in flags if flag.name != "inputs" and not flag.positional])
    return Page(
        usage=f"rlbff {entry.name} [OPTIONS] {' '.join(name for name, _ in (*words, *inputs))}",
        about=entry.about,
        sections=(
            Section("Arguments", (*words, *inputs)),
            *groups,
            Section(last.title, (*last.rows, ("-h, --help", "Show this page."))),
        ),
        example=entry.example,
    )


def front_page() -> Page:
    """The help page of `rlbff` itself."""
    return Page(
        usage="rlbff COMMAND [OPTIONS] INPUT...",
        about="Composable commands for post-training language models. A stage reads files or folders, writes a folder "
        "of Parquet shards, and prints its path, so that stages chain in a pipe; called again, it goes on where it "
        "stopped.",
        sections=(
            Section("Commands", tuple((entry.name, entry.about) for entry in COMMANDS)),
            Section(
                "Options",
                (
                    ("--version", "Show the version."),
                    ("--install-completion", "Install completion for this shell."),
                    ("--show-completion", "Show the completion script of this shell."),
                    ("-h, --help", "Show this page; rlbff COMMAND --help shows that of a command."),
                ),
            ),
        ),
        example=COMMANDS[0].example,
    )
