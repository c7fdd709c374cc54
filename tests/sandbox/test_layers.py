"""Each layer on its own: what it stops, what is said where it is missing, and that nothing opens without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.errors import ConfigError
from stages.sandbox import landlock, seccomp
from stages.sandbox.jobs import Case, DataTests, Program
from stages.sandbox.layers import LEVELS, Facts, Layer, Level, facts, header, probe, require
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.syscalls import ARCHITECTURES, NUMBERS
from tests.sandbox.conftest import QUICK, skip_unless_possible

GOOD = Facts("linux", "x86_64", 7, -14, "")
TRY = """
import os, resource, ctypes
c = ctypes.CDLL(None, use_errno=True)
def attempt(code, *values):
    try:
        result = eval(code, globals(), dict(zip("xyz", values)))
    except BaseException as error:
        return type(error).__name__
    return "done" if result is None or result is True else str(result)[:50]
"""


@pytest.mark.parametrize(
    ("change", "layer", "remedy"),
    [
        ({"landlock": 0}, Layer.LANDLOCK, "lsm="),
        ({"seccomp": -22}, Layer.SECCOMP, "CONFIG_SECCOMP_FILTER"),
        ({"namespaces": "Operation not permitted"}, Layer.NAMESPACES, "sysctl"),
        ({"machine": "riscv64"}, Layer.CAPABILITIES, "x86_64 and aarch64"),
        ({"platform": "darwin"}, Layer.LIMITS, "Linux"),
    ],
)
def test_a_missing_layer_is_named_with_its_remedy(change: dict[str, object], layer: Layer, remedy: str) -> None:
    known = GOOD._replace(**change)
    for level, layers in LEVELS.items():
        if layer in layers:
            with pytest.raises(ConfigError, match=f"'{level}' needs {layer}: ") as error:
                require(level, known)
            assert remedy in str(error.value)
            assert "\n" not in str(error.value)
        elif layer is not Layer.LIMITS:
            assert require(level, known) == layers
    assert any(f": {layer} off: " in line for line in header("strict", known))


def test_all_layers_of_a_good_system() -> None:
    assert all(state.available for state in probe(GOOD))
    assert [require(level, GOOD) for level in LEVELS] == list(LEVELS.values())
    assert sum(" active " in line for line in header("standard", GOOD)) == 4
    with pytest.raises(ConfigError, match="none"):
        require("none")  # type: ignore[arg-type]


BLOCKED = """
import sys
from stages.sandbox import libc, seccomp
from stages.sandbox.layers import require
from stages.sandbox.seccomp import _Step
blocked = [int(number) for number in sys.argv[2].split(",")]
steps = [_Step(0x20, 0, 0, 0)]
for number in blocked:
    steps += [_Step(0x15, 0, 1, number), _Step(6, 0, 0, 0x00050000 | int(sys.argv[3]))]
steps.append(_Step(6, 0, 0, 0x7FFF0000))
libc.refuse_new_privileges()
seccomp.Filter(steps).install(1)
try:
    print(require(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the blocked calls are those of x86-64")
@pytest.mark.parametrize(
    ("level", "calls", "error", "layer"),
    [("standard", "444", 38, "landlock"), ("standard", "317", 38, "seccomp"), ("strict", "272", 1, "namespaces")],
)
def test_a_system_that_blocks_a_layer_is_refused(level: Level, calls: str, error: int, layer: str, root: Path) -> None:
    skip_unless_possible(level)
    command = [sys.executable, "-c", BLOCKED, level, calls, str(error)]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"ConfigError sandbox level '{level}' needs {layer}: "), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("level", "missing", "what"),
    [
        ("standard", Layer.LANDLOCK, "read a file outside"),
        ("standard", Layer.SECCOMP, "open a socket"),
        pytest.param(
            *("standard", Layer.CAPABILITIES, "read what nobody may read"),
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no privileges to give up"),
        ),
        ("strict", Layer.NAMESPACES, "see a process outside"),
    ],
)
def test_a_canary_notices_a_layer_that_does_not_hold(level: Level, missing: Layer, what: str) -> None:
    skip_unless_possible(level)
    layers = tuple(layer for layer in LEVELS[level] if layer is not missing)
    with pytest.raises(ConfigError, match=f"refused: a canary could {what}, which {missing} should stop"):
        Sandbox(level, layers, QUICK, 1.0)


def attempts(layers: tuple[Layer, ...], codes: dict[str, tuple[object, ...]]) -> list[str]:
    """What becomes of each expression in a sandbox of just these layers."""
    cases = tuple(Case(args=(code, *values), expected="") for code, values in codes.items())
    # At level weak the canaries check the limits only, so that each layer can be looked at alone.
    with Sandbox("weak", layers, QUICK, 1.0) as sandbox:
        verdict = sandbox.verify(Program(source=TRY, entry_point="attempt"), DataTests(cases=cases))
    return [result.detail.removeprefix("gives ").strip("'") for result in verdict.results]


def test_landlock_alone(tmp_path: Path) -> None:
    skip_unless_possible("standard")
    secret = tmp_path / "secret"
    secret.write_text("x")
    codes = {
        "open(x).close()": (str(secret),),
        "open(x, 'w').close()": (str(tmp_path / "new"),),
        "os.listdir(x) and None": (str(tmp_path),),
        "os.unlink(x)": (str(secret),),
        "os.execv('/bin/true', ['x'])": (),
        "open('/proc/self/environ').close()": (),
        "open('own', 'w').close()": (),
        "open(os.__file__).close()": (),
        "open(os.__file__, 'a').close()": (),
    }
    expected = ["PermissionError"] * 6 + ["done", "done", "PermissionError"]
    assert attempts((Layer.LIMITS, Layer.LANDLOCK), codes) == expected
    assert attempts((Layer.LIMITS,), {"open(x).close()": (str(secret),)}) == ["done"]


def test_seccomp_alone() -> None:
    skip_unless_possible("standard")
    refused = {
        "os.fork()": (),
        "os.posix_spawn('/bin/true', ['x'], {})": (),
        "__import__('socket').socket()": (),
        "os.kill(os.getppid(), 0)": (),
        "os.kill(-1, 0)": (),
        "os.chmod('.', 0o777)": (),
        "os.utime('.')": (),
        "os.setxattr('.', 'user.x', b'')": (),
        "__import__('fcntl').fcntl(1, 8, 1)": (),
        "__import__('fcntl').fcntl(1, 10, 9)": (),
        "__import__('fcntl').ioctl(1, 0x8901, b'1234')": (),
        "os.memfd_create('x')": (),
        "os.setpriority(os.PRIO_PROCESS, 0, 5)": (),
        "os.mkfifo('f')": (),
        "resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))": (),
    }
    raw = {
        "c.syscall(*x)": ((425, 8, 0),),
        "c.syscall(*x) ": ((321, 0, 0, 0),),
        "c.prctl(4, 1, 0, 0, 0)": (),
        "c.prctl(1, 0)": (),
    }
    allowed = {
        "os.kill(os.getpid(), 0)": (),
        "__import__('threading').Thread(target=print).start()": (),
        "(lambda pair: pair[0].send(b'x') == 1)(__import__('socket').socketpair())": (),
        "os.set_blocking(os.pipe()[0], False)": (),
    }
    results = attempts((Layer.LIMITS, Layer.SECCOMP), {**refused, **raw, **allowed})
    assert results == ["PermissionError"] * len(refused) + ["-1"] * len(raw) + ["done"] * len(allowed)


def test_limits_alone() -> None:
    codes = {
        "len(bytearray(x)) and None": (QUICK.memory,),
        "open('f', 'wb', 0).write(bytes(x)) > y or open(y)": (QUICK.file + 1, QUICK.file),
        "len(os.listdir('/proc/self/fd')) <= 6": (),
        "[os.dup(1) for _ in range(x)] and None": (QUICK.descriptors,),
        "sorted(os.environ) == ['HOME', 'LANG', 'PATH', 'TMPDIR']": (),
        "__import__('sys').stdin.read()== ''": (),
        "os.umask(0o77) == 0o77": (),
    }
    results = attempts((Layer.LIMITS,), codes)
    assert results[0] == "MemoryError"
    assert results[1] != "done"
    assert results[2:4] == ["done", "OSError"]
    assert results[4:] == ["done", "done", "done"]


def test_namespaces_alone(tmp_path: Path) -> None:
    skip_unless_possible("strict")
    codes = {
        "os.stat(x)": (str(tmp_path),),
        "os.listdir('/proc')": (),
        "os.getpid() == 1": (),
        "os.getppid() == 0": (),
        "os.kill(x, 0)": (os.getpid(),),
        "os.listdir('/') and None": (),
        "open('/new', 'w')": (),
        "c.mount(b'none', b'/', None, 32, None)": (),
        "len(__import__('socket').if_nameindex()) == 1": (),
    }
    expected = ["FileNotFoundError"] * 2 + ["done", "done", "ProcessLookupError", "done", "OSError", "-1", "done"]
    assert attempts((Layer.LIMITS, Layer.NAMESPACES), codes) == expected


def test_the_filter_answers_each_call_as_it_should() -> None:
    """The BPF program, run by a small interpreter written from its definition, on both architectures."""
    for machine, column in ARCHITECTURES.items():
        steps = seccomp.build(machine, pid=77)
        arch = seccomp.AUDIT[machine]
        allow, eperm = 0x7FFF0000, 0x00050001
        for number in range(500):
            named = number in {pair[column] for pair in NUMBERS.values()}
            checked = {pair[column]: name for name, pair in seccomp.CHECKED.items()}.get(number)
            if checked is None:
                assert run(steps, number, arch, ()) == (allow if named else eperm), (machine, number)
        call = {name: pair[column] or 0 for name, pair in seccomp.CHECKED.items()}
        assert run(steps, call["clone3"], arch, ()) == 0x00050026
        assert run(steps, call["clone"], arch, (0x3D0F00,)) == allow
        assert run(steps, call["clone"], arch, (17,)) == eperm
        assert run(steps, call["kill"], arch, (77,)) == allow
        assert run(steps, call["kill"], arch, (78,)) == eperm
        assert run(steps, call["prlimit64"], arch, (0,)) == allow
        assert run(steps, call["prlimit64"], arch, (5,)) == eperm
        assert run(steps, call["sendto"], arch, (3, 0, 0, 0, 0)) == allow
        assert run(steps, call["sendto"], arch, (3, 0, 0, 0, 1 << 40)) == eperm
        assert run(steps, call["sendto"], arch, (3, 0, 0, 1, 0)) == eperm
        assert run(steps, 1, 0xC000003F, ()) == 0x80000000
        assert run(steps, 0x40000001, arch, ()) == 0x80000000


def run(steps: list[seccomp._Step], number: int, arch: int, arguments: tuple[int, ...]) -> int:
    data = {0: number, 4: arch}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        data |= {16 + 8 * index: value & 0xFFFFFFFF, 20 + 8 * index: value >> 32}
    at = loaded = 0
    while True:
        code, if_true, if_false, value = steps[at]
        if code == 0x06:
            return value
        at += 1
        if code == 0x20:
            loaded = data[value]
        elif code == 0x05:
            at += value
        else:
            tests = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
            at += if_true if tests[code] else if_false


def test_landlock_is_at_least_what_the_kernel_says() -> None:
    assert landlock.version() == facts(namespaces=False).landlock
