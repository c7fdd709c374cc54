"""What it means for a run that rows were rejected: nothing, exit code 3, or that there was nothing to do at all."""

import math
import re
from collections.abc import Mapping
from typing import Final

from stages.core.errors import DataError, TooManyFailed
from stages.core.job import Job
from stages.core.shards import part_path, read_shard

_OF_SERVERS: Final = re.compile(r"timeout|unreachable|rate_limited|broken_reply|http_\d+")
"""Reasons of a rejected row that are a server's and not the row's; they are those of http.py."""


def check_failed(job: Job, rows: Mapping[str, int], rejected_by: Mapping[str, int], max_failed: float) -> None:
    """Raise if every row was rejected (DataError), or more than the share `max_failed` (TooManyFailed)."""
    if not rows["rejected"]:
        return
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(rejected_by.items()))
    look = f"See: rlbff cat {job.root} --rejects"
    if any(map(_OF_SERVERS.fullmatch, rejected_by)):
        look += " (where a server failed, the same command with --retry-rejected asks it again)"
    if rows["rejected"] == rows["in"]:
        raise DataError(f"All {rows['in']:,} rows were rejected ({reasons}); the first: {_first_error(job)} {look}")
    share = rows["rejected"] / rows["in"]
    if share > max_failed:
        text = f"{rows['rejected']:,} of {rows['in']:,} rows were rejected ({reasons})"
        raise TooManyFailed(
            f"{text}, more than --max-failed {max_failed:g}; everything is stored in {job.root}. {look} "
            f"or accept them with --max-failed {math.ceil(share * 100) / 100:g}."
        )


def _first_error(job: Job) -> str:
    for part in range(len(job.slices)):
        path = part_path(job.root, part, "rejected")
        if path.exists():
            return str(read_shard(path, columns=["error"])["error"][0].as_py())
    return ""
