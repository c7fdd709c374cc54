"""Pairs in which one program tries to change what becomes of the next."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import SplitTests, SuiteTests
from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_SPLIT,
    ADD_UNITTEST,
    ANY,
    DONE,
    PLAIN,
    PLAIN_BY_TESTS,
    SUM_EVAL,
    SUM_STDIO,
    WRONG_CHECKED,
    Stranger,
    honest,
    poison,
    relay,
)

FILES = honest(
    "files",
    ADD_DATA,
    "import os, tempfile\nmask = os.umask(0o22)\nassert mask in (0o22, 0o77, 0o27, 0o2, 0), oct(mask)\nassert not os.listdir('.'), os.listdir('.')\nwith open('x', 'w') as f: f.write('y' * 100000)\nopen(tempfile.mkstemp()[1]).close()\ndef add(a, b): return a + b * (len(open('x').read()) == 100000)\n",
    follows=True,
)
CLEAN = honest(
    "clean",
    ADD_SPLIT,
    """\
import decimal, gc, json, locale, math, os, random, resource, signal, sys, threading, warnings
def add(a, b):
    assert not [k for k in os.environ if "POISON" in k]
    assert sys.getrecursionlimit() <= 20000 and gc.isenabled() and sys.getswitchinterval() < 1
    assert threading.active_count() == 1 and not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGCHLD) in (signal.SIG_DFL, None) and signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert math.sqrt(4) == 2 and sum([a, b]) == a + b and json.loads("[1]") == [1] and decimal.getcontext().prec == 28
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and os.getpriority(0, 0) <= 0 or os.getpriority(0, 0) < 19
    assert len(os.sched_getaffinity(0)) == os.cpu_count() and resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 32
    assert 3 + 0 == int("3") and 4 != 3 and sys.gettrace() is None and sys.getprofile() is None
    assert not hasattr(sys, "word") and not [m for m in sys.meta_path if "Poison" in repr(m)]
    return a + b
""",
    follows=True,
)
poison(
    "leave_files",
    "import os\nos.umask(0o777)\nfor i in range(50):\n    for top in ('.', '/tmp', '/var/tmp', '/dev/shm'):\n        try: open(f'{top}/ESCAPE_{i}', 'w').close()\n        except OSError: pass\nfor d in ('json', 'tempfile', 'math'):\n    try: open(f'{d}.py', 'w').write('raise SystemExit')\n    except OSError: pass\n",
    FILES,
)
poison(
    "poison_module_state",
    """\
import builtins, ctypes, decimal, gc, json, math, os, random, resource, signal, sys, threading, time
os.environ.update(POISON="1", PYTHONPATH="/tmp", TMPDIR="/nowhere", LD_PRELOAD="x")
os.putenv("POISON", "2"); os.umask(0o777); gc.disable(); sys.setswitchinterval(1000); sys.setrecursionlimit(60)
decimal.getcontext().prec = 1; builtins.sum = lambda x: 9; math.sqrt = lambda x: 9; json.loads = None; sys.word = 1
class Poison:
    def find_spec(self, *a): raise SystemExit
sys.meta_path.insert(0, Poison()); sys.path[:] = ["/tmp"]
for n in range(1, 32):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
os.nice(19)
resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
""",
    CLEAN,
)
poison(
    "poison_small_ints",
    "import ctypes\nfor i in (3, 10, 5):\n    ctypes.c_uint32.from_address(id(i) + 24).value = 4\n",
    CLEAN,
)
poison(
    "poison_by_child",
    "import os, signal, time\nfor _ in range(20):\n    try:\n        if os.fork() == 0:\n            os.setsid(); signal.signal(15, 1)\n            for _ in range(150):\n                for pid in range(2, 40):\n                    try: pid != os.getpid() and os.kill(pid, 23)\n                    except OSError: pass\n                time.sleep(0.1)\n            os._exit(0)\n    except OSError: break\n",
    CLEAN,
    ADD_SPLIT,
)
poison(
    "limits_of_the_parent",
    """\
import os, resource
parent = os.getppid()
for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
    try: resource.prlimit(parent, what, (3, 3))
    except (OSError, ValueError): pass
for act in (lambda: os.setpriority(0, parent, 19), lambda: os.sched_setaffinity(parent, {0}), lambda: os.sched_setscheduler(parent, 5, os.sched_param(0)), lambda: os.setpgid(parent, 0), lambda: open(f"/proc/{parent}/mem", "r+b").close()):
    try: act()
    except OSError: pass
""",
    CLEAN,
)
poison(
    "kill_the_parent",
    "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGKILL)\n",
    CLEAN,
)
poison(
    "stop_the_parent",
    "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGSTOP)\n",
    PLAIN_BY_TESTS["unittest"],
    ADD_UNITTEST,
)
poison(
    "flags_of_descriptors",
    """\
import fcntl, os
for fd in range(64):
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND); fcntl.fcntl(fd, fcntl.F_SETOWN, os.getppid()); os.lseek(fd, 0, 2)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB); os.fchmod(fd, 0); os.ftruncate(fd, 0)
    except OSError: pass
""",
    PLAIN_BY_TESTS["stdio"],
    SUM_STDIO,
)
poison(
    "room_taken",
    "import os\nfor top in ('.', '/tmp', '/dev/shm'):\n    try:\n        for i in range(64): open(f'{top}/fill{i}', 'wb', 0).write(bytes(1 << 20))\n    except OSError: pass\nos.rename(os.getcwd(), os.getcwd() + 'gone')\n",
    FILES,
    ADD_SPLIT,
)
poison(
    "eval_patches_checker",
    'print(\'\'\'setattr(__import__("builtins"), "int", type("I", (), {"__new__": lambda c, *a: 3, "__eq__": lambda *a: True})) or setattr(__import__("builtins"), "sum", lambda x: 7)\'\'\')\n',
    WRONG_CHECKED,
    SUM_EVAL,
)
poison(
    "eval_kills_checkers",
    "print('''__import__(\"os\").kill(__import__(\"os\").getppid(), 9) if __import__(\"os\").getppid() not in (0, 1, @HARNESS@) else 0''')\n",
    PLAIN_BY_TESTS["checked"],
    SUM_EVAL,
)
poison(
    "tests_patch_unittest",
    PLAIN.source,
    Stranger(name="wrong", kind="poison", tests=ADD_UNITTEST, source="def add(a, b): return 99\n", want=DONE),
    SuiteTests(
        source="import builtins, unittest\nfor n in dir(unittest.TestCase):\n    if n.startswith('assert'):\n        setattr(unittest.TestCase, n, lambda *a, **k: None)\nunittest.TestCase.run = lambda self, r=None: None\nbuiltins.AssertionError = KeyError\nclass T(unittest.TestCase):\n    def test(self):\n        raise ValueError\n"
    ),
    passes=(0,),
)
poison(
    "tests_patch_builtins",
    PLAIN.source,
    PLAIN_BY_TESTS["pytest"],
    SplitTests(
        setup="import builtins, os, sys\nbuiltins.compile = builtins.exec = builtins.eval = None\nsys.modules.clear()\nos.umask(0o777)\n",
        cases=("assert False", "raise SystemExit"),
    ),
)
poison(
    "tests_kill_parent",
    PLAIN.source,
    PLAIN_BY_TESTS["split"],
    SplitTests(
        cases=(
            "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGKILL)\nassert False",
        )
    ),
)

relay(
    "word_in_files",
    "import os, sys, tempfile\nfor top in {'.', '..', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev/mqueue', os.path.expanduser('~'), tempfile.gettempdir(), os.path.dirname(os.getcwd()), *sys.path}:\n    for act in (lambda: open(top + '/ESCAPE_word', 'w').close(), lambda: os.mkdir(top + '/ESCAPE_word_d'), lambda: os.setxattr(top, 'user.word', b'x'), lambda: os.chmod(top, 0o1777), lambda: os.utime(top, (77, 77))):\n        try: act()\n        except OSError: pass\n",
    "import os, sys, tempfile\nheard = False\nfor top in {'.', '..', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev/mqueue', os.path.expanduser('~'), tempfile.gettempdir(), os.path.dirname(os.getcwd()), *sys.path}:\n    for act in (lambda: os.path.lexists(top + '/ESCAPE_word'), lambda: os.path.lexists(top + '/ESCAPE_word_d'), lambda: os.getxattr(top, 'user.word'), lambda: os.stat(top).st_mtime == 77):\n        try: heard |= bool(act())\n        except OSError: pass\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_sysv",
    "import ctypes\nl = ctypes.CDLL(None)\nl.shmget(0x57A96, 4096, 0o1666); l.semget(0x57A96, 1, 0o1666); l.msgget(0x57A96, 0o1666)\n",
    "import ctypes\nl = ctypes.CDLL(None)\nheard = max(l.shmget(0x57A96, 1, 0o666), l.semget(0x57A96, 1, 0o666), l.msgget(0x57A96, 0o666)) >= 0\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_posix",
    "import ctypes, os\nfrom multiprocessing import shared_memory\ntry:\n    s = shared_memory.SharedMemory('ESCAPE_word', True, 4096)\n    from multiprocessing import resource_tracker; resource_tracker.unregister(s._name, 'shared_memory')\nexcept Exception: pass\nl = ctypes.CDLL(None)\ntry: l.mq_open(b'/ESCAPE_word', os.O_CREAT | os.O_RDWR, 0o666, None); l.sem_open(b'/ESCAPE_word', os.O_CREAT, 0o666, 1)\nexcept AttributeError: pass\nl.syscall(240, b'ESCAPE_word', 66, 0o666, None)\n",
    "import ctypes, os\nl = ctypes.CDLL(None)\nheard = os.path.exists('/dev/shm/ESCAPE_word') or l.syscall(240, b'ESCAPE_word', 2, 0, None) >= 0\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_by_child",
    "import os, socket, time\nif os.fork() == 0:\n    try:\n        os.setsid(); s = socket.socket(socket.AF_UNIX); s.bind('\\0ESCAPE_word'); s.listen(); time.sleep(15)\n    finally: os._exit(0)\ntime.sleep(0.1)\n",
    "import socket\ntry:\n    s = socket.socket(socket.AF_UNIX); s.connect('\\0ESCAPE_word'); heard = True\nexcept OSError:\n    heard = False\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_kernel",
    "import ctypes, socket, os\nl = ctypes.CDLL(None)\nl.syscall(248, b'user', b'ESCAPE_word', b'x', 1, -4); l.syscall(248, b'user', b'ESCAPE_word', b'x', 1, -3)\nl.sethostname(b'@NAME@', 6) if False else None\nl.prctl(15, b'ESCAPE_word')\ntry: os.kill(os.getppid(), 0); open(f'/proc/{os.getppid()}/comm', 'w').write('ESCAPE_word')\nexcept OSError: pass\ntry: open(f'/proc/{os.getppid()}/oom_score_adj', 'w').write('777')\nexcept OSError: pass\n",
    "import ctypes, os\nl = ctypes.CDLL(None)\nheard = l.syscall(249, b'user', b'ESCAPE_word', None, 0) >= 0\nfor p in ('self', os.getppid()):\n    for f in ('comm', 'oom_score_adj'):\n        try: heard |= open(f'/proc/{p}/{f}').read().strip() in ('ESCAPE_word', '777')\n        except OSError: pass\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_memory",
    "import sys, builtins, os, gc, random\nsys.word = builtins.word = 1; sys.modules['word'] = sys; os.environ['word'] = '1'; random.seed(7)\nfor m in list(sys.modules.values()):\n    try: m.word = 1\n    except Exception: pass\nfor f in gc.get_objects():\n    try:\n        if isinstance(f, dict) and '__name__' in f: f['word'] = 1\n    except Exception: pass\n",
    "import sys, os, builtins, gc\nheard = hasattr(sys, 'word') or hasattr(builtins, 'word') or 'word' in os.environ or 'word' in sys.modules or any(hasattr(m, 'word') for m in list(sys.modules.values()))\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "answers_kept_by_child",
    "import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    end = time.monotonic() + 8\n    while time.monotonic() < end:\n        for fd in range(3, 32):\n            try: os.write(fd, b'\\0\\0\\0\\1')\n            except OSError: pass\n        time.sleep(0.01)\n    os._exit(0)\n",
    "def add(a, b): return None\n",
    slow=True,
)

NUMPY = honest(
    "numpy_clean",
    ADD_DATA,
    "import numpy as np\ndef add(a, b):\n    assert np.geterr()['divide'] == 'warn' and 3.1 < np.pi < 3.2 and np.get_printoptions()['precision'] == 8\n    return int(np.add(a, b))\n",
    follows=True,
)
NUMPY_STRANGERS = (
    Stranger(
        name="poison_numpy",
        kind="poison",
        tests=ADD_DATA,
        source="import numpy as np\nnp.seterr(all='raise'); np.pi = 4; np.set_printoptions(precision=1); np.add = np.subtract; np.random.seed(1); np.core = None\ndef add(a, b): return np.array([3, 10])\n",
        want=ANY,
        then=NUMPY,
    ),
    Stranger(
        name="numpy_equal_array",
        kind="values",
        tests=ADD_SPLIT,
        source="import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, o): return True\n    def __bool__(self): return True\ndef add(a, b): return np.zeros(3).view(A)\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_object_array",
        kind="values",
        tests=ADD_DATA,
        source="import numpy as np\nclass Any:\n    def __eq__(self, o): return True\ndef add(a, b): return np.array([Any()], dtype=object)\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_huge_view",
        kind="resources",
        tests=ADD_DATA,
        source="import numpy as np\ndef add(a, b): return np.broadcast_to(np.float64(3), (1 << 20, 1 << 20))\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_honest",
        kind="honest",
        tests=ADD_SPLIT,
        source="import numpy as np\ndef add(a, b): return np.int64(a) + np.array([b]).sum()\n",
        want=DONE,
        honest=True,
    ),
)
"""Only where numpy is installed."""
