"""The commands of the campaign: every stage on small inputs, from sample_data or made by an earlier stage."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

SERVER: Final = "SERVER"
"""Stands in a command for the URL of the test server."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command, which writes the folder `out` beside its inputs.

    `rows` are {file: (file of sample_data, number of first lines)}, `runs` {folder: name of the case that made it}.
    `torch` says that it loads torch, `workers` and `shares` that it takes --workers and --shard; `other` are options
    that make another configuration.
    """

    name: str
    command: tuple[str, ...]
    rows: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    torch: bool = False
    workers: bool = False
    shares: bool = False
    servers: bool = False
    other: tuple[str, ...] = ("--seed", "7")

    def arguments(self, url: str) -> list[str]:
        """What stands behind `rlbff`."""
        return [word.replace(SERVER, url) for word in self.command]


_TRAINING: Final = ("--model", "tiny", "--warmup", "0", "--generations", "2", "--prompts-per-generation", "4")

CASES: Final = (
    Case(
        name="extract-principles",
        command=("extract-principles", "reviews.jsonl", "--rows-per-shard", "8", "--workers", "1", "-o", "out"),
        rows={"reviews.jsonl": ("reviews.jsonl", 30)},
        workers=True,
        shares=True,
    ),
    Case(
        name="extract-llm",
        command=(
            *("extract-principles", "feedback.jsonl", "--rows-per-shard", "8", "--workers", "1", "-o", "out"),
            *("--llm", SERVER, "--embedder", SERVER, "--timeout", "2", "--max-retries", "2", "--concurrency", "4"),
        ),
        rows={"feedback.jsonl": ("feedback.jsonl", 24)},
        shares=True,
        servers=True,
    ),
    Case(
        name="verify-code",
        command=(
            *("verify-code", "programs.jsonl", "--rows-per-shard", "5", "--machine-factor", "1"),
            *("--workers", "1", "-o", "out"),
        ),
        rows={"programs.jsonl": ("programs.jsonl", 14)},
        workers=True,
        shares=True,
    ),
    Case(
        name="select-cotp",
        command=(
            *("select-cotp", "cots.jsonl", "--core", "core.jsonl", "--per-core", "3", "--rows-per-shard", "15"),
            *("--workers", "1", "-o", "out"),
        ),
        rows={"cots.jsonl": ("cots.jsonl", 60), "core.jsonl": ("core.jsonl", 8)},
        workers=True,
        shares=True,
    ),
    Case(
        name="eval",
        command=("eval", "verification", "verdicts", "-o", "out"),
        runs={"verdicts": "verify-code"},
    ),
    Case(
        name="train-rm",
        command=("train-rm", "principles", "--model", "tiny", "-o", "out"),
        runs={"principles": "extract-principles"},
        torch=True,
    ),
    Case(
        name="score",
        command=("score", "principles", "--rm", "rm", "--rows-per-shard", "40", "--workers", "1", "-o", "out"),
        runs={"principles": "extract-principles", "rm": "train-rm"},
        torch=True,
        shares=True,
    ),
    Case(
        name="train-policy",
        command=(
            *("train-policy", "tasks.jsonl", "--reward", "code:", *_TRAINING, "--prompts-per-update", "2"),
            *("--group-size", "4", "--max-new-tokens", "1", "--save-every", "1", "-o", "out"),
        ),
        rows={"tasks.jsonl": ("tasks.jsonl", 8)},
        torch=True,
    ),
)
"""In the order in which a clean run must be made."""


def case_named(name: str) -> Case:
    """The case of this name."""
    return next(case for case in CASES if case.name == name)


def lay_out(case: Case, folder: Path, clean: Path) -> None:
    """Put the inputs of a case into `folder`; `clean` holds the finished folders of the cases before it."""
    folder.mkdir(parents=True)
    for name, (sample, number) in case.rows.items():
        lines = (ROOT / "sample_data" / sample).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[:number]))
    for name, maker in case.runs.items():
        shutil.copytree(clean / maker / "out", folder / name)


def with_makers(names: list[str]) -> list[Case]:
    """The named cases and those that make their inputs, in order."""
    wanted = set(names)
    for case in reversed(CASES):
        if case.name in wanted:
            wanted |= set(case.runs.values())
    return [case for case in CASES if case.name in wanted]
