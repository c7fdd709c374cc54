"""`--self-test`: the attack battery on this machine, as a table for people and facts for scripts."""

from pathlib import Path

from stages.core.errors import RlbffError
from stages.core.progress import Progress
from stages.core.report import Report
from stages.sandbox.layers import header
from stages.sandbox.self_test import ATTACKS, self_test
from stages.verify_code.config import VerifyCodeConfig


def run_self_test(config: VerifyCodeConfig, progress: Progress) -> Report:
    """Run the battery at the level that the options name; nothing is written.

    Raises:
        ConfigError: the level is not to be had here. RlbffError: a program was misjudged or came through.
    """
    level = config.sandbox.level
    for line in header(level):
        progress.notice(line)
    progress.start(f"attacking level {level}", len(ATTACKS), unit="programs")
    found = self_test(level, advance=progress.advance)
    progress.finish()
    head, *rows = found.table()
    progress.table(f"Self-test at level {level}", head, rows)
    if found.problems:
        raise RlbffError(
            f"The self-test found {len(found.problems)} problems at level {level}: {'; '.join(found.problems[:5])}. "
            "Do not run foreign programs at this level on this machine."
        )
    progress.summary(
        {"result": f"{len(found.rows)} programs, each judged rightly; nothing came through, nothing is left"}
    )
    facts = {"level": level, "programs": len(found.rows), "problems": 0, "table": [list(row) for row in (head, *rows)]}
    return Report(folder=Path(), complete=False, rows={}, facts=facts)
