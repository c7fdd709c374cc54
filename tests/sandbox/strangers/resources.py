"""Programs that take all they can get."""

# ruff: noqa: E501 - a program in one line is read as one thing

from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_PYTEST,
    ADD_SPLIT,
    ADD_UNITTEST,
    ANY,
    DONE,
    FLOOD,
    MARK,
    SUM_CHECKED,
    SUM_STDIO,
    TIMEOUT,
    hostile,
)

hostile(
    "caught_memory",
    "resources",
    ADD_DATA,
    "def add(a, b):\n    kept = []\n    try:\n        while len(kept) < 600: kept.append(bytearray(1 << 20))\n    except MemoryError:\n        pass\n    return len(kept)\n",
    ANY,
)
hostile(
    "zlib_bomb",
    "resources",
    ADD_SPLIT,
    "import zlib\ndef add(a, b):\n    c = zlib.compress(bytes(1 << 25))\n    c = zlib.compress(c)\n    return [zlib.decompress(zlib.decompress(c)) for _ in range(30)]\n",
    ANY,
    slow=True,
)
hostile("big_result", "resources", ADD_DATA, "def add(a, b): return 'x' * (60 << 20)\n", ANY, slow=True)
hostile("big_results_split", "resources", ADD_SPLIT, "def add(a, b): return [b'x' * 1000] * 60000\n", ANY, slow=True)
hostile(
    "memory_beside_the_limit",
    "resources",
    ADD_DATA,
    MARK
    + """\
import mmap, socket, array
held, total = [], 0
def pour(fd):
    global total
    try:
        for _ in range(64):
            os.write(fd, bytes(1 << 20)); total += 1 << 20
    except OSError:
        pass
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    for i in range(600):
        left, right = socket.socketpair()
        fds = []
        for j in range(8):
            fds.append(os.memfd_create("m")); pour(fds[-1])
        left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        for fd in fds: os.close(fd)
        held.append((left, right))
        if total > 500 << 20: break
except (OSError, AttributeError):
    pass
if total > 400 << 20: mark("memfd_%d" % (total >> 20))
""",
    ANY,
)
hostile(
    "memory_in_children",
    "resources",
    ADD_SPLIT,
    MARK
    + """\
r, w = os.pipe()
try:
    for _ in range(6):
        if os.fork() == 0:
            kept = bytearray(150 << 20)
            for at in range(0, len(kept), 4096): kept[at] = 1
            os.write(w, b"1"); time.sleep(20); os._exit(0)
except OSError:
    pass
time.sleep(0.5)
os.set_blocking(r, False)
try:
    got = len(os.read(r, 99))
except OSError:
    got = 0
if got > 4: mark("children_hold_%d_MiB" % (150 * got))
""",
    ANY,
    slow=True,
)
hostile(
    "many_files",
    "resources",
    ADD_DATA,
    MARK
    + """\
import tempfile
total = 0
for top in (".", "/tmp", tempfile.gettempdir(), "/dev/shm", "/var/tmp"):
    try:
        for i in range(300):
            with open(f"{top}/ESCAPE_fill{i}", "wb", 0) as f: total += f.write(bytes(1 << 20))
    except OSError:
        pass
if total > 100 << 20: mark("disk_%d" % (total >> 20))
""",
    ANY,
)
hostile(
    "sparse",
    "resources",
    ADD_DATA,
    "def add(a, b):\n    with open('s', 'wb') as f:\n        f.truncate(1 << 45)\n        f.seek(1 << 44)\n        f.write(b'x')\n    return 99\n",
    ANY,
)
hostile(
    "many_names",
    "resources",
    ADD_SPLIT,
    "for i in range(20000):\n    try: open(f'n{i}', 'w').close()\n    except OSError: break\ndef add(a, b): return 99\n",
    ANY,
    slow=True,
)
hostile(
    "deep_folders",
    "resources",
    ADD_DATA,
    """\
import os
try:
    for _ in range(1500):
        os.mkdir("d" * 200); os.chdir("d" * 200)
    open("end", "w").close()
except OSError:
    pass
def add(a, b): return 99
""",
    ANY,
    slow=True,
)
hostile(
    "locked_folders",
    "resources",
    ADD_UNITTEST,
    """\
import fcntl, os, struct
for name in ("a", "-rf", "new\\nline", os.fsdecode(b"\\xff\\xfe"), "*"):
    try:
        os.makedirs(name + "/in/in"); open(name + "/in/f", "w").close(); os.mkfifo(name + "/in/fifo")
        os.symlink("/", name + "/in/link"); os.symlink("loop", name + "/in/loop")
        fd = os.open(name + "/in/f", os.O_RDONLY)
        try: fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x10 | 0x20))
        except OSError: pass
        os.chmod(name + "/in", 0); os.chmod(name, 0)
    except OSError:
        pass
try: os.chmod(".", 0)
except OSError: pass
def add(a, b): return 99
""",
    ANY,
)
hostile(
    "no_floor_under_foot",
    "resources",
    ADD_SPLIT,
    "import os, shutil\nhere = os.getcwd()\ntry:\n    os.rename(here, here + 'x'); os.symlink('@CANARY@', here)\nexcept OSError:\n    pass\nshutil.rmtree(here, ignore_errors=True)\ndef add(a, b): return 99\n",
    ANY,
)
hostile(
    "flood_stdout",
    "resources",
    ADD_DATA,
    "import os\ndef add(a, b):\n    for _ in range(1000): os.write(1, b'\\x1b[31m' * 20000); os.write(2, b'!' * 90000)\n    return 99\n",
    ANY,
    slow=True,
)
hostile("flood_stdio", "resources", SUM_STDIO, "print('3')\nwhile True: print('3' * 10000)\n", FLOOD | TIMEOUT)
hostile(
    "flood_stderr_stdio",
    "resources",
    SUM_CHECKED,
    "import sys\nwhile True: sys.stderr.write('\\x1b[31m3' * 10000)\n",
    FLOOD | TIMEOUT | DONE,
)
hostile(
    "fork_burst",
    "resources",
    ADD_SPLIT,
    "import os, signal, time\ndef add(a, b):\n    n = 0\n    for _ in range(120):\n        try:\n            if os.fork() == 0:\n                os.setsid(); signal.signal(15, 1); time.sleep(15); os._exit(0)\n            n += 1\n        except OSError: break\n    return 99\n",
    ANY,
)
hostile(
    "clones_by_number",
    "resources",
    ADD_DATA,
    MARK
    + """\
for how in ((56, 17, 0, 0, 0, 0), (56, 17 | 0x00008000, 0, 0, 0, 0), (58,), (435, ctypes.create_string_buffer(b"\\0" * 32 + b"\\x11" + b"\\0" * 55, 88), 88)):
    if how[0] == 58: continue
    pid = call(*how)
    if pid == 0:
        os.setsid(); time.sleep(15); os._exit(0)
""",
    ANY,
)
hostile(
    "many_threads",
    "resources",
    ADD_PYTEST,
    "import threading, time\ndef add(a, b):\n    threading.stack_size(1 << 16)\n    for _ in range(5000):\n        threading.Thread(target=time.sleep, args=(15,), daemon=True).start()\n",
    ANY,
)
hostile(
    "hoarder",
    "resources",
    ADD_DATA,
    MARK
    + """\
import select
count = {}
def hoard(name, make):
    kept = []
    try:
        while len(kept) < 3000: kept.append(make())
    except (OSError, AttributeError, ValueError): pass
    if len(kept) > 1000: mark(name)
    for k in kept:
        try: os.close(k if isinstance(k, int) else k.fileno())
        except (OSError, AttributeError): pass
hoard("epoll", select.epoll); hoard("event", lambda: os.eventfd(0)); hoard("pty", lambda: os.openpty()[0])
hoard("memfd", lambda: os.memfd_create("x")); hoard("pipe", lambda: os.pipe()[0])
ino = libc.inotify_init()
watched = 0
if ino >= 0:
    for i in range(20000):
        try: open(f"w{i}", "w").close()
        except OSError: break
        if libc.inotify_add_watch(ino, b"w%d" % i, 0xfff) < 0: break
        watched += 1
    if watched > 15000: mark("inotify_%d" % watched)
""",
    ANY,
)
