"""Attacks on the host and on the harness: hoarding, crashing, getting out; odd programs; and honest ones."""

# ruff: noqa: E501  # a program stands on one line
from typing import Final

from stages.sandbox.attack import BROKEN, CRASH, ERR, FAIL, MEM, NONE, ODD, OUT, PASS, RIGHT, TIME, Attack, body, with_c

ON_THE_HOST: Final = (
    Attack("resources", "memory", body("x = []\nwhile True: x.append(bytes(1 << 26))"), (MEM,)),
    Attack("resources", "memory, caught", body("try: bytearray(1 << 40)\nexcept MemoryError: return 0"), (FAIL,)),
    Attack("resources", "output", body("import os\nwhile True: os.write(1, b'x' * 65536)"), (OUT,)),
    Attack("resources", "large file", body("with open('f', 'wb') as f: f.write(b'x' * (1 << 24))"), (ERR, CRASH)),
    Attack(
        "resources",
        "many files",
        body("for i in range(200000): open('f%d' % i, 'wb').write(b'x' * 4096)"),
        (OUT, ERR, TIME),
    ),
    Attack(
        "resources",
        "deep folders",
        body("import os\nfor i in range(3000):\n    os.mkdir('d'); os.chdir('d')"),
        (FAIL, ERR, OUT, TIME),
    ),
    Attack("resources", "descriptors", body("import os\nx = [os.dup(1) for _ in range(5000)]"), (ERR,)),
    Attack(
        "resources",
        "processes",
        body("import os, time\nfor _ in range(16):\n    if os.fork() == 0: time.sleep(5); os._exit(0)"),
        (ERR,),
    ),
    Attack(
        "resources",
        "daemon",
        body(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(20)\n    os._exit(0)"
        ),
        (ERR,),
    ),
    Attack(
        "resources",
        "threads",
        body(
            "import threading, time\nfor _ in range(5000): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()"
        ),
        (ERR, MEM, TIME),
    ),
    Attack("resources", "exception text", body("raise ValueError('x' * (1 << 24))"), (ERR,)),
    Attack("resources", "result of 10^7 elements", body("return list(range(10 ** 7))"), (ODD, MEM, TIME)),
    Attack("resources", "endless iterator", body("import itertools\nreturn itertools.count()"), (ODD, TIME)),
    Attack(
        "resources",
        "keys that collide",
        body("return {(2 ** 61 - 1) * i for i in range(20000)}"),
        (TIME, BROKEN, FAIL),
    ),
    Attack("crash", "segmentation fault", with_c("ctypes.string_at(0)"), (CRASH,)),
    Attack("crash", "abort", body("import os; os.abort()"), (CRASH,)),
    Attack("crash", "endless recursion", body("return add(a, b)"), (ERR,)),
    Attack(
        "crash",
        "recursion without limit",
        body("import sys\nsys.setrecursionlimit(10 ** 9)\nf = lambda x: sorted([x], key=f)\nf(1)"),
        (CRASH, MEM, TIME),
    ),
    Attack("crash", "value that holds itself", body("x = []; x.append(x)\nreturn x"), (ODD,)),
    Attack("host", "read outside", body("open('PLACE/secret.txt').read()"), (ERR,)),
    Attack("host", "write outside", body("open('PLACE/escape', 'w').write('x')"), (ERR,)),
    Attack("host", "remove outside", body("import os; os.unlink('PLACE/victim.txt')"), (ERR,)),
    Attack("host", "rename outside", body("import os; os.rename('PLACE/victim.txt', 'v')"), (ERR,)),
    Attack(
        "host", "link to outside", body("import os\nos.symlink('PLACE', 'l')\nopen('l/escape', 'w').close()"), (ERR,)
    ),
    Attack("host", "change the interpreter's files", body("import os\nos.chmod(os.__file__, 0o644)"), (ERR,)),
    Attack("host", "parent's environment", body("import os\nopen('/proc/%d/environ' % os.getppid()).read()"), (ERR,)),
    Attack("host", "parent's memory", body("import os\nopen('/proc/%d/mem' % os.getppid(), 'rb').read(1)"), (ERR,)),
    Attack(
        "host",
        "trace the parent",
        with_c("if c.ptrace(16, os.getppid(), 0, 0) == 0: open('PLACE/escape', 'w')"),
        (FAIL,),
    ),
    Attack("host", "kill the parent", body("import os; os.kill(os.getppid(), 9)"), (ERR,)),
    Attack("host", "kill everyone", body("import os; os.kill(-1, 0)"), (ERR,)),
    Attack(
        "host",
        "signal by descriptor owner",
        body("import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())"),
        (ERR,),
    ),
    Attack(
        "host",
        "limit the parent",
        body("import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))"),
        (ERR, FAIL),
    ),
    Attack("host", "connect", body("import socket; socket.create_connection(('127.0.0.1', 9), 1)"), (ERR,)),
    Attack("host", "listen", body("import socket; socket.socket().bind(('127.0.0.1', 0))"), (ERR,)),
    Attack("host", "abstract socket", body("import socket; socket.socket(socket.AF_UNIX).bind('\\0rlbff')"), (ERR,)),
    Attack("host", "exec", body("import os; os.execv('/bin/sh', ['sh', '-c', 'touch PLACE/escape'])"), (ERR,)),
    Attack("host", "shell", body("import subprocess; subprocess.run(['/bin/sh', '-c', 'touch PLACE/escape'])"), (ERR,)),
    Attack("host", "modules loaded anew", body("import importlib, os\nimportlib.reload(os)\nos.fork()"), (ERR,)),
    Attack("host", "io_uring", with_c("if c.syscall(425, 8, bytes(120)) >= 0: open('PLACE/escape', 'w')"), (FAIL,)),
    Attack("host", "user namespace", with_c("if c.unshare(0x10000000) == 0: open('PLACE/escape', 'w')"), (FAIL,)),
    Attack("host", "shared memory", with_c("if c.shmget(77, 4096, 0o1777) >= 0: open('PLACE/escape', 'w')"), (FAIL,)),
    Attack(
        "host", "keys", with_c("if c.syscall(248, b'user', b'k', b'v', 1, -4) > 0: open('PLACE/escape', 'w')"), (FAIL,)
    ),
    Attack("odd", "exception group", body("raise BaseExceptionGroup('x', [SystemExit()])"), (ERR,)),
    Attack("odd", "surrogates in the exception", body("raise ValueError('\\ud800')"), (ERR,)),
    Attack("odd", "reads stdin", body("return int(input())"), (ERR,)),
    Attack("odd", "generator exit", body("raise GeneratorExit"), (ERR,)),
    Attack("odd", "no entry point", "x = 1\n", (NONE,)),
    Attack("odd", "entry point is no function", "add = 3\n", (NONE,)),
    Attack("odd", "syntax error", "def add(a, b: return", (NONE,)),
    Attack("odd", "zero byte", "def add(a, b):\n    return 0\0\n", (NONE,)),
    Attack("honest", "plain", RIGHT, (PASS,)),
    Attack("honest", "prints", "def add(a, b):\n    print('debug', a, '\\ud800')\n    return a + b\n", (PASS,)),
    Attack(
        "honest",
        "a thread left running",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" + RIGHT,
        (PASS,),
    ),
    Attack(
        "honest",
        "temporary files",
        "import tempfile\ndef add(a, b):\n    with tempfile.NamedTemporaryFile('w+') as f:\n        f.write(str(a + b)); f.seek(0)\n        return int(f.read())\n",
        (PASS,),
    ),
    Attack("honest", "working directory", "import os\nos.getcwd(); os.listdir('.')\n" + RIGHT, (PASS,)),
    Attack("honest", "main guard", RIGHT + "if __name__ == '__main__':\n    raise SystemExit\n", (PASS,)),
    Attack(
        "honest",
        "async",
        "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a + b\n",
        (PASS,),
    ),
    Attack("honest", "bool for int", "def add(a, b):\n    return True if a + b == 1 else a + b\n", (PASS,)),
    Attack("honest", "int subclass", "class I(int): pass\ndef add(a, b):\n    return I(a + b)\n", (PASS,)),
    Attack(
        "honest",
        "lazy imports",
        "def add(a, b):\n    import sqlite3, ssl, zlib, uuid, csv\n    return a + b\n",
        (PASS,),
    ),
    Attack("honest", "a variable called os", "os = 1\ndef add(a, b):\n    pos = a\n    return pos + b\n", (PASS,)),
)
