"""What `--dry-run` says about the work: programs and tests, counted in the first rows, and the longest it can take."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from stages.core.rows import Problem, Row
from stages.programs.reading import read_row
from stages.sandbox.jobs import DataTests, InProcessTests, SplitTests, StdioTests, SuiteTests
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.jobs import reading_options

_MODES: Final = {
    DataTests: "data",
    SplitTests: "split",
    SuiteTests: "suite",
    StdioTests: "stdio",
    InProcessTests: "inproc",
}


def forecast(sample: Sequence[Row], rows: int, config: VerifyCodeConfig) -> dict[str, object]:
    """Figures for an input of `rows` rows that is like its first ones; no program is run."""
    options = reading_options(config)
    read = [read_row(dict(row), options) for row in sample]
    good = [one for one in read if not isinstance(one, Problem)]
    solutions = sum(len(one.solutions) for one in good)
    modes = Counter("no tests" if one.task.suite is None else _MODES[type(one.task.suite.tests)] for one in good)
    programs = round(solutions * rows / max(1, len(read)))
    return {
        "sample_rows": len(read),
        "would_reject": dict(Counter(one.reason for one in read if isinstance(one, Problem))) or "none",
        "rows_by_mode": dict(modes),
        "programs": programs,
        "cpu_seconds_at_most": programs * config.sandbox.program_seconds,
    }
