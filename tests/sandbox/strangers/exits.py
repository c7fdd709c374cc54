"""Programs that end in every way there is."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.verdict import Status
from tests.sandbox.strangers.base import ADD_DATA, ADD_PYTEST, ADD_SPLIT, ADD_UNITTEST, ANY, ENDED, STOPPED, hostile

hostile(
    "exit_in_hash",
    "exit",
    ADD_SPLIT,
    "import os\nclass K:\n    def __hash__(self): os._exit(0)\ndef add(a, b): return {K(): 3}\n",
    ANY,
)
hostile(
    "exit_in_exception_text",
    "exit",
    ADD_UNITTEST,
    "import os\nclass E(BaseException):\n    def __str__(self): os._exit(0)\n    __repr__ = __str__\ndef add(a, b): raise E\n",
    ANY,
    passes=(),
)
hostile(
    "hooks_exit_well",
    "exit",
    ADD_SPLIT,
    """\
import atexit, os, sys, threading
def well(*a):
    os.write(1, b"OK\\n"); os._exit(0)
atexit.register(well); sys.excepthook = threading.excepthook = sys.unraisablehook = well
def add(a, b): raise GeneratorExit
""",
    ANY,
)
hostile(
    "group_of_exits",
    "exit",
    ADD_PYTEST,
    "def add(a, b):\n    e = KeyboardInterrupt()\n    for _ in range(300): e = BaseExceptionGroup('g', [e, SystemExit(0)])\n    raise e\n",
    ANY,
)
hostile("exit_at_load", "exit", ADD_UNITTEST, "raise SystemExit(0)\n", frozenset({Status.LOAD_ERROR}))
hostile("abort_at_load", "exit", ADD_DATA, "import os\nos.abort()\n", ENDED)
hostile("stop_iteration", "exit", ADD_SPLIT, "def add(a, b):\n    raise StopIteration(a + b)\n")
hostile("kill_self", "exit", ADD_DATA, "import os, signal\ndef add(a, b): os.kill(os.getpid(), signal.SIGKILL)\n", ANY)
hostile("exec_true", "exit", ADD_SPLIT, "import os\ndef add(a, b): os.execv('/bin/true', ['true'])\n", ANY)
hostile(
    "null_pointer",
    "crash",
    ADD_PYTEST,
    "import ctypes\ndef add(a, b): return ctypes.string_at(0)\n",
    frozenset({Status.CRASH}),
)
hostile(
    "no_floor",
    "crash",
    ADD_UNITTEST,
    "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self): return repr([self])\ndef add(a, b): return repr(A())\n",
    STOPPED,
    slow=True,
)
hostile(
    "bytecode",
    "crash",
    ADD_DATA,
    "def add(a, b): return 9\nadd.__code__ = add.__code__.replace(co_code=b'\\xff\\xff' * 40 + b'd\\x00S\\x00', co_stacksize=0)\n",
    ANY,
)
