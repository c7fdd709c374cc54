"""The process of a whole program that reads stdin and writes stdout: run as a script, ended as Python ends one.

Frame in, on the channel: ["program", source]. What it prints and its exit status are all that the caller looks at.
"""

import atexit
import os
import sys
import types
from typing import Final

from stages.sandbox import frames
from stages.sandbox.solution import CHANNEL, Recursion

SYNTAX_ERROR: Final = 120
"""Exit status of a program that does not compile; a program that uses it itself fails all the same."""


def serve() -> None:
    """Run the program and end with its exit status."""
    _, source = frames.Reader(CHANNEL).receive()
    code = 1
    try:
        code = _run(source)
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()  # the interpreter's own wait for threads at exit
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001  # all of it is the program's code
        code = code or 1
    finally:
        os._exit(code)


def _run(source: str) -> int:
    sys.argv = ["main.py"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    recursion = Recursion(8)
    try:
        program = compile(source.removeprefix("\ufeff"), "main.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="backslashreplace")[:2000])
        return SYNTAX_ERROR
    try:
        with recursion:
            exec(program, module.__dict__)
    except SystemExit as error:
        return _exit_status(error.code)
    except BaseException as error:  # noqa: BLE001  # likewise
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1
