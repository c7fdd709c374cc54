"""Attacks on the verdict: leaving early, false equality, reading the tests, forging results, playing for time."""

# ruff: noqa: E501  # a program stands on one line
from typing import Final

from stages.sandbox.attack import (
    BROKEN,
    CRASH,
    ERR,
    FAIL,
    MEM,
    NONE,
    ODD,
    TIME,
    WRONG,
    Attack,
    body,
    with_c,
    with_frames,
)

ON_THE_VERDICT: Final = (
    Attack("exit", "os._exit at import", WRONG + "import os; os._exit(0)", (NONE,)),
    Attack("exit", "SystemExit at import", WRONG + "raise SystemExit(0)", (NONE,)),
    Attack("exit", "os._exit in the call", body("import os; os._exit(0)"), (CRASH,)),
    Attack("exit", "SystemExit in the call", body("raise SystemExit(0)"), (ERR,)),
    Attack("exit", "KeyboardInterrupt in the call", body("raise KeyboardInterrupt"), (ERR,)),
    Attack(
        "exit", "exit in a destructor", body("D()", "import os\nclass D:\n    def __del__(s): os._exit(0)"), (CRASH,)
    ),
    Attack(
        "exit",
        "exit in the exception's text",
        body("raise E", "class E(Exception):\n    def __str__(s): exit(0)"),
        (ERR,),
    ),
    Attack(
        "exit",
        "exit status 0 from a thread",
        body("import threading, os, time\nthreading.Thread(target=lambda: os._exit(0)).start()\ntime.sleep(1)"),
        (CRASH,),
    ),
    Attack(
        "equality",
        "equal to everything",
        body("return E()", "class E:\n    def __eq__(s, o): return True\n    __hash__ = None"),
        (ODD,),
    ),
    Attack(
        "equality",
        "int that is equal to everything",
        body("return E(0)", "class E(int):\n    def __eq__(s, o): return True\n    __hash__ = None"),
        (FAIL,),
    ),
    Attack(
        "equality",
        "class that claims to be int",
        body("return E()", "class E:\n    __class__ = int\n    def __eq__(s, o): return True"),
        (ODD,),
    ),
    Attack(
        "equality",
        "type whose name is a safe one",
        body("return Decimal()", "class Decimal:\n    def __eq__(s, o): return True\nDecimal.__module__ = 'decimal'"),
        (FAIL, ERR, ODD, BROKEN),
    ),
    Attack(
        "equality",
        "patched int comparison",
        with_c("t = ctypes.py_object(int)\nint.__dict__\nreturn float('nan')"),
        (FAIL,),
    ),
    Attack("equality", "the type itself", body("return int"), (ODD,)),
    Attack(
        "reading",
        "expected values in frames",
        with_frames("assert not (type(v) is list and len(v) == 10 and 'add' in str(v))"),
        (FAIL,),
    ),
    Attack(
        "reading",
        "collected objects",
        body(
            "import gc, re\nfor o in gc.get_objects():\n    if isinstance(o, (list, tuple)) and len(o) < 50:\n        for s in o:\n            if isinstance(s, str) and (m := re.search(r'add\\(%d, %d\\) == (\\d+)' % (a, b), s)): return int(m[1])"
        ),
        (FAIL,),
    ),
    Attack("reading", "own memory", body("import re\nfor line in open('/proc/self/maps'):\n    pass"), (ERR,)),
    Attack(
        "reading",
        "memory by address",
        with_c(
            "import re\nbase = id(add) & ~0xFFF\nd = ctypes.string_at(base, 4096)\nm = re.search(rb'add\\(%d, %d\\) == (\\d+)' % (a, b), d)\nif m: return int(m[1])"
        ),
        (FAIL,),
    ),
    Attack(
        "reading",
        "the channel read ahead",
        body(
            "import os, fcntl\nfcntl.fcntl(3, 4, 2048)\ntry: d = os.read(3, 1 << 20)\nexcept BlockingIOError: d = b''\nassert b'==' not in d"
        ),
        (FAIL, ERR, CRASH, BROKEN),
    ),
    Attack(
        "forging",
        "patched json",
        body(
            "return 0",
            "import json, json.encoder\njson.dumps = lambda *a, **k: '[\"r\",1,1,null]'\nimport json.encoder as e",
        ),
        (FAIL, BROKEN, NONE),
    ),
    Attack(
        "forging",
        "result frame for the report",
        body(
            'import os, struct\nm = b\'["result",0,"pass",""]\'\nfor d in (3, 4, 5): os.write(d, struct.pack(\'<I\', len(m)) + m)'
        ),
        (FAIL, ERR, BROKEN),
    ),
    Attack(
        "forging",
        "every descriptor scribbled on",
        body("import os\nfor d in range(3, 64):\n    try: os.write(d, b'\\0' * 64)\n    except OSError: pass"),
        (FAIL, ERR, BROKEN),
    ),
    Attack(
        "forging",
        "passed on stdout",
        body("import os\nfor d in (1, 2):\n    os.write(d, b'passed\\nOK\\n{\"passed\": true}\\n')\nos._exit(0)"),
        (CRASH,),
    ),
    Attack("forging", "frames above rewritten", with_frames("v.append('pass')"), (FAIL, ERR, CRASH, BROKEN)),
    Attack(
        "forging",
        "harness modules patched",
        body(
            "return 0",
            "import sys\nfor m in list(sys.modules.values()):\n    for k in ('equal', '_judge', '_outcome', 'FAIL'):\n        if hasattr(m, k): setattr(m, k, lambda *a, **k: True)",
        ),
        (FAIL,),
    ),
    Attack("forging", "end of loop by StopIteration", body("raise StopIteration"), (ERR,)),
    Attack("forging", "AssertionError that means pass", body("raise type('pass', (AssertionError,), {})"), (ERR, FAIL)),
    Attack(
        "forging",
        "huge frame announced",
        body("import os\nos.write(3, b'\\xff\\xff\\xff\\xff')\nos._exit(0)"),
        (BROKEN,),
    ),
    Attack("time", "endless loop", body("while True: pass"), (TIME,)),
    Attack("time", "endless loop at import", "while True: pass", (NONE,)),
    Attack(
        "time",
        "loop that swallows everything",
        body("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        (TIME,),
    ),
    Attack(
        "time",
        "ignored signals",
        body(
            "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass"
        ),
        (TIME,),
    ),
    Attack("time", "huge power", body("return len(str(7 ** (10 ** 8)))"), (TIME, MEM, ERR)),
    Attack("time", "regular expression", body("import re; re.match(r'(a+)+$', 'a' * 60 + 'b')"), (TIME,)),
    Attack("time", "sleep", body("import time; time.sleep(1000)"), (TIME,)),
    Attack(
        "time",
        "waiting for a lock",
        body("import threading\nl = threading.Lock(); l.acquire(); l.acquire()"),
        (TIME,),
    ),
)
