"""Pairs: the first program tries to leave something for the second, which looks for it. Also what is left at all."""

import os
import time
from pathlib import Path

import pytest

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.sandbox import Sandbox
from tests.sandbox.conftest import add, children

PAIRS = {
    "file": ("open('left', 'w').write('x')", "os.path.exists('left')"),
    "hidden file": ("open('.left', 'w').write('x')", "bool(os.listdir('.'))"),
    "unreadable folder": ("os.mkdir('d', 0); os.mkdir('e'); os.mkdir('e/f', 0)", "bool(os.listdir('.'))"),
    "deep folder": ("[(os.mkdir('d'), os.chdir('d')) for _ in range(300)]", "bool(os.listdir('.'))"),
    "mode of the folder": ("os.chmod('.', 0o777)", "os.stat('.').st_mode & 0o777 != 0o700"),
    "sibling folder": ("open('../left', 'w').write('x')", "os.path.exists('../left')"),
    "environment": ("os.environ.update(LEFT='x')", "'LEFT' in os.environ"),
    "module": ("setattr(math, 'pi', 3)", "math.pi == 3"),
    "builtin": ("setattr(builtins, 'left', 1)", "hasattr(builtins, 'left')"),
    "umask": ("os.umask(0)", "os.umask(0o77) != 0o77"),
    "working directory": ("os.chdir('/')", "os.getcwd() == '/'"),
    "signal": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "signal.getsignal(signal.SIGTERM) == signal.SIG_IGN"),
    "limit": (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))",
        "resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 20",
    ),
    "recursion limit": ("sys.setrecursionlimit(99)", "sys.getrecursionlimit() < 500"),
    "random state": ("random.seed(5)", "random.Random(5).random() == random.random()"),
    "shared memory": ("c.shmget(4711, 4096, 0o1777)", "c.shmget(4711, 4096, 0) >= 0"),
    "message queue": ("c.msgget(4711, 0o1777)", "c.msgget(4711, 0) >= 0"),
    "lock on a file": ("fcntl.flock(open(os.__file__), fcntl.LOCK_EX)", "refused()"),
    "thread": ("threading.Thread(target=time.sleep, args=(9,)).start()", "threading.active_count() > 1"),
    "text in memory": (
        "globals().update(left='txet suonosiop'[::-1])",
        "'txet suonosiop'[::-1] in str(gc.get_objects())",
    ),
}
IMPORTS = """
import builtins, ctypes, fcntl, gc, math, os, random, resource, signal, sys, threading, time
c = ctypes.CDLL(None, use_errno=True)
def refused():
    try: fcntl.flock(open(os.__file__), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError: return True
    return False
"""
ONE = DataTests(cases=(Case(args=(1, 2), expected=3),))


def program(code: str) -> Program:
    return add("return a + b", f"{IMPORTS}\ntry: {code}\nexcept OSError: pass")


@pytest.mark.parametrize("name", PAIRS)
def test_nothing_is_left_for_the_next_program(sandbox: Sandbox, name: str) -> None:
    poison, symptom = PAIRS[name]
    sandbox.verify(program(poison), ONE)
    look = add("return a + b if not found else 0", f"{IMPORTS}\nfound = bool({symptom})")
    verdict = sandbox.verify(look, ONE)
    assert verdict.all_passed, verdict


def test_tests_carry_nothing_from_one_program_to_the_next(standard: Sandbox) -> None:
    tests = SplitTests(
        setup="import math, builtins\nassert not hasattr(math, 'left')\nmath.left = 1",
        cases=("open('x', 'w')", "add(1, 2)"),
    )
    for _ in range(3):
        assert standard.verify(add(), tests).all_passed


def test_a_solution_does_not_see_the_testers_folder(standard: Sandbox) -> None:
    body = "return [name for f in ('.', '..', '../..') if can(f) for name in os.listdir(f)]"
    before = "import os\ndef can(f):\n    try: return os.listdir(f) is not None\n    except OSError: return False"
    tests = SplitTests(setup="open('answers', 'w').write('3')", cases=("assert 'answers' not in str(add(1, 2))",))
    assert standard.verify(add(body, before), tests).all_passed


def test_nothing_is_left_on_the_computer(sandbox: Sandbox) -> None:
    descriptors = os.listdir("/proc/self/fd")
    base = sandbox._root
    files = sorted(path.relative_to(base) for path in base.rglob("*"))
    sources = ["open('f', 'w')", "os._exit(0)", "os.abort()", "sum(iter(int, 1))", "raise ValueError"]
    for code in sources:
        sandbox.verify(add(f"{code}", IMPORTS), ONE)
        sandbox.verify(add(f"{code}", IMPORTS), SplitTests(cases=("assert add(1, 2) == 3",)))
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    assert sorted(path.relative_to(base) for path in base.rglob("*")) == files
    assert [children(pid) for pid in sandbox.pids] == [[] for _ in sandbox.pids]


def test_weak_ends_children_that_daemonise(tmp_path: Path) -> None:
    from stages.sandbox.sandbox import open_sandbox
    from tests.sandbox.conftest import QUICK

    source = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(tmp_path / "pid")!r}, 'w').write(str(os.getpid()))
        time.sleep(20)
    os._exit(0)
time.sleep(0.2)
"""
    with open_sandbox("weak", QUICK, factor=1.0) as weak:
        assert weak.verify(add("return a + b", source), ONE).all_passed
        daemon = int((tmp_path / "pid").read_text())
        assert not Path(f"/proc/{daemon}").exists()


@pytest.mark.parametrize(
    "seconds", [pytest.param(5, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.campaign)]
)
def test_many_verdicts_with_flat_memory(standard: Sandbox, seconds: float) -> None:
    def memory() -> int:
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (os.getpid(), *standard.pids))

    for _ in range(300):
        standard.verify(add(), ONE)
    before, descriptors, start = memory(), len(os.listdir("/proc/self/fd")), time.monotonic()
    count = 0
    while time.monotonic() - start < seconds:
        standard.verify(add(), ONE)
        count += 1
    assert count > 10 * seconds
    assert memory() - before < 500
    assert len(os.listdir("/proc/self/fd")) == descriptors
