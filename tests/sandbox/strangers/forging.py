"""Programs that forge reports, replies and comparisons."""

# ruff: noqa: E501 - a program in one line is read as one thing

from tests.sandbox.strangers.base import ADD_DATA, ADD_PYTEST, ADD_SPLIT, ADD_UNITTEST, ANY, hostile

GUESSES = """\
import os, json, pickle, struct, marshal
GUESS = [b"pass\\n", b"PASS", b"\\x01", b"true\\n", json.dumps({"outcome": "pass", "passed": True, "ok": True, "result": 3}).encode() + b"\\n",
         pickle.dumps(("pass", 3)), marshal.dumps(3), struct.pack("!I", 1) + b"3", struct.pack("<Q", 4) + b"pass", b'["ok", 3]', b"3\\n"]
"""
hostile(
    "guess_on_every_descriptor",
    "forging",
    ADD_DATA,
    GUESSES
    + "def add(a, b):\n    for fd in range(3, 64):\n        for guess in GUESS:\n            try: os.write(fd, guess)\n            except OSError: pass\n    return 99\n",
    ANY,
)
hostile(
    "guess_at_load_split",
    "forging",
    ADD_SPLIT,
    GUESSES
    + "for fd in range(3, 64):\n    for guess in GUESS:\n        try: os.write(fd, guess)\n        except OSError: pass\ndef add(a, b): return 99\n",
    ANY,
)
hostile("close_all", "forging", ADD_SPLIT, "import os\ndef add(a, b):\n    os.closerange(0, 256)\n    return 99\n", ANY)
hostile(
    "swap_descriptors",
    "forging",
    ADD_UNITTEST,
    """\
import os
r, w = os.pipe()
for fd in range(0, 30):
    try:
        os.fstat(fd)
        if fd not in (r, w): os.dup2(w if fd % 2 else r, fd)
    except OSError:
        pass
def add(a, b): return 99
""",
    ANY,
    slow=True,
)
hostile(
    "length_without_end",
    "forging",
    ADD_DATA,
    "import os\ndef add(a, b):\n    for fd in range(3, 32):\n        try: os.write(fd, b'\\xff' * 64)\n        except OSError: pass\n    return 99\n",
    ANY,
)
hostile(
    "long_length_then_silence",
    "forging",
    ADD_SPLIT,
    """\
import os, struct, time
def add(a, b):
    for fd in range(3, 32):
        for head in (struct.pack("!I", 1 << 20), struct.pack("<I", 1 << 20)):
            try: os.write(fd, head)
            except OSError: pass
    time.sleep(60)
""",
    ANY,
    slow=True,
)
hostile(
    "slow_loris",
    "forging",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    end = time.monotonic() + 40
    while time.monotonic() < end:
        for fd in range(3, 16):
            try: os.write(fd, b"\\0")
            except OSError: pass
        time.sleep(0.05)
""",
    ANY,
    slow=True,
)
hostile(
    "flood_descriptors",
    "forging",
    ADD_SPLIT,
    """\
import os
def add(a, b):
    block = b"\\x00\\x00\\x00\\x01" * (1 << 14)
    for fd in range(3, 16):
        try:
            for _ in range(4000): os.write(fd, block)
        except OSError:
            pass
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "send_rights",
    "forging",
    ADD_DATA,
    """\
import array, os, socket
def add(a, b):
    null = [os.open("/dev/null", 0) for _ in range(20)]
    for fd in range(3, 20):
        try:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(fd))
            s.setblocking(False)
            for _ in range(20):
                s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", null))])
        except OSError:
            pass
    return 99
""",
    ANY,
)
hostile("two_minds", "forging", ADD_SPLIT, "import os\nos.fork()\ndef add(a, b):\n    return os.getpid()\n", ANY)
hostile(
    "child_answers",
    "forging",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    if os.fork() == 0:
        return 99
    os._exit(0)
""",
    ANY,
    slow=True,
)
hostile(
    "shutdown_and_nonblocking",
    "forging",
    ADD_SPLIT,
    """\
import fcntl, os, signal, socket
def add(a, b):
    for fd in range(0, 40):
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC | os.O_APPEND)
            fcntl.fcntl(fd, fcntl.F_SETOWN, @HARNESS@)
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGUSR1)
            socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RD)
        except OSError:
            pass
    return 99
""",
    ANY,
)
hostile(
    "patch_everything_near",
    "forging",
    ADD_SPLIT,
    """\
import sys, types
def forged(*args, **kwargs): return 3
def add(a, b):
    frame, seen = sys._getframe(1), set()
    while frame:
        for name, thing in list(frame.f_globals.items()):
            if isinstance(thing, types.FunctionType) and id(thing) not in seen:
                seen.add(id(thing))
                try:
                    thing.__code__ = forged.__code__
                except ValueError:
                    frame.f_globals[name] = forged
        frame = frame.f_back
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "patch_builtins",
    "forging",
    ADD_DATA,
    """\
import builtins, json, struct, socket, os, pickle, types
def add(a, b):
    for name in ("repr", "type", "isinstance", "len", "bytes", "int", "str", "list", "dict", "tuple", "compile", "exec", "print", "getattr", "hash"):
        setattr(builtins, name, lambda *a, **k: 3)
    json.dumps = json.loads = struct.pack = struct.unpack = lambda *a, **k: b"\\x03"
    os.write = os.read = lambda *a: 1
    socket.socket.sendall = socket.socket.send = lambda *a: 1
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "patch_with_exit",
    "forging",
    ADD_PYTEST,
    "import struct, os, builtins\ndef leave(*a, **k): os._exit(0)\ndef add(a, b):\n    struct.pack = builtins.len = builtins.type = builtins.isinstance = leave\n    return 99\n",
    ANY,
)
hostile(
    "small_ints_by_ctypes",
    "forging",
    ADD_SPLIT,
    """\
import ctypes
def add(a, b):
    ctypes.c_uint32.from_address(id(3) + 24).value = 4
    ctypes.c_uint32.from_address(id(4) + 24).value = 3
    ctypes.c_uint32.from_address(id(7) + 24).value = 3
    return 99
""",
    ANY,
)
hostile(
    "malformed_answers",
    "forging",
    ADD_SPLIT,
    """\
import random, sys, types
R = random.Random(7)
def tree(depth=0):
    if depth > 5 or R.random() < 0.5:
        return R.choice(["i", "f", "t", "d", "s", "z", "c", "b", "nan", "0x4", "ok", "pass", -1, 2 ** 64, True, None, float("inf")])
    return [tree(depth + 1) for _ in range(R.randrange(4))] if R.random() < 0.6 else {R.choice("iftdszcb"): tree(depth + 1)}
def bad(*_): return tree()
for name, module in list(sys.modules.items()):
    for key, thing in list(vars(module).items()):
        if key in ("encode", "dumps", "dump", "pack") and isinstance(thing, types.FunctionType):
            setattr(module, key, bad)
def add(a, b): return 99
""",
    ANY,
)
hostile(
    "import_hooks",
    "forging",
    ADD_PYTEST,
    """\
import importlib.abc, importlib.machinery, sys, types
class Fake(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: Fake("x")
    def __eq__(self, other): return True
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None): return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return Fake(spec.name)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
for name in ("pytest", "unittest", "solution", "json", "struct"):
    sys.modules[name] = Fake(name)
def add(a, b): return sys.modules["solution"]
""",
    ANY,
)
hostile(
    "forged_by_destructor",
    "forging",
    ADD_DATA,
    """\
import os, sys
class Last:
    def __del__(self):
        for fd in range(1, 32):
            try: os.write(fd, b"pass")
            except OSError: pass
        os._exit(0)
def add(a, b):
    sys.modules["last"] = Last()
    x = Last()
    return 99
""",
    ANY,
)
