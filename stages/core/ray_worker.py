"""What runs on the nodes of a Ray cluster: a worker that does parts, and an ear beside the driver for its progress.

Plain classes; `ray_runner.py` makes actors of them. Nothing here decides which part is done where.
"""

import hashlib
import os
import pickle
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from stages.core.errors import ConfigError, OutputError, RlbffError
from stages.core.job import Job, Transform
from stages.core.manifest import hidden
from stages.core.runner import work

_TELL_EVERY_S: Final = 0.5

Answer = tuple[str, Any]
"""("node", its name), ("open", None), ("done", (record, rows advanced)), or ("error", an exception to raise)."""


def sight_of(job: Job) -> dict[str, Any]:
    """What a node must see as the driver does, in types of Python alone: another version must be able to read it."""
    return {
        "version": installed(),
        "stage": (job.stage.open.__module__, job.stage.name, job.stage.version),
        "folder": os.getcwd(),
        "plan": (str(_plan_path(job)), _digest(_plan_path(job))),
        "inputs": sorted({piece.path for piece in job.slices}),
    }


def installed() -> str:
    """The version of rlbff in this process."""
    try:
        return version("rlbff")
    except PackageNotFoundError:
        return "without a version"


class RayWorker:
    """One process of the cluster. Its three methods are called in order, `do` once a part."""

    def look(self, sight: Mapping[str, Any]) -> Answer:
        """Check that this node sees what the driver sees; answers with the name of the node."""
        try:
            _check(sight)
        except RlbffError as error:
            return "error", error
        except ImportError as error:
            return "error", ConfigError(
                f"The node {platform.node()} cannot load the stage ({error}); install it there."
            )
        return "node", platform.node()

    def open(self, packed: bytes, tell: Callable[[int, int], object]) -> Answer:
        """Open the stage; `tell` takes the number of a task and its rows so far."""
        try:
            self._job: Job = pickle.loads(packed)
            self._transform: Transform = self._job.stage.open(self._job.config, self._job.root)
            self._tell = tell
        except Exception as error:  # noqa: BLE001 - a bug must reach the driver, which ends the run with its traceback
            return "error", _as_raised(error)
        return "open", None

    def do(self, part: int, task: int) -> Answer:
        """Do one part, as the driver's task number `task`."""
        rows, told = 0, time.monotonic()

        def advance(more: int) -> None:
            nonlocal rows, told
            rows += more
            if (now := time.monotonic()) - told >= _TELL_EVERY_S:
                told = now
                self._tell(task, rows)

        try:
            return "done", (work(self._job, part, self._transform, advance), rows)
        except Exception as error:  # noqa: BLE001 - likewise
            return "error", _as_raised(error)


class Ear:
    """Remembers how many rows of each task are finished, until it is asked."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}

    def tell(self, task: int, rows: int) -> None:
        """`rows` of `task` are finished."""
        self._rows[task] = rows

    def heard(self) -> dict[int, int]:
        """What was told since the last call."""
        heard, self._rows = self._rows, {}
        return heard


def _as_raised(error: Exception) -> Exception:
    """An error for the user as it is; a bug as text, since not every exception survives the way to the driver."""
    if isinstance(error, RlbffError):
        return error
    return RuntimeError(f"in a worker on {platform.node()}:\n{''.join(traceback.format_exception(error))}")


def _check(sight: Mapping[str, Any]) -> None:
    node = platform.node()
    ours, theirs = installed(), sight["version"]
    if ours != theirs:
        raise ConfigError(f"The node {node} has rlbff {ours}, this machine {theirs}; install the same on every node.")
    module, name, number = sight["stage"]
    here = import_module(module).STAGE.version
    if here != number:
        raise ConfigError(
            f"The node {node} has version {here} of the stage {name}, this machine {number}; "
            "install the same rlbff on every node."
        )
    with suppress(OSError):  # where all paths are absolute, nothing hangs on it; where not, the plan is not found
        os.chdir(sight["folder"])
    plan, digest = sight["plan"]
    if _digest(Path(plan)) != digest:
        raise OutputError(
            f"The node {node} does not see {plan} of this run; with --runner ray, --out must lie on a file system that "
            "all nodes share, under the same path."
        )
    for path in sight["inputs"]:
        if not os.path.exists(path):
            raise OutputError(f"The node {node} does not see the input {path}; all nodes must see it under this path.")


def _plan_path(job: Job) -> Path:
    return Path(os.path.abspath(hidden(job.root, "plan.json")))


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
