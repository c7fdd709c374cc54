"""Parts on a real cluster on this machine: a head without cores and two worker nodes, each with a raylet of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stages.core import ray_cluster, ray_runner
from stages.core.errors import ConfigError, DataError, EndpointError, Interrupted, OutputError
from stages.core.manifest import folder_status
from stages.core.options import RunOptions
from stages.core.ray_worker import Ear, RayWorker
from stages.eval.config import EvalConfig
from stages.train_policy.config import TrainPolicyConfig
from stages.train_rm.config import TrainRmConfig
from tests.core.test_runner import Listener, contents, toy, write_rows
from tests.toy_stage import run

ray = pytest.importorskip("ray")

slow = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Nodes:
    """A cluster whose worker nodes come and go."""

    def __init__(self, folder: str) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        self._small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
        # A machine that goes away answers no more, and it need not take half a minute to be noticed.
        checks = {
            "health_check_initial_delay_ms": 0,
            "health_check_period_ms": 500,
            "health_check_failure_threshold": 4,
        }
        head = {"num_cpus": 0, "_system_config": checks, **self._small}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
        self.workers: list[Any] = []

    def have(self, number: int) -> None:
        """Add nodes until there are so many, each with one core."""
        while len(self.workers) < number:
            self.workers.append(self._cluster.add_node(num_cpus=1, **self._small))

    def kill_one(self) -> None:
        """SIGKILL for the raylet of a node and all that it has started, as when a machine goes away."""
        raylet = self.workers.pop().all_processes["raylet"][0].process.pid
        for pid in [raylet, *descendants(raylet)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    folder = tempfile.mkdtemp(prefix="rlbff-test-", dir="/tmp")  # the paths of sockets must be short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        handler = signal.getsignal(signal.SIGTERM)
        cluster = Nodes(folder)
        try:
            yield cluster
        finally:
            cluster.end()
            signal.signal(signal.SIGTERM, handler)
            shutil.rmtree(folder, ignore_errors=True)
    assert settles(lambda: not processes_of(folder)), f"left running: {processes_of(folder)}"


def settles(test: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not test() and time.monotonic() < deadline:
        time.sleep(0.05)
    return test()


def descendants(pid: int) -> Iterator[int]:
    try:
        children = [
            int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


def processes_of(text: str) -> list[str]:
    """The commands of living processes in which `text` occurs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


def same(root: Path) -> dict[str, bytes]:
    """What two engines must make alike: everything except the log, the locks and how the run was called."""
    return {name: data for name, data in contents(root).items() if "/lock" not in name and "config.yaml" not in name}


def shards(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.glob("part-*.parquet")}


def on_ray(nodes: Nodes, source: str, out: Path, progress: Listener | None = None, **options: object) -> None:
    run(toy(source, out, runner="ray", ray_address=nodes.address, **options), progress or Listener())


def parts_done(out: Path) -> int:
    return len(list((out / ".rlbff" / "done").glob("part-*.json")))


@slow
def test_a_killed_worker_and_a_killed_node_do_not_change_a_byte(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(2)
    rows: list[object] = ["sleep 0.2" if n % 3 == 0 else f"text {n}" if n % 5 else "drop" for n in range(60)]
    rows[7], rows[22] = "kill once", 7
    source, out, listener = write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "ray", Listener()
    (tmp_path / "local.killed").touch()
    run(toy(source, tmp_path / "local"))
    killer = threading.Thread(target=lambda: settles(lambda: parts_done(out) >= 8, 60) and nodes.kill_one())
    killer.start()
    on_ray(nodes, source, out, listener)
    killer.join()
    assert len(nodes.workers) == 1
    died = [text for text in listener.warnings if "died" in text]
    assert any("part-00002 died (its process died" in text and "tried again" in text for text in died)
    # Ray tells of the process before the node where the two die together
    assert len(died) >= 2, died
    assert same(out) == same(tmp_path / "local")
    assert listener.rows >= 2 * len(rows)  # read, then worked on, at least once


@slow
def test_a_part_that_kills_every_worker_is_left_and_the_others_are_done(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1)
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b", "c", "kill always", "d", "e", "f", "g"])
    with pytest.raises(Interrupted, match="part-00001 killed its worker 3 times"):
        on_ray(nodes, source, tmp_path / "out")
    status = folder_status(tmp_path / "out")
    assert (status.parts, status.parts_done, status.finished) == (3, 2, False)


@slow
def test_an_engine_goes_on_where_another_stopped(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1)
    source = write_rows(tmp_path / "rows.jsonl", [f"text {n}" for n in range(24)])
    run(toy(source, tmp_path / "local"))
    for first, second in (("local", "ray"), ("ray", "local")):
        out = tmp_path / f"{first}-{second}"
        for engine, share in ((first, "2/2"), (second, None)):
            address = nodes.address if engine == "ray" else None
            run(toy(source, out, runner=engine, ray_address=address, shard=share))
        assert same(out) == same(tmp_path / "local")


@slow
def test_errors_of_a_stage_arrive_as_themselves_and_bugs_with_their_traceback(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1)
    source = write_rows(tmp_path / "rows.jsonl", ["a", "b", "c", "raise", "d"])
    with pytest.raises(RuntimeError, match=r"(?s)test_ray|toy_stage.*ZeroDivisionError: a bug in the stage"):
        on_ray(nodes, source, tmp_path / "out")
    with pytest.raises(DataError, match="told by the stage"):
        on_ray(nodes, write_rows(tmp_path / "other.jsonl", ["a", "data error"]), tmp_path / "other")


@slow
def test_real_stages_on_the_cluster_through_the_command_line(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1)
    feedback, code = (str(ROOT / "sample_data" / name) for name in ("feedback.jsonl", "programs.jsonl"))
    principles = ["extract-principles", feedback, "--rows-per-shard", "10", "-o"]
    verdicts = ["verify-code", code, "--limit", "12", "-o"]
    there = ["--runner", "ray", "--ray-address", nodes.address]
    for number, command in enumerate((principles, verdicts)):
        local, ours = str(tmp_path / f"local{number}"), f"ray{number}"
        assert rlbff(tmp_path, *command, local, "--workers", "1").returncode == 0
        done = rlbff(tmp_path, *command, ours, *there)
        assert (done.returncode, done.stdout) == (0, f"{ours}\n"), done.stderr
        assert "ray" not in done.stderr.replace(ours, "").lower()
        # verify-code stores what programs took beside its rows, and that is never twice the same
        told = same if number == 0 else shards
        assert told(tmp_path / ours) == told(Path(local))


@slow
def test_a_signal_ends_the_run_and_a_cluster_of_its_own(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["sleep 1"] * 12)
    program = (
        "import sys; from rlbff_cli.signals import interruptible; from stages.core.errors import RlbffError\n"
        "from tests.core.test_runner import *\n"
        f"try:\n with interruptible(): run(toy({source!r}, Path('out'), runner='ray', workers=1))\n"
        "except RlbffError as error: sys.exit(f'{error.exit_code} {error}')"
    )
    with tempfile.TemporaryDirectory(prefix="rlbff-own-", dir="/tmp") as folder:
        environ = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": folder}
        child = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environ, stderr=-1, text=True)
        assert settles(lambda: parts_done(tmp_path / "out") >= 1, 90)
        assert any("raylet" in command for command in processes_of(folder))
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
        assert said.startswith("75 Stopped by SIGTERM"), said
        assert settles(lambda: not processes_of(folder)), processes_of(folder)
        assert not list(Path(folder).iterdir())
    assert not list((tmp_path / "out" / ".rlbff" / "tmp").glob("*"))


@slow
def test_a_cluster_that_shrinks_to_nothing_ends_the_run(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.have(1)
    monkeypatch.setattr(ray_runner, "_HOPELESS_S", 2.0)
    monkeypatch.setattr(ray_runner, "_SAY_AFTER_S", 1.0)
    source, out, listener = write_rows(tmp_path / "rows.jsonl", ["sleep 0.3"] * 30), tmp_path / "out", Listener()

    def kill_all() -> None:
        settles(lambda: parts_done(out) >= 1, 60)
        while nodes.workers:
            nodes.kill_one()

    killer = threading.Thread(target=kill_all)
    killer.start()
    with pytest.raises(Interrupted, match=r"No worker found a place in the cluster for \d+ s \(each needs 1 CPU\)"):
        on_ray(nodes, source, out, listener)
    killer.join()
    assert any("find no place" in text for text in listener.warnings)
    with pytest.raises(ConfigError, match="The cluster has no CPU"):
        on_ray(nodes, source, out)


def test_a_cluster_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["a"])
    with pytest.raises(EndpointError, match=r"There is no Ray cluster at 127\.0\.0\.1:9"):
        run(toy(source, tmp_path / "out", runner="ray", ray_address="127.0.0.1:9"))


def sight(tmp_path: Path, **changes: object) -> dict[str, Any]:
    from stages.core.ray_worker import _digest, installed

    plan = tmp_path / "plan.json"
    plan.write_text("{}")
    good = {
        "version": installed(),
        "stage": ("tests.toy_stage", "toy", 1),
        "folder": os.getcwd(),
        "plan": (str(plan), _digest(plan)),
        "inputs": [str(plan)],
    }
    return good | changes


def test_a_node_must_see_what_the_driver_sees(tmp_path: Path) -> None:
    assert RayWorker().look(sight(tmp_path))[0] == "node"
    for changes, kind, told in (
        ({"version": "0.0.0"}, ConfigError, "this machine 0.0.0; install the same on every node"),
        ({"stage": ("tests.toy_stage", "toy", 2)}, ConfigError, "has version 1 of the stage toy, this machine 2"),
        ({"stage": ("stages.none", "toy", 1)}, ConfigError, "cannot load the stage"),
        ({"plan": (str(tmp_path / "plan.json"), "other")}, OutputError, "on a file system that all nodes share"),
        ({"inputs": ["/nowhere/rows.jsonl"]}, OutputError, "does not see the input /nowhere/rows.jsonl"),
    ):
        answer, error = RayWorker().look(sight(tmp_path, **changes))
        assert (answer, type(error)) == ("error", kind)
        assert told in str(error)


def test_an_ear_tells_the_latest_once() -> None:
    ear = Ear()
    for task, rows in ((1, 5), (2, 7), (1, 9)):
        ear.tell(task, rows)
    assert ear.heard() == {1: 9, 2: 7}
    assert ear.heard() == {}


def test_how_many_workers_there_are_and_what_each_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = [{"CPU": 0.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}]
    monkeypatch.setattr(ray_cluster, "node_resources", lambda: cluster)
    assert ray_cluster.places("core", None) == (12, {"CPU": 1.0})
    assert ray_cluster.places("core", 5) == (5, {"CPU": 1.0})
    assert ray_cluster.places("server", None) == (1, {"CPU": 1.0})
    assert ray_cluster.places("gpu", None) == (2, {"CPU": 1.0, "GPU": 1.0})
    assert ray_cluster.places("cores", None) == (2, {"CPU": 4.0})
    assert ray_cluster.places("cores", 6) == (6, {"CPU": 2.0})
    assert ray_cluster.fits({"CPU": 8.0})
    assert not ray_cluster.fits({"CPU": 5.0, "GPU": 4.0})
    cluster[1].pop("GPU")
    assert ray_cluster.places("gpu", None) == (2, {"CPU": 4.0})
    cluster[1:] = []
    with pytest.raises(ConfigError, match="no CPU"):
        ray_cluster.places("core", None)


def test_options_that_do_not_go_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--ray-address auto has no meaning without --runner ray"):
        RunOptions(ray_address="auto")
    with pytest.raises(ConfigError, match="write HOST:PORT or auto"):
        RunOptions(runner="ray", ray_address="ray://head:10001")
    there = RunOptions(runner="ray", ray_address="[::1]:6379")
    with pytest.raises(ConfigError, match=r"train-rm.*torchrun"):
        TrainRmConfig(inputs=("x",), model="tiny", run=there)
    with pytest.raises(ConfigError, match=r"train-policy.*torchrun"):
        TrainPolicyConfig(inputs=("x",), model="tiny", reward=("math:",), run=there)
    with pytest.raises(ConfigError, match="no meaning for eval"):
        EvalConfig(benchmark="rm-bench", inputs=("x",), run=there)
    monkeypatch.setattr("stages.core.options.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'rlbff\[ray\]'"):
        RunOptions(runner="ray")


def rlbff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rlbff_cli", *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\0\0"])
def test_a_port_where_no_cluster_listens_is_told_at_once(answer: bytes, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ["text"])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(answer)

        listener = threading.Thread(target=serve)
        listener.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(EndpointError, match=rf"no Ray cluster at {address} \(something else listens there\)"):
            run(toy(source, tmp_path / "out", runner="ray", ray_address=address))
        listener.join()
