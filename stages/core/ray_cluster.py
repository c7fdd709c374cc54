"""Which Ray cluster a run works on, what a worker asks of it, and how many there are to be.

A cluster at an address is the user's and stays as it is; without one, a cluster of this machine alone lives as long as
the run. What workers do is the business of `ray_runner.py`.
"""

import io
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any, Final, NamedTuple

from stages.core.errors import ConfigError, EndpointError
from stages.core.job import Load
from stages.core.stopping import StopSign

_OBJECT_STORE: Final = 80 * 2**20
"""Bytes of shared memory for a cluster of this machine: parts travel by the disk, so that Ray's least is enough."""

_LONGEST_TMP: Final = 30
"""Sockets lie below the temporary folder, and the path of a socket has at most 107 bytes."""


class Places(NamedTuple):
    """How many workers there are to be, and what each takes of its node: {"CPU": 1.0, "GPU": 0.0}."""

    workers: int
    demand: Mapping[str, float]


@contextmanager
def connected(address: str | None, stop: StopSign) -> Iterator[None]:
    """Be connected to the cluster at `address`, or to one of this machine's own, while the block runs.

    Ray prints what its nodes say to stdout, which is not ours to write to. While it starts it takes SIGTERM for itself;
    that is told to `stop` like a signal that was noted.

    Raises:
        EndpointError: there is no cluster. ConfigError: it is of another version of Ray or Python.
    """
    # Read when the first process of a cluster starts; of no use elsewhere.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_USAGE_STATS_PROMPT_ENABLED", "0")
    import ray

    if ray.is_initialized():
        raise ConfigError("This process is connected to a Ray cluster already; call ray.shutdown() before.")
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(io.StringIO()))
        keywords: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address is None:
            keywords |= {"address": "local", "_temp_dir": stack.enter_context(_short_folder())}
            keywords |= {"num_cpus": len(os.sched_getaffinity(0)), "object_store_memory": _OBJECT_STORE}
            keywords |= {"include_dashboard": False}
        else:
            _reach(address)
            keywords["address"] = address
        stack.callback(ray.shutdown)
        with _handlers_kept():
            try:
                ray.init(**keywords)
            except SystemExit:
                stop.name = "SIGTERM"
            except ConnectionError as error:
                raise _nowhere(address, error) from error
            except (RuntimeError, ValueError) as error:
                raise ConfigError(f"--runner ray: {_first_line(error)}") from error
        yield


def places(load: Load, workers: int | None) -> Places:
    """How many workers, and what each takes, for work of this kind; `workers` is what the user said.

    A worker takes a core; one with a model a GPU, or where the cluster has none, the cores of a node; a worker that
    asks a server is one alone unless the user wants more, since it has many calls under way.
    """
    nodes = node_resources()
    cores, gpus = ([int(node.get(name, 0)) for node in nodes if node.get(name, 0) >= 1] for name in ("CPU", "GPU"))
    if not cores:
        raise ConfigError("The cluster has no CPU for a worker; start a node with --num-cpus.")
    if load == "gpu" and gpus:
        return Places(workers or sum(gpus), {"CPU": 1.0, "GPU": 1.0})
    if load in ("gpu", "cores"):
        number = workers or len(cores)
        return Places(number, {"CPU": float(max(1, min(*cores, sum(cores) // number)))})
    return Places(workers or (1 if load == "server" else sum(cores)), {"CPU": 1.0})


def node_resources() -> list[Mapping[str, float]]:
    """What each living node has in all, whoever uses it."""
    import ray

    nodes: Any = ray.nodes  # untyped where Ray is installed
    return [node["Resources"] for node in nodes() if node["Alive"]]


def fits(demand: Mapping[str, float]) -> bool:
    """Whether any living node could ever hold a worker."""
    return any(all(node.get(name, 0) >= least for name, least in demand.items()) for node in node_resources())


_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client of gRPC begins, which Ray's head speaks: the preface of HTTP/2 and an empty frame of settings."""

_SETTINGS: Final = 4
"""The type, in the fourth byte, of the frame that a server of HTTP/2 answers with (RFC 9113, section 3.4)."""


def _reach(address: str) -> None:
    """Raise EndpointError at once where no head of a cluster listens; Ray itself tries for long or waits for ever."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
            connection.sendall(_HELLO)
            answer = connection.recv(9)
    except OSError as error:
        raise _nowhere(address, error) from error
    if len(answer) < 4 or answer[3] != _SETTINGS:
        raise _nowhere(address, ConnectionError("something else listens there"))


def _nowhere(address: str | None, error: Exception) -> EndpointError:
    what = "on this machine" if address in (None, "auto") else f"at {address}"
    return EndpointError(
        f"There is no Ray cluster {what} ({_first_line(error)}). Start one with `ray start --head` and name the "
        "address that it prints, or leave --ray-address out."
    )


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()[:300] or type(error).__name__


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put the handlers of signals back that Ray sets when it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _short_folder() -> Iterator[str]:
    """A folder for sockets and logs that goes with the cluster."""
    parent = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="rlbff-ray-", dir=parent if len(parent) <= _LONGEST_TMP else "/tmp")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
