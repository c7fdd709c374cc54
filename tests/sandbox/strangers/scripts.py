"""Scripts, and checkers that read what they print."""

# ruff: noqa: E501 - a program in one line is read as one thing

from dataclasses import replace

from stages.sandbox.verdict import Status
from tests.sandbox.strangers.base import (
    ANY,
    DONE,
    ENDED,
    SUM_BARE,
    SUM_CHECKED,
    SUM_EVAL,
    SUM_JSON,
    SUM_STDIO,
    SUM_TOKENS,
    hostile,
)

hostile(
    "right_then_crash",
    "stdio",
    SUM_STDIO,
    "import os\nprint(sum(map(int, input().split())), flush=True)\nos.abort()\n",
    ENDED | DONE,
)
hostile("right_then_more", "stdio", SUM_STDIO, "print(sum(map(int, input().split())))\nprint()\nprint('.')\n")
hostile(
    "child_prints_later",
    "stdio",
    SUM_STDIO,
    "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(0.3); print(3, flush=True); time.sleep(15); os._exit(0)\nos._exit(0)\n",
    ANY,
)
hostile("stdout_closed", "stdio", SUM_TOKENS, "import os\nos.close(1); os.close(2); os.dup2(0, 1); print(3)\n")
hostile("number_tricks", "stdio", SUM_TOKENS, "input(); print('nan')\n")
hostile("infinite_token", "stdio", SUM_TOKENS, "input(); print('1e999999999999')\n")
hostile("digits_token", "stdio", SUM_TOKENS, "input(); print('9' * 100000)\n", ANY)
hostile("odd_digits", "stdio", SUM_TOKENS, "input(); print('3_0 \\u0664\\u0662 0x3')\n")
hostile("many_tokens", "stdio", SUM_TOKENS, "import sys\nsys.stdout.write('3 ' * 400000)\n", ANY)
hostile("answer_in_noise", "stdio", SUM_STDIO, "a = sum(map(int, input().split()))\nprint(f'{a}\\r\\x1b[2K0')\n")
hostile(
    "nul_after_answer",
    "stdio",
    SUM_STDIO,
    "import sys\na = sum(map(int, input().split()))\nsys.stdout.buffer.write(b'%d\\x00\\xff\\xfe\\n' % a)\n",
)
hostile("stdin_as_output", "stdio", SUM_STDIO, "import os\nos.dup2(0, 1)\nos.write(1, b'3\\n')\nos._exit(0)\n", ANY)
hostile("all_answers", "checker", SUM_CHECKED, "print(*range(100), sep='\\n')\n")
hostile("code_for_checker", "checker", SUM_EVAL, "print('''__import__(\"os\")._exit(0)''')\n", ANY)
hostile("exit_for_checker", "checker", SUM_EVAL, "print('__import__(\"sys\").exit(0)')\n", ANY)
hostile("loop_for_checker", "checker", SUM_EVAL, "print('[0 for _ in iter(int, 1)]')\n", ANY, slow=True)
hostile("memory_for_checker", "checker", SUM_EVAL, "print('bytearray(1 << 40) + bytes(1 << 29)')\n", ANY)
hostile("deep_for_checker", "checker", SUM_EVAL, "print('(' * 5000 + ')' * 5000)\n", ANY)
hostile("digits_for_checker", "checker", SUM_CHECKED, "print('9' * 100000)\n")
hostile(
    "true_string_for_checker",
    "checker",
    replace(SUM_STDIO, checker="def check(input, output, expected):\n    return output\n"),
    "print('True')\n",
    ANY | {Status.TESTER_ERROR},
)
hostile(
    "equal_object_from_checker",
    "checker",
    replace(
        SUM_STDIO,
        checker="class Yes:\n    def __bool__(self): return True\n    def __eq__(self, o): return True\ndef check(input, output, expected):\n    return Yes() if output == expected else None\n",
    ),
    "print('no')\n",
    ANY,
)
hostile("json_deep_for_checker", "checker", SUM_JSON, "print('[' * 100000)\n", ANY)
hostile("json_keys_for_checker", "checker", SUM_JSON, 'print(\'{"sum": 5, "sum": NaN}\')\n', ANY)
hostile("escape_through_checker", "checker", SUM_EVAL, 'print(\'open("@CANARY@/ESCAPE_checker", "w")\')\n', ANY)
hostile("signal_through_checker", "checker", SUM_EVAL, "print('__import__(\"os\").kill(@HARNESS@, 10)')\n", ANY)
hostile("garbage_for_bare_checker", "checker", SUM_BARE, "print('no number')\n")
hostile("checker_reads_secret", "checker", SUM_EVAL, 'print(\'int("x" + open("@CANARY@/secret.txt").read())\')\n', ANY)
hostile(
    "surrogates_for_checker",
    "checker",
    SUM_CHECKED,
    "import sys\nsys.stdout.buffer.write(b'\\xed\\xa0\\x80\\xff\\x1b[2J')\n",
)
