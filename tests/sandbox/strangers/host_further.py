"""Programs that reach for the machine, by system calls of other kinds."""

# ruff: noqa: E501 - a program in one line is read as one thing

from tests.sandbox.strangers.base import ADD_DATA, ADD_SPLIT, ADD_UNITTEST, ANY, MARK, hostile

hostile(
    "kernel_doors",
    "host",
    ADD_DATA,
    MARK
    + """\
buffer = ctypes.create_string_buffer(512)
attr = ctypes.create_string_buffer(b"\\x01\\0\\0\\0\\x70\\0\\0\\0", 128)
for name, number, *rest in (("io_uring", 425, 4, buffer), ("userfaultfd", 323, 0), ("add_key", 248, b"user", b"ESCAPE", b"x", 1, -4), ("request_key", 249, b"user", b"x", None, -4), ("keyctl", 250, 0, -3, 1),
        ("bpf", 321, 0, buffer, 72), ("perf", 298, attr, 0, -1, -1, 0), ("mount", 165, b"none", b"/tmp", b"tmpfs", 0, 0), ("umount", 166, b"/proc", 2), ("chroot_host", 161, CANARY.encode()), ("open_by_handle", 304, -100, buffer, 0),
        ("mknod", 133, b"dev", 0o60666, 0x801), ("swapon", 167, b"x", 0), ("fanotify", 300, 0, 0), ("syslog", 103, 3, buffer, 500), ("acct", 163, None), ("vhangup", 153), ("iopl", 172, 3),
        ("fsopen", 430, b"tmpfs", 0), ("open_tree", 428, -100, b"/", 1), ("quotactl", 179, 0x800002, b"/", 0, 0), ("nfsservctl", 180), ("lookup_dcookie", 212, 1, buffer, 10), ("move_pages", 279, @HARNESS@, 0, 0, 0, 0, 0), ("process_madvise", 440, 3, 0, 0, 21, 0),
        ("settime", 227, 0, None), ("memfd_secret", 447, 0)):
    if call(number, *rest) >= 0: mark(name)
""",
    ANY,
)
hostile(
    "write_to_kernel_files",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/sys/power/state", "/dev/kmsg", "/dev/mem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop-control", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/sys/fs/cgroup/cgroup.procs", "/etc/passwd", "/etc/ld.so.preload"):
    try:
        os.close(os.open(path, os.O_WRONLY)); mark("opened_" + path.replace("/", "_"))
    except OSError: pass
for path in ("/etc/shadow", "/root/.bashrc", "/proc/kcore", "/proc/kmsg"):
    try:
        os.close(os.open(path, os.O_RDONLY)); mark("read_" + path.replace("/", "_"))
    except OSError: pass
for pid in (os.getppid(), HARNESS):
    try: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"); mark("oom")
    except OSError: pass
""",
    ANY,
)
hostile(
    "poison_the_library",
    "host",
    ADD_DATA,
    MARK
    + """\
import site
folders = set(sys.path) | {os.path.dirname(os.path.abspath(getattr(m, "__file__", None) or "/x")) for m in list(sys.modules.values())} | {os.path.expanduser("~")}
for folder in folders:
    for name in ("ESCAPE_x.pth", "__pycache__/ESCAPE_x.pyc", "ESCAPE_sitecustomize.py"):
        try:
            real = os.path.realpath(folder or ".")
            if real.startswith(os.path.realpath(os.getcwd())): continue
            open(os.path.join(real, name), "w").close(); mark("library " + real)
        except OSError: pass
""",
    ANY,
)
hostile(
    "old_calls",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
import mmap, platform
if platform.machine() == "x86_64":
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    at = libc.mmap(None, 8192, 7, 0x62, -1, 0)
    if at and at < 1 << 32:
        path = (CANARY + "/ESCAPE_int80").encode() + b"\\0"
        ctypes.memmove(at + 4096, path, len(path))
        code = b"\\x53\\xb8\\x05\\0\\0\\0\\xbb" + (at + 4096).to_bytes(4, "little") + b"\\xb9\\x41\\0\\0\\0\\xba\\xff\\x01\\0\\0\\xcd\\x80\\x5b\\xc3"
        ctypes.memmove(at, code, len(code))
        if ctypes.CFUNCTYPE(ctypes.c_int)(at)() >= 0: mark("int80_open")
""",
    ANY,
)
hostile(
    "x32_calls",
    "host",
    ADD_DATA,
    MARK
    + """\
x32 = 0x40000000
if call(83 | x32, (CANARY + "/ESCAPE_x32").encode(), 0o777) == 0: mark("x32_mkdir")
if call(41 | x32, 2, 1, 0) >= 0: mark("x32_socket")
if call(62 | x32, HARNESS, 10) == 0: mark("x32_kill")
fd = call(2 | x32, (CANARY + "/secret.txt").encode(), 0)
if fd >= 0: mark(os.read(fd, 99).decode())
""",
    ANY,
)
hostile(
    "chroot_and_leaked_folders",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for fd in range(64):
    for back in ("../" * 12, ""):
        try:
            got = os.open(back + CANARY.lstrip("/") + "/secret.txt", os.O_RDONLY, dir_fd=fd); mark(os.read(got, 99).decode())
        except OSError: pass
try:
    top = os.open("/", os.O_RDONLY)
    os.makedirs("jail", exist_ok=True); os.chroot("jail"); os.fchdir(top)
    for _ in range(30): os.chdir("..")
    os.chroot(".")
    mark(open(CANARY + "/secret.txt").read())
except OSError: pass
""",
    ANY,
)
hostile(
    "new_namespaces",
    "host",
    ADD_DATA,
    MARK
    + """\
for flags in (0x10000000, 0x20000, 0x10020000, 0x40000000, 0x2000000):
    pid = os.fork()
    if pid == 0:
        ok = libc.unshare(flags) == 0
        try: os.setuid(0)
        except OSError: pass
        gained = 0
        try: gained = ok and b"SEC" in open(CANARY + "/secret.txt", "rb").read()
        except OSError: pass
        if ok and libc.mount(b"/", b"/tmp", None, 4096, None) == 0: gained = 1
        os._exit(7 if gained else 0)
    if os.waitpid(pid, 0)[1] >> 8 == 7: mark("unshare_%x" % flags)
for kind in ("user", "mnt", "pid", "net"):
    for pid in (HARNESS, os.getppid()):
        try:
            fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            if libc.setns(fd, 0) == 0: mark("setns_" + kind)
        except OSError: pass
""",
    ANY,
)
hostile(
    "terminal",
    "host",
    ADD_SPLIT,
    MARK
    + "import fcntl, termios\nfor fd in range(10):\n    try:\n        fcntl.ioctl(fd, termios.TIOCSTI, b'x'); mark('tiocsti')\n    except OSError: pass\ntry:\n    os.close(os.open('/dev/tty', 2)); mark('tty')\nexcept OSError: pass\n",
    ANY,
)
hostile(
    "become_root",
    "host",
    ADD_DATA,
    MARK
    + """\
for act in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
    try: act()
    except OSError: pass
libc.prctl(38, 0, 0, 0, 0); libc.prctl(4, 1, 0, 0, 0); libc.personality(0x0400000)
if libc.prctl(39, 0, 0, 0, 0) != 1: mark("no_new_privs_off")
for line in open("/proc/self/status"):
    if line.startswith(("CapEff", "CapBnd")) and int(line.split()[1], 16): mark(line.strip())
    if line.startswith("Seccomp:") and line.split()[1] == "0": mark("no_filter")
""",
    ANY,
)
hostile(
    "parent_killed",
    "host",
    ADD_SPLIT,
    "import os, signal\ndef add(a, b):\n    parent = os.getppid()\n    if parent > 1:\n        os.kill(parent, signal.SIGKILL)\n    return 99\n",
    ANY,
)
hostile(
    "parent_stopped",
    "host",
    ADD_DATA,
    "import os, signal\ndef add(a, b):\n    parent = os.getppid()\n    if parent > 1 and parent != @HARNESS@:\n        os.kill(parent, signal.SIGSTOP)\n    return 99\n",
    ANY,
)
