"""Loads every stage once, and forks a process for each command it is told of: `python -m tests.torture.forked`.

An order is a line of JSON on stdin; the answer is the command's process number. Its exit code goes to a file.
"""

import json
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any


def _command(order: dict[str, Any]) -> int:
    from rlbff_cli.main import main
    from tests.torture.site.sitecustomize import settle

    os.setsid()
    os.environ.update(order["further"])
    settle(order["further"])
    os.chdir(order["folder"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(order["told"]) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    try:
        return main(order["arguments"])
    except Exception as error:  # noqa: BLE001 - what the interpreter does at the end of a fresh process
        sys.excepthook(type(error), error, error.__traceback__)
        return 1


def _watch(order: dict[str, Any], answer: int) -> None:
    """Fork the command, tell its number, wait for it, and write down its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        code = 1
        os.close(answer)
        try:
            code = _command(order)
        except BaseException:  # noqa: BLE001 - a mistake of ours must not go on in the loop of the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.write(answer, f"{child}\n".encode())
    os.close(answer)
    status = os.waitpid(child, 0)[1]
    told = Path(order["told"])
    (told / ".code").write_text(str(os.waitstatus_to_exitcode(status)))
    (told / ".code").rename(told / "code")


def main() -> None:
    """Load what takes long, then serve until stdin ends."""
    # loaded once, for all commands
    for name in ("extract_principles", "verify_code", "select_cotp", "train_rm", "score", "train_policy", "eval"):
        import_module(f"stages.{name}.run")
    import_module("stages.rewards.entailment")

    answers = os.dup(1)
    os.dup2(2, 1)
    # children are waited for by nobody
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork() == 0:
            try:
                _watch(json.loads(line), answers)
            finally:
                os._exit(0)


if __name__ == "__main__":
    main()
