"""Programs that reach for the machine."""

# ruff: noqa: E501 - a program in one line is read as one thing

from tests.sandbox.strangers.base import ADD_DATA, ADD_SPLIT, ADD_UNITTEST, ANY, MARK, hostile

hostile(
    "read_and_write_paths",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for top in ("", "/proc/self/root", "/proc/1/root", f"/proc/{HARNESS}/root", f"/proc/{os.getppid()}/root", "/proc/self/cwd/../../../../../..", "../../../../../../../.."):
    for name, mode in (("secret.txt", "r"), ("victim.txt", "a"), ("ESCAPE_file", "w")):
        try:
            with open(top + CANARY + "/" + name, mode) as f:
                mark(f.read()) if mode == "r" else (f.write("x"), mark(name))
        except OSError:
            pass
for act in (os.unlink, os.truncate and (lambda p: os.truncate(p, 0)), lambda p: os.chmod(p, 0o777), lambda p: os.utime(p, (0, 0)), lambda p: os.rename(p, p + "x"), lambda p: os.setxattr(p, "user.x", b"x"), lambda p: os.chown(p, 1, 1), lambda p: os.link(p, "mine")):
    try:
        act(CANARY + "/victim.txt"); mark("acted")
    except OSError:
        pass
""",
)
hostile(
    "symlinks_left",
    "host",
    ADD_DATA,
    MARK
    + """\
import tempfile, shutil
for folder in (".", "..", tempfile.gettempdir(), os.path.dirname(tempfile.gettempdir())):
    try: names = os.listdir(folder)
    except OSError: names = []
    for name in [*names, "stdout", "stderr", "result", "out"]:
        path = os.path.join(folder, name)
        try:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.path.lexists(path) and os.unlink(path)
        except OSError: pass
        try: os.symlink(CANARY + "/victim.txt", path)
        except OSError: pass
    for i in range(20):
        try: os.symlink(CANARY, f"{folder}/dir{i}")
        except OSError: pass
        try: os.link(CANARY + "/victim.txt", f"{folder}/hard{i}"); mark("hard_link")
        except OSError: pass
""",
    ANY,
)
hostile(
    "symlink_race_at_cleaning",
    "host",
    ADD_SPLIT,
    MARK
    + """\
os.makedirs("flip/sub", exist_ok=True)
if hasattr(os, "fork"):
    try:
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 10
            while time.monotonic() < end:
                try:
                    os.rename("flip", "flop"); os.symlink(CANARY, "flip"); os.unlink("flip"); os.rename("flop", "flip")
                except OSError: os.makedirs("flip/sub", exist_ok=True)
            os._exit(0)
    except OSError: pass
""",
    ANY,
)
hostile(
    "exec_every_way",
    "host",
    ADD_DATA,
    MARK
    + """\
import subprocess
touch = f"touch {CANARY}/ESCAPE_sh; cat {CANARY}/secret.txt"
script = b"#!/bin/sh\\n" + touch.encode() + b"\\n"
def try_(what):
    try:
        out = what()
        if out and b"SEC" in out: mark(out.decode())
    except (OSError, subprocess.SubprocessError, AttributeError, ValueError): pass
try_(lambda: subprocess.run(["/bin/sh", "-c", touch], capture_output=True, timeout=2).stdout)
try_(lambda: subprocess.run([sys.executable, "-c", "print(open('%s/secret.txt').read())" % CANARY], capture_output=True, timeout=2).stdout)
try_(lambda: subprocess.run(["/lib64/ld-linux-x86-64.so.2", "/bin/cat", CANARY + "/secret.txt"], capture_output=True, timeout=2).stdout)
try_(lambda: os.system(touch) and b"")
try_(lambda: os.popen(touch).read().encode())
def by_memfd():
    fd = os.memfd_create("s", 0); os.write(fd, script)
    return subprocess.run([f"/proc/self/fd/{fd}"], pass_fds=[fd], capture_output=True, timeout=2).stdout
try_(by_memfd)
def by_file():
    open("run.sh", "wb").write(script); os.chmod("run.sh", 0o755)
    return subprocess.run(["./run.sh"], capture_output=True, timeout=2).stdout
try_(by_file)
try_(lambda: subprocess.run(["su", "-c", touch], capture_output=True, timeout=2).stdout)
""",
    ANY,
)
hostile(
    "network",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for family, kind, address in ((socket.AF_INET, 1, ("127.0.0.1", PORT)), (socket.AF_INET6, 1, ("::ffff:127.0.0.1", PORT)), (socket.AF_INET, 2, ("127.0.0.1", PORT)), (socket.AF_UNIX, 1, NAME), (socket.AF_UNIX, 1, CANARY + "/door"), (socket.AF_UNIX, 2, NAME)):
    try:
        s = socket.socket(family, kind); s.settimeout(0.3); s.connect(address); s.send(b"ESC"); mark("net_%s" % family)
    except OSError:
        pass
for family, kind, proto in ((17, 3, 0x300), (40, 1, 0), (38, 5, 0), (2, 3, 1), (1, 1, 0)):
    try:
        s = socket.socket(family, kind, proto)
        if family != 1: mark("socket_%d" % family)
    except OSError:
        pass
try:
    s = socket.socket(socket.AF_INET, 1); s.bind(("127.0.0.1", 0)); s.listen()
    c = socket.create_connection(s.getsockname(), 0.3); c.send(b"x")
except OSError:
    pass
""",
    ANY,
)
hostile(
    "signals_out",
    "host",
    ADD_DATA,
    MARK
    + """\
for act in (lambda: os.kill(HARNESS, signal.SIGUSR1), lambda: os.killpg(os.getpgid(HARNESS), 0), lambda: os.setpriority(0, HARNESS, 5), lambda: os.sched_setaffinity(HARNESS, {0}),
            lambda: signal.pidfd_send_signal(os.pidfd_open(HARNESS), signal.SIGUSR1), lambda: os.sched_setscheduler(HARNESS, 3, os.sched_param(0))):
    try:
        act(); mark("signal_or_priority")
    except (OSError, AttributeError, ValueError): pass
import resource
try:
    resource.prlimit(HARNESS, resource.RLIMIT_CORE, (0, 0)); mark("prlimit")
except (OSError, ValueError): pass
for pid in (HARNESS, os.getppid()):
    for number, rest in ((101, (16, pid, 0, 0)), (200, (pid, 10)), (234, (pid, pid, 10)), (129, (pid, 10, 0))):
        if pid == HARNESS or number == 101:
            if call(number, *rest) == 0: mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "signals_by_descriptors",
    "host",
    ADD_SPLIT,
    MARK
    + """\
import fcntl, struct
for pid in (HARNESS, os.getppid()):
    for fd in (*range(10), os.open(".", 0)):
        r, w = os.pipe()
        for what in (fd, r):
            for act in (lambda: fcntl.fcntl(what, fcntl.F_SETOWN, pid), lambda: fcntl.fcntl(what, 15, struct.pack("ii", 1, pid)), lambda: fcntl.ioctl(what, 0x8901, struct.pack("i", pid)), lambda: fcntl.fcntl(what, fcntl.F_SETSIG, 10),
                        lambda: fcntl.fcntl(what, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK), lambda: fcntl.fcntl(what, fcntl.F_NOTIFY, 0x80000004), lambda: fcntl.fcntl(what, fcntl.F_SETLEASE, fcntl.F_WRLCK)):
                try: act()
                except (OSError, AttributeError): pass
        os.write(w, b"x"); os.close(r); os.close(w)
open("noted", "w").close()
""",
    ANY,
)
hostile(
    "clones_with_flags",
    "host",
    ADD_DATA,
    MARK
    + """\
me = os.getpid()
for flags in (17, 0x4111, 0x4011, 0x8011, 0x100000011, 0x911, 0x100014011, 0x20011, 0x10000011, 0x40000011, 0x80000011):
    pid = call(ctypes.c_long(56), ctypes.c_ulong(flags), None, None, None, None)
    if os.getpid() != me: os._exit(0)
    if pid > 0: mark("clone_%x" % flags)
for number in (57, 58, 322, 425, 452, 463, 469):
    if number != 58 and call(ctypes.c_long(number), -100, (CANARY + "/victim.txt").encode(), 0o777, 0, 0, 0) == 0:
        if os.getpid() != me: os._exit(0)
        mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "times_and_links",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
victim, other = (CANARY + "/victim.txt").encode(), (CANARY + "/ESCAPE_link").encode()
for number, *rest in ((132, victim, None), (235, victim, None), (261, -100, victim, None), (280, -100, victim, None, 0), (90, victim, 0o600), (268, -100, victim, 0o600), (92, victim, 1, 1), (94, victim, 1, 1), (188, victim, b"user.x", b"x", 1, 0), (86, victim, other), (88, b"x", other), (82, victim, other), (316, -100, victim, -100, other, 0), (76, victim, 0), (83, other, 0o777), (84, victim), (87, victim), (133, other, 0o10666, 0), (257, -100, other, 0o101, 0o666), (437, -100, victim, b"\\2" + bytes(23), 24)):
    if call(ctypes.c_long(number), *rest) >= 0: mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "other_processes",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
for pid in {HARNESS, os.getppid()} - {0, os.getpid()}:
    for name in ("mem", "environ", "fd", "root/etc", "cwd", "maps", "task"):
        path = f"/proc/{pid}/{name}"
        try:
            os.listdir(path) if name in ("fd", "root/etc", "cwd", "task") else open(path, "rb").read(1)
            if pid == HARNESS or name in ("mem", "fd"): mark(f"proc_{name}_{'harness' if pid == HARNESS else 'parent'}")
        except OSError: pass
    fd = call(434, pid, 0)
    for n in range(12):
        if fd >= 0 and call(438, fd, n, 0) >= 0: mark("pidfd_getfd")
    if call(312, os.getpid(), pid, 0, 0, 0) >= 0 and pid == HARNESS: mark("kcmp")
""",
    ANY,
)
