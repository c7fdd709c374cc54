"""Parts on the nodes of a Ray cluster: hand them out to actors, collect records, replace a worker or a node that dies.

The counterpart of `pool.py`, with the same job, the same parts and the same rule for a part that kills its workers. A
worker that finds no place in the cluster is never waited for while another works.
"""

import pickle
import re
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from stages.core.errors import ConfigError, Interrupted
from stages.core.job import Job
from stages.core.options import RunOptions
from stages.core.pool import MOST_TRIES, death_of, left_undone, record
from stages.core.progress import Progress
from stages.core.ray_cluster import Places, connected, fits, places
from stages.core.ray_worker import Ear, RayWorker, installed, sight_of
from stages.core.runner import log
from stages.core.stopping import StopSign, noting_signals

_FAILED_IMPORT: Final = re.compile(r"(ModuleNotFound|Import)Error: [^\n]*")

_POLL_S: Final = 0.25
"""Between looks at signals and progress. Nobody waits for it: whatever a worker answers is heard at once."""

_SAY_AFTER_S: Final = 30.0
"""How long no worker may find a place before the user is told."""

_PATIENCE_S: Final = 600.0
"""How long to wait for a place when no worker works: others may use the cluster, or it may be growing."""

_HOPELESS_S: Final = 60.0
"""The same where no node is large enough."""


def run_on_ray(job: Job, parts: Sequence[int], options: RunOptions, progress: Progress) -> None:
    """Do `parts` on the cluster at `--ray-address`, or on one of this machine's own.

    Raises:
        Interrupted: a part killed its worker `MOST_TRIES` times, all others being done; or no worker found a place.
        EndpointError: there is no cluster. ConfigError: it cannot run this version. OutputError: a node does not see
        the folder. RlbffError: what a part raised.
    """
    log(job.root, "start", parts=len(parts))
    with noting_signals() as stop:
        if parts:
            with connected(options.ray_address, stop):
                if not stop:
                    with _crew(job, parts, places(job.load, options.workers), progress) as crew:
                        crew.run(stop)
    if stop.name is not None:  # noted until now, since an exception raised within Ray's own code is lost
        signal.raise_signal(signal.Signals[stop.name])
    log(job.root, "end")


_RESUMES: Final = "what is finished is stored, and the same command goes on there."


@dataclass
class _Worker:
    """An actor: `step` is look, open or do; `node` its name once it answered; `task` and `part` what it is doing."""

    actor: Any
    step: str = "look"
    node: str = ""
    task: int = -1
    part: int = -1
    rows: int = 0


@contextmanager
def _crew(job: Job, parts: Sequence[int], room: Places, progress: Progress) -> Iterator["_Crew"]:
    crew = _Crew(job, parts, room, progress)
    try:
        yield crew
    finally:
        crew.end()


class _Crew:
    def __init__(self, job: Job, parts: Sequence[int], room: Places, progress: Progress) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._job, self._room, self._progress = job, room, progress
        self._queue = deque(parts)
        self._tries = Counter[int]()
        self._tasks = 0
        self._stillborn = 0
        self._hopeless: list[int] = []
        self._answers: dict[Any, _Worker] = {}
        self._waits_since = self._idle_since = time.monotonic()
        self._said_waiting = False
        self._sight = sight_of(job)
        self._packed = ray.put(pickle.dumps(job))
        cpus, gpus = room.demand["CPU"], room.demand.get("GPU", 0)
        strict: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0}
        remote: Any = ray.remote  # its types, where Ray is installed, know no class that is chosen here
        self._kind = remote(num_cpus=cpus, num_gpus=gpus, scheduling_strategy="SPREAD", **strict)(RayWorker)
        beside = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._ear = remote(num_cpus=0, scheduling_strategy=beside, **strict)(Ear).remote()
        self._heard = self._ear.heard.remote()

    def run(self, stop: StopSign) -> None:
        """Do all parts, or return early once `stop` is set."""
        import ray

        while not stop and (self._queue or self._at("do")):
            self._hire()
            for answer in ray.wait(list(self._answers), timeout=_POLL_S)[0] if self._answers else ():
                self._hear(answer)
            self._listen()
            self._check_places()
        if self._hopeless and not stop:
            raise left_undone(self._hopeless)

    def end(self) -> None:
        """Kill what is left of the workers, and wait until they write no more."""
        import ray

        for worker in self._answers.values():
            ray.kill(worker.actor)
        ray.kill(self._ear)
        ray.wait(list(self._answers), num_returns=len(self._answers), timeout=5.0) if self._answers else None

    def _at(self, *steps: str) -> list[_Worker]:
        return [worker for worker in self._answers.values() if worker.step in steps]

    def _hire(self) -> None:
        """Start workers for parts that wait, unless the last ones all died before they had opened the stage."""
        coming = len(self._at("look", "open"))
        for _ in range(min(self._room.workers - len(self._answers), len(self._queue) - coming)):
            if self._stillborn >= MOST_TRIES:
                return
            worker = _Worker(self._kind.remote())
            self._answers[worker.actor.look.remote(self._sight)] = worker

    def _hear(self, answer: Any) -> None:  # noqa: ANN401 - Ray's references have no useful type
        import ray
        from ray.exceptions import RayError, RayTaskError

        worker = self._answers.pop(answer)
        try:
            kind, value = ray.get(answer)
        except RayTaskError:
            raise
        except RayError as error:
            self._bury(worker, error)
            return
        if kind == "error":
            ray.kill(worker.actor)
            raise value
        if kind == "node":
            worker.node, worker.step = value, "open"
            self._answers[worker.actor.open.remote(self._packed, self._ear.tell.remote)] = worker
            return
        self._stillborn = 0
        if kind == "done":
            done, rows = value
            self._progress.advance(rows - worker.rows)
            record(self._job, done)
        self._hand_on(worker)

    def _hand_on(self, worker: _Worker) -> None:
        """Give the worker its next part, or let it go; it ends by itself, and ends what it has opened."""
        if not self._queue:
            worker.actor.__ray_terminate__.remote()
            return
        self._tasks += 1
        worker.step, worker.task, worker.part, worker.rows = "do", self._tasks, self._queue.popleft(), 0
        self._tries[worker.part] += 1
        self._answers[worker.actor.do.remote(worker.part, worker.task)] = worker

    def _bury(self, worker: _Worker, error: Exception) -> None:
        import ray

        text = str(error)
        if worker.step == "look" and (reason := _FAILED_IMPORT.search(text)) is not None:
            raise ConfigError(f"A node cannot load rlbff ({reason[0]}); install rlbff {installed()} there.") from error
        ray.kill(worker.actor)  # one that was only out of reach must not go on beside its successor
        if worker.step != "do":
            self._stillborn += 1
            self._progress.warn(f"A worker{_on(worker)} died before it had opened the stage.")
            return
        cause = "its node died" if "node has died" in text else "its process died"
        last = self._tries[worker.part] >= MOST_TRIES
        self._progress.warn(death_of(worker.part, f"{cause}{_on(worker)}", last=last))
        (self._hopeless if last else self._queue).append(worker.part)

    def _listen(self) -> None:
        """Hand on the rows that were told; without an ear, those of a part are told at its end."""
        import ray
        from ray.exceptions import RayError

        if not ray.wait([self._heard], timeout=0)[0]:
            return
        try:
            told: dict[int, int] = ray.get(self._heard)
        except RayError:
            return
        for worker in self._at("do"):
            if worker.task in told:
                self._progress.advance(told[worker.task] - worker.rows)
                worker.rows = told[worker.task]
        self._heard = self._ear.heard.remote()

    def _check_places(self) -> None:
        """Say that workers find no place; give up where nothing can begin to work."""
        now, looking, working = time.monotonic(), self._at("look"), self._at("open", "do")
        if not self._queue or not looking:
            self._waits_since = now
        if working or not self._queue:
            self._idle_since = now
        elif self._stillborn >= MOST_TRIES and not looking:
            raise Interrupted(
                f"{self._stillborn} workers in a row died before they had opened the stage (out of memory?); {_RESUMES}"
            )
        if now - self._waits_since >= _SAY_AFTER_S and not self._said_waiting:
            self._said_waiting = True
            self._progress.warn(
                f"{len(looking)} of {self._room.workers} workers find no place in the cluster ({self._needs()}); "
                f"{len(working)} are at work."
            )
        waited = now - self._idle_since
        if waited >= _HOPELESS_S and waited >= (_PATIENCE_S if fits(self._room.demand) else _HOPELESS_S):
            raise Interrupted(
                f"No worker found a place in the cluster for {waited:.0f} s ({self._needs()}); {_RESUMES}"
            )

    def _needs(self) -> str:
        return "each needs " + " and ".join(f"{amount:g} {name}" for name, amount in self._room.demand.items())


def _on(worker: _Worker) -> str:
    return f" on {worker.node}" if worker.node else ""
