"""A stage that does nothing but what its options ask for, to test the command line around it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError, TooManyFailed
from stages.core.options import OPERATIONAL, STDIN, LlmOptions, Panel, RunOptions, check_range
from stages.core.progress import Progress, quiet
from stages.core.report import Report


@dataclass(frozen=True, kw_only=True)
class FakeConfig:
    """Options of every type that an option can have."""

    inputs: Annotated[tuple[str, ...], "Anything."]
    out: Annotated[Path | None, "Output folder.", "-o"] = None
    mode: Annotated[Literal["auto", "on", "off"], "What is to be done."] = "auto"
    size: Annotated[
        Literal["extra-small", "small", "medium", "large", "extra-large"] | None, "How much is to be done."
    ] = None
    threshold: Annotated[float, "Between 0 and 1."] = 0.5
    helper: Annotated[str | None, "A path, or - for the one on stdin.", OPERATIONAL, STDIN] = None
    tool_path: Annotated[str | None, "Another such path.", OPERATIONAL, STDIN] = None
    skip: Annotated[tuple[str, ...], "Names to leave out.", "-s"] = ("a", "b")
    fail: Annotated[Literal["no", "failed", "bug", "signal", "sleep"], "How to end."] = "no"
    loud: Annotated[bool, "Write to stdout, as libraries do."] = False
    partial: Annotated[bool, "Leave the folder unfinished."] = False
    llm: Annotated[LlmOptions, Panel("Language model")] = field(default_factory=LlmOptions)
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)
    speed: Annotated[int, "An option whose name says nothing.", OPERATIONAL, Panel("Run")] = 3

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input.")
        check_range("threshold", self.threshold, 0, 1)


def run(config: FakeConfig, *, progress: Progress = quiet) -> Report:
    """Count the inputs, end as asked."""
    progress.start("counting", len(config.inputs))
    if config.loud:
        sys.stdout.write("noise of python\n")
        subprocess.run(["echo", "noise of a child"], check=True)
    for _ in config.inputs:
        progress.advance()
    progress.notice(f"read {', '.join(config.inputs)}")
    progress.warn("this is a fake")
    progress.table("Waterfall", ("step", "rows"), [("in", len(config.inputs)), ("kept", 1234)])
    if config.fail == "failed":
        raise TooManyFailed("7 of 9 rows failed; --max-failed allows 1 %.")
    if config.fail == "bug":
        raise ZeroDivisionError("surprise")
    if config.fail == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
    if config.fail in ("signal", "sleep"):
        time.sleep(60)
    progress.finish()
    progress.summary({"folder": config.out, "kept": 1234})
    facts: dict[str, object] = {"inputs": list(config.inputs), "helper": config.helper}
    facts["heavy"] = [name for name in ("torch", "pyarrow") if name in sys.modules]
    return Report(
        folder=config.out or Path("out"), complete=not config.partial, rows={"in": len(config.inputs)}, facts=facts
    )
