"""Programs that look for tests and expected values."""

# ruff: noqa: E501 - a program in one line is read as one thing

from tests.sandbox.strangers.base import ANY, HUNT, TOKEN_DATA, TOKEN_SPLIT, TOKEN_STDIO, TOKEN_SUITE, WALK, hostile

hostile(
    "hunt_gc_and_frames",
    "reading",
    TOKEN_DATA,
    HUNT
    + """\
import gc
def search():
    frame = sys._getframe()
    while frame:
        look(frame.f_locals); look(frame.f_code.co_consts); frame = frame.f_back
    for frame in sys._current_frames().values():
        look(frame.f_locals)
    for thing in gc.get_objects():
        if isinstance(thing, (list, tuple, dict, set)):
            for part in list(thing.values() if isinstance(thing, dict) else thing):
                if isinstance(part, (str, bytes)): look(part)
""",
    ANY,
)
hostile(
    "hunt_own_memory",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
def search():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            low, high = (int(x, 16) for x in span.split("-"))
            if "rw" in mode and high - low < 1 << 26:
                memory.seek(low)
                look(memory.read(high - low))
""",
    ANY,
)
hostile(
    "hunt_memory_by_ctypes",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
import ctypes
def search():
    here = id(object()) & ~0xfffff
    look(ctypes.string_at(here, 1 << 16))
    heap = ctypes.CDLL(None).sbrk
    heap.restype = ctypes.c_void_p
    end = heap(0)
    look(ctypes.string_at(end - (1 << 16), 1 << 16))
""",
    ANY,
)
hostile("hunt_proc_files", "reading", TOKEN_SUITE, HUNT + WALK, ANY)
hostile(
    "hunt_other_memory",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
import ctypes
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
def search():
    libc = ctypes.CDLL(None, use_errno=True)
    pids = {os.getppid(), @HARNESS@} | {int(p) for p in (os.listdir("/proc") if os.access("/proc", os.R_OK) else []) if p.isdigit()}
    for pid in sorted(pids - {os.getpid(), 0})[:300]:
        try:
            spans = [l.split()[0].split("-") for l in open(f"/proc/{pid}/maps") if "rw-p" in l]
        except OSError:
            spans = [("%x" % (id(HUNT_AT) & ~4095), "%x" % ((id(HUNT_AT) & ~4095) + 4096))]
        for low, high in spans[:50]:
            low, size = int(low, 16), min(int(high, 16) - int(low, 16), 1 << 20)
            into = ctypes.create_string_buffer(size)
            mine, theirs = Vec(ctypes.addressof(into), size), Vec(low, size)
            if libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0:
                look(into.raw)
HUNT_AT = object()
""",
    ANY,
)
hostile(
    "hunt_descriptors",
    "reading",
    TOKEN_STDIO,
    HUNT
    + """\
import socket, fcntl
def search():
    for fd in range(64):
        try:
            os.set_blocking(fd, False)
            os.lseek(fd, 0, 0)
        except OSError:
            pass
        for get in (lambda: os.read(fd, 1 << 16), lambda: os.pread(fd, 1 << 16, 0), lambda: socket.socket(fileno=os.dup(fd)).recv(1 << 16, socket.MSG_PEEK)):
            try:
                look(get())
            except OSError:
                pass
print(add(0))
""",
)
hostile(
    "hunt_file_system",
    "reading",
    TOKEN_STDIO,
    HUNT
    + """\
def search():
    seen = 0
    for top in (".", "..", "/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue", "@CANARY@", "/home", "/root", "/work", "/"):
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", ".git")]
            for name in files:
                seen += 1
                if seen > 3000: return
                try:
                    with open(os.path.join(folder, name), "rb", 0) as f: look(f.read(1 << 16))
                except OSError:
                    pass
print(add(0))
""",
)
hostile(
    "hunt_by_audit_and_trace",
    "reading",
    TOKEN_DATA,
    HUNT
    + """\
import threading
sys.addaudithook(lambda event, args: look(args))
def tracer(frame, event, arg):
    look(frame.f_locals); look(arg)
    return tracer
def above():
    frame = sys._getframe(1)
    while frame:
        frame.f_trace = tracer; frame.f_trace_opcodes = True
        frame = frame.f_back
sys.setprofile(tracer); sys.settrace(tracer); threading.setprofile(tracer); threading.settrace(tracer)
def search():
    above()
""",
    ANY,
)
hostile(
    "hunt_test_source",
    "reading",
    TOKEN_SUITE,
    HUNT
    + """\
import inspect, linecache, traceback
def search():
    look(linecache.cache)
    for frame in inspect.stack(30):
        look(frame.code_context); look(frame.frame.f_globals)
    for name, module in list(sys.modules.items()):
        try:
            look(vars(module)); look(inspect.getsource(module)) if name in ("solution", "__main__", "tests") else None
        except Exception:
            pass
    look(os.environ); look(sys.argv); look(sys.orig_argv); look(sys.path)
""",
    ANY,
)
