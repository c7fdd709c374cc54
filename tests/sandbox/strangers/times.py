"""Programs that play with time."""

from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_PYTEST,
    ADD_SPLIT,
    ADD_UNITTEST,
    ANY,
    DONE,
    ENDED,
    SUM_STDIO,
    TIMEOUT,
    hostile,
)

hostile(
    "backtracking",
    "time",
    ADD_DATA,
    "import re\ndef add(a, b): return re.match(r'(a|a|aa)+$', 'a' * 60 + 'b')\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "huge_power",
    "time",
    ADD_SPLIT,
    "def add(a, b): return (3 ** (10 ** 8) % 7) and (7 ** (10 ** 8))\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "limit_raised",
    "time",
    ADD_DATA,
    """\
import ctypes, resource, signal
for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NPROC):
    for top in (resource.RLIM_INFINITY, 10 ** 6):
        try: resource.setrlimit(what, (top, top))
        except (OSError, ValueError): pass
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
def add(a, b):
    while True: pass
""",
    TIMEOUT,
    slow=True,
)
hostile(
    "stopped",
    "time",
    ADD_SPLIT,
    "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 99\n",
    TIMEOUT | ENDED | DONE,
    slow=True,
)
hostile(
    "chain_of_children",
    "time",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            os._exit(0) if os.getppid() == 1 and False else None
        else:
            start = time.process_time()
            while time.process_time() - start < 0.15: pass
            os._exit(0)
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "all_asleep",
    "time",
    ADD_UNITTEST,
    "import threading\ndef add(a, b):\n    threading.Event().wait()\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "sleeps_at_exit",
    "time",
    SUM_STDIO,
    "import atexit, time\nprint(sum(map(int, input().split())), flush=True)\natexit.register(time.sleep, 60)\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "timers",
    "time",
    ADD_SPLIT,
    """\
import signal, time
def again(*_):
    signal.setitimer(signal.ITIMER_REAL, 1e-5)
    try: time.sleep(0.001)
    finally: raise TimeoutError
signal.signal(signal.SIGALRM, again)
def add(a, b):
    signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)
    while True:
        try: time.sleep(1)
        except BaseException: pass
""",
    ANY,
    slow=True,
)
hostile("frozen_load", "time", ADD_PYTEST, "while True: pass\n", TIMEOUT)
hostile(
    "pipe_wait",
    "time",
    ADD_DATA,
    "import os\ndef add(a, b):\n    r, w = os.pipe()\n    return os.read(r, 1)\n",
    TIMEOUT,
    slow=True,
)
