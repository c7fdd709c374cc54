"""Does the sandbox hold against programs by somebody who has not read it, at both levels, as root and as nobody?

A process of its own runs the battery (strangers/), so that its end would be seen and any user can run it.
"""

import json
import os
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.strangers import NUMPY_STRANGERS, STRANGERS, Stranger, battery

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
HOLES: dict[str, str] = {}
"""Programs that the sandbox does not judge rightly, and what is wrong."""


class Server:
    """A process that runs programs of the battery by name, as one user, at one level."""

    def __init__(self, level: str, user: str) -> None:
        account = {"user": 65534, "group": 65534, "extra_groups": []} if user == "nobody" else {}
        self.home = tempfile.mkdtemp(prefix="strangers")
        Path(self.home).chmod(0o1777)
        environ = {"TMPDIR": self.home, "PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [_interpreter(user), "-m", "tests.sandbox.strangers.battery", level]
        self.process = subprocess.Popen(
            command, cwd="/", env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **account
        )

    def defects(self, name: str) -> list[str]:
        """What is wrong as seen with this program; the end of the process is a defect."""
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return self._answer(name)

    def close(self) -> list[str]:
        """What stays after the sandbox is closed."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        left = self._answer("")
        assert self.process.wait(PATIENCE_S) == 0
        return left

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for stream in filter(None, (self.process.stdin, self.process.stdout)):
            stream.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _answer(self, name: str) -> list[str]:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            self.process.kill()
            return [f"hang: no answer within {PATIENCE_S} s"]
        line = self.process.stdout.readline()
        if not line:
            return [f"the harness ended: {self.process.wait(PATIENCE_S)}"]
        answer = json.loads(line)
        assert answer["name"] == name
        return list(answer["defects"])


def _interpreter(user: str) -> str:
    """An interpreter that the user may start; skips where there is none, or where the repository cannot be read."""
    if user == "self":
        return sys.executable
    found = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
    if os.geteuid() != 0 or found is None:
        pytest.skip("needs root and an interpreter for everybody")
    trial = subprocess.run(
        [found, "-B", "-c", "import stages.sandbox.sandbox"],
        cwd="/",
        env={"PYTHONPATH": str(ROOT)},
        user="nobody",
        group=pwd.getpwnam("nobody").pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    if trial.returncode:
        pytest.skip(f"nobody cannot run the sandbox with {found}: {trial.stderr.decode()[-200:]}")
    return found


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[tuple[str, str], Server]]:
    """The running processes, by level and user; a test starts the one that it needs. In the end nothing may stay."""
    running: dict[tuple[str, str], Server] = {}
    yield running
    left = {where: server.close() for where, server in running.items() if server.process.poll() is None}
    for server in running.values():
        server.stop()
    assert not any(left.values()), left


def _defects(servers: dict[tuple[str, str], Server], level: str, user: str, name: str) -> list[str]:
    server = servers.get((level, user))
    if server is None or server.process.poll() is not None:
        if server is not None:
            server.stop()
        server = servers[level, user] = Server(level, user)
    return server.defects(name)


def _named(programs: list[Stranger]) -> list[object]:
    """Their names, those with a known hole expected to fail."""
    marks = {name: [pytest.mark.xfail(strict=True, reason=reason)] for name, reason in HOLES.items()}
    return [pytest.param(program.name, marks=marks.get(program.name, []), id=program.name) for program in programs]


ALL = [*STRANGERS, *NUMPY_STRANGERS]
QUICK = [program for program in STRANGERS if not program.slow]
ELSEWHERE = [("standard", "nobody"), ("strict", "self"), ("strict", "nobody")]


@pytest.mark.parametrize("name", _named(QUICK))
def test_stranger(servers: dict[tuple[str, str], Server], name: str) -> None:
    assert not _defects(servers, "standard", "self", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", _named([program for program in ALL if program not in QUICK]))
def test_slow_stranger(servers: dict[tuple[str, str], Server], name: str) -> None:
    if name.startswith("numpy") or name == "poison_numpy":
        pytest.importorskip("numpy")
    assert not _defects(servers, "standard", "self", name)


@pytest.mark.slow
@pytest.mark.parametrize(("level", "user"), ELSEWHERE, ids=["-".join(where) for where in ELSEWHERE])
@pytest.mark.parametrize("name", _named(STRANGERS))
def test_stranger_elsewhere(servers: dict[tuple[str, str], Server], level: str, user: str, name: str) -> None:
    assert not _defects(servers, level, user, name)


def test_there_are_enough_strangers() -> None:
    hostile = [program for program in ALL if not program.honest]
    assert len(hostile) >= 60
    assert len(ALL) - len(hostile) >= 10
    assert sum(program.then is not None for program in ALL) >= 10
    assert len({program.name for program in ALL}) == len(ALL)


def test_the_canary_sings(tmp_path: Path) -> None:
    """What the battery looks for it finds, where a program does leave a trace."""
    with battery.canary() as nest:
        assert list(nest.traces()) == []
        (nest.folder / "victim.txt").write_text("altered")
        (nest.folder / "ESCAPE_mark").touch()
        found = " ".join(nest.traces())
    assert "the victim was written to" in found
    assert "ESCAPE_mark" in found


def test_children_are_seen() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in battery.descendants()
        child.kill()
