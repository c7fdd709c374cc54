"""Scorers that worker processes open in tests: each completion says what shall happen to it."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.worker_main import Answer, Scorer


def open_scripted(arguments: Mapping[str, object]) -> Scorer:
    if "hang" in arguments:
        time.sleep(60)
    if "slow" in arguments:
        time.sleep(0.8)
    if "die" in arguments:
        sys.stderr.write("no luck today\n")
        os._exit(7)
    if "refuse" in arguments:
        raise ConfigError("Not with these arguments.")
    if "raise" in arguments:
        raise ValueError("first line\nsecond line")
    return scripted


def scripted(item: RewardItem) -> Answer:
    what, _, argument = item.completion.partition(" ")
    sys.stdout.write(f"printed {item.completion}\n")
    match what:
        case "number":
            return float(argument)
        case "sleep":
            time.sleep(float(argument))
            return float(argument)
        case "loop":
            while True:
                pass
        case "regex":
            re.match(r"(a+)+$", "a" * 40 + "b")
        case "exit":
            sys.stderr.write("about to go\n")
            os._exit(int(argument))
        case "sys.exit":
            sys.exit("left")
        case "signal":
            os.kill(os.getpid(), signal.Signals[argument])
        case "segfault":
            ctypes.string_at(0)
        case "memory":
            bytearray(1 << 50)
        case "raise":
            raise ValueError(argument)
        case "text":
            return "1.0"  # type: ignore[return-value]
        case "list":
            return [1.0]  # type: ignore[return-value]
        case "no_answer":
            return RewardResult(0.0, "no_answer", detail="empty")
        case "pid":
            return float(os.getpid())
        case "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            with open(argument, "w", encoding="utf-8") as file:
                file.write(str(child.pid))
            while True:
                pass
        case "forked":
            if os.fork() == 0:
                time.sleep(60)
            os._exit(3)
        case "flood":
            for _ in range(20_000):
                sys.stdout.write("x" * 100 + "\n")
            return 1.0
        case "stdin":
            return float(len(sys.stdin.read()))
        case "length":
            return float(len(item.completion))
    return None
