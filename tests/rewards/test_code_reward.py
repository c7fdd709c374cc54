"""Programs of completions in the real sandbox: what they are worth, and what hostile ones get."""

import gzip
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError, RlbffError
from stages.rewards.code_reward import CodeReward, Counting, open_code, value_of
from stages.rewards.item import RewardResult
from stages.rewards.source_options import SourceOptions
from stages.sandbox.codec import DEEP
from stages.sandbox.jobs import Program, Tests
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import CaseResult, Outcome, Status, Verdict
from stages.verify_code.config import SandboxOptions
from stages.verify_code.verifier import limits_of
from tests.rewards.scripted_reward import item

QUICK = Limits(test_cpu=0.4, program_cpu=0.8, memory=256 << 20)
ASSERTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add('a', 'b') == 'ab'", "assert add(-1, 1) == 0"]


def opened(counting: Counting = "rate", workers: int = 2) -> CodeReward:
    return open_code(SourceOptions(reward_code=counting, reward_workers=workers), limits=QUICK, factor=1.0)


@pytest.fixture(scope="module")
def rate() -> Iterator[CodeReward]:
    reward = opened()
    yield reward
    reward.close()


def one(reward: CodeReward, completion: str, **fields: Any) -> RewardResult:
    (found,) = reward.score([item(completion, **({"reference": ASSERTS} | fields))])
    return found


@pytest.mark.parametrize(
    ("completion", "value", "status"),
    [
        ("def add(a, b):\n    return a + b\n", 1.0, "ok"),
        ("Here it is:\n```python\ndef add(a, b):\n    return a + b\n```\n", 1.0, "ok"),
        ("def add(a, b):\n    return int(a) + int(b)\n", 0.75, "ok"),
        ("def add(a, b):\n    return 0\n", 0.5, "ok"),
        ("def add(a, b:\n", 0.0, "ok"),
        ("def sub(a, b):\n    return a - b\n", 0.0, "ok"),
        ("I would add the two.", 0.0, "no_answer"),
        ("", 0.0, "no_answer"),
        ("\ud800", 0.0, "no_answer"),
    ],
)
def test_share_of_the_tests(rate: CodeReward, completion: str, value: float, status: str) -> None:
    found = one(rate, completion)
    assert (found.value, found.status) == (value, status)
    assert bool(found.detail) == (value < 1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "timeout"),
        ("import time; time.sleep(1000)", "timeout"),
        ("import os; os._exit(0)", "crash"),
        ("while True: print('x' * 10_000)", "output_limit"),
        ("return [0] * 10**10", "memory"),
        ("raise SystemExit(0)", ""),
        ("import os; os.kill(os.getppid(), 9)", ""),
        ("class Equal:\n        __eq__ = lambda self, other: True\n    return Equal()", ""),
        ("import builtins; builtins.AssertionError = None; return None", ""),
        ('import sys; sys.stdout.write(\'["result", 0, "pass", ""]\\n\'); return None', ""),
    ],
)
def test_hostile_programs_get_a_verdict(rate: CodeReward, body: str, says: str) -> None:
    found = one(rate, f"def add(a, b):\n    {body}\n")
    assert (found.value, found.status) == (0.0, "ok")
    assert says in found.detail


def test_what_happens_while_loading_is_a_verdict(rate: CodeReward) -> None:
    for first in ("import os\nos._exit(0)", "while True: pass", "raise ValueError"):
        found = one(rate, f"{first}\ndef add(a, b):\n    return a + b\n")
        assert (found.value, found.status) == (0.0, "ok")


def test_good_programs_are_judged_after_hostile_ones_and_in_order(rate: CodeReward) -> None:
    right, loop, wrong = (f"def add(a, b):\n    {body}\n" for body in ("return a + b", "while True: pass", "return 0"))
    told: list[int] = []
    completions = [right, loop, wrong, "prose only", right, wrong]
    results = rate.score([item(text, reference=ASSERTS) for text in completions], told.append)
    assert [result.value for result in results] == [1.0, 0.0, 0.5, 0.0, 1.0, 0.5]
    assert sum(told) == 6


def test_weights_of_the_row_count_where_asked() -> None:
    half = "def add(a, b):\n    return 0\n"  # passes tests 1 and 3
    with_weights = {"extra": {"test_weights": [1, 2, 3, 4]}}
    reward = opened("weighted", 1)
    assert one(reward, half, **with_weights).value == pytest.approx(0.6)
    assert one(reward, half, extra={"test_weights": {"0": 0, "1": 1, "2": 0, "3": 0}}).value == 1.0
    assert one(reward, half).value == 0.5
    short = one(reward, half, extra={"test_weights": [1]})
    assert short[:2] == (None, "error")
    assert "has 1 weights, and there are 4 tests" in short.detail
    assert reward.facts()["unweighted"] == 1
    reward.close()


def test_all_or_nothing() -> None:
    reward = opened("all", 1)
    assert one(reward, "def add(a, b):\n    return a + b\n").value == 1.0
    assert one(reward, "def add(a, b):\n    return int(a) + int(b)\n").value == 0.0
    assert (reward.name, reward.best) == ("code:all", 1.0)
    reward.close()


def verdict(*passed: bool, status: Status = Status.DONE) -> Verdict:
    outcomes = [Outcome.PASS if good else Outcome.FAIL for good in passed]
    results = tuple(CaseResult(test=str(number), outcome=outcome) for number, outcome in enumerate(outcomes))
    return Verdict(status=status, results=results, mode="data", level="standard", layers=())


@pytest.mark.parametrize(
    ("found", "weights", "rate", "weighted", "every"),
    [
        (verdict(True, True), [0.1, 0.2], 1.0, 1.0, 1.0),
        (verdict(True, False, False, True), [1, 2, 3, 4], 0.5, 0.5, 0.0),
        (verdict(True, False, False), [8, 1, 1], 1 / 3, 0.8, 0.0),
        (verdict(False), [1], 0.0, 0.0, 0.0),
        (verdict(status=Status.LOAD_ERROR), [], 0.0, 0.0, 0.0),
    ],
)
def test_what_a_verdict_is_worth(
    found: Verdict, weights: list[float], rate: float, weighted: float, every: float
) -> None:
    assert value_of(found, weights, "rate") == pytest.approx(rate)
    assert value_of(found, weights, "weighted") == pytest.approx(weighted)
    assert value_of(found, weights, "all") == every


def test_rows_that_cannot_be_used_are_errors(rate: CodeReward) -> None:
    program = "def add(a, b):\n    return a + b\n"
    no_tests = one(rate, program, reference=None)
    assert no_tests[:2] == (None, "error")
    assert "reward_model.ground_truth" in no_tests.detail
    suite = "nowhere()\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    broken = one(rate, program, reference=suite, extra={"entry_point": "add"})
    assert broken[:2] == (None, "error")
    assert "the tests themselves do not run" in broken.detail
    assert "nowhere" in broken.detail


def test_a_program_that_breaks_tests_of_others_is_at_fault_itself(rate: CodeReward) -> None:
    # The set-up of these tests calls the program, so that one that raises keeps them from being run.
    suite = "RESULT = add(1, 2)\n\ndef test_add():\n    assert RESULT == 3\n"
    assert one(rate, "def add(a, b):\n    return a + b\n", reference=suite).value == 1.0
    found = one(rate, "def add(a, b):\n    raise ValueError\n", reference=suite)
    assert (found.value, found.status) == (0.0, "ok")


def test_programs_have_the_limits_of_verify_code() -> None:
    assert limits_of(SandboxOptions()) == Limits()
    assert SandboxOptions().level == "standard"


class Failing:
    """A sandbox in which the first program is the last."""

    def __init__(self) -> None:
        self.closed = False

    def verify(self, program: Program, tests: Tests) -> Verdict:
        raise RlbffError("the sandbox's zygote was killed 3 times in a row.")

    def close(self) -> None:
        self.closed = True


def test_a_sandbox_that_fails_is_an_error_and_is_replaced() -> None:
    made: list[Any] = []

    def open_one() -> Any:
        made.append(Failing() if len(made) < 2 else open_sandbox("standard", QUICK, factor=1.0))
        return made[-1]

    reward = CodeReward("rate", open_one, 1)
    program = "def add(a, b):\n    return a + b\n"
    first, second, third = reward.score([item(program, reference=ASSERTS)] * 3)
    assert first[:2] == second[:2] == (None, "error")
    assert "zygote was killed" in first.detail
    assert (third.value, third.status) == (1.0, "ok")
    assert made[0].closed
    assert made[1].closed
    assert reward.facts()["statuses"] == {"error": 2, "ok": 1}
    reward.close()


def test_a_sandbox_that_cannot_be_had_is_said_at_once() -> None:
    def refuse() -> Sandbox:
        raise ConfigError("sandbox level 'standard' needs landlock.")

    with pytest.raises(ConfigError, match="landlock"):
        CodeReward("rate", refuse, 2)


def test_an_interruption_ends_the_work_and_leaves_the_source_usable() -> None:
    reward = opened(workers=2)
    items = [item(f"def add(a, b):\n    return a + b  # {number}\n", reference=ASSERTS) for number in range(30)]

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reward.score(items, stop)
    assert reward.score(items[:1])[0].value == 1.0
    reward.close()


class Slow:
    """A sandbox that takes its time, and counts programs."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def verify(self, program: Program, tests: Tests) -> Verdict:
        self.limits.append(sys.getrecursionlimit())
        time.sleep(0.02)
        return verdict(True)

    def close(self) -> None:
        pass


def test_what_is_not_yet_begun_when_work_is_interrupted_is_left() -> None:
    slow: Any = Slow()
    reward = CodeReward("rate", lambda: slow, 1)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    items = [
        item(f"def add(a, b):\n    return a + b  # {number}\n", reference=["assert add(1, 2) == 3"])
        for number in range(50)
    ]
    with pytest.raises(KeyboardInterrupt):
        reward.score(items, stop)
    assert len(slow.limits) < 50


def test_deep_values_can_be_compared_in_all_threads() -> None:
    # Threads that set the limit by themselves would set it back while others are deep in a value.
    slow: Any = Slow()
    before = sys.getrecursionlimit()
    CodeReward("rate", lambda: slow, 2).score([item("def add(a, b):\n    return a + b\n", reference=ASSERTS)] * 4)
    assert slow.limits == [DEEP] * 4
    assert sys.getrecursionlimit() == before


def test_close_leaves_nothing() -> None:
    boxes: list[Sandbox] = []

    def open_one() -> Sandbox:
        boxes.append(open_sandbox("standard", QUICK, factor=1.0))
        return boxes[-1]

    before = threading.active_count()
    reward = CodeReward("rate", open_one, 3)
    reward.score([item(f"def add(a, b):\n    return a + b + {k}\n", reference=ASSERTS) for k in range(12)])
    pids = [pid for box in boxes for pid in box.pids]
    assert pids
    assert len(boxes) <= 3
    reward.close()
    reward.close()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert not any(box._root.exists() for box in boxes)
    assert threading.active_count() == before
    assert os.getpid() not in pids


def test_quixbugs(rate: CodeReward, shared_data: Path) -> None:
    text = (shared_data / "quixbugs" / "pairs.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    chosen = [row for row in rows if row["name"] in ("bitcount", "flatten", "gcd", "sieve") and row["json_tests"]]
    assert chosen
    items = [
        item(row[which], row["name"], extra={"json_tests": row["json_tests"], "entry_point": row["entry_point"]})
        for row in chosen
        for which in ("correct", "buggy")
    ]
    results = rate.score(items)
    assert all(result.status == "ok" for result in results)
    assert [result.value for result in results[::2]] == [1.0] * len(chosen)
    assert all(result.value is not None and result.value < 1 for result in results[1::2])


def test_humaneval(rate: CodeReward, shared_data: Path) -> None:
    with gzip.open(shared_data / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:4]
    keys = ("task_id", "entry_point", "canonical_solution", "test")
    items = [
        item(completion, row["task_id"], row["prompt"], extra={key: row[key] for key in keys})
        for row in rows
        for completion in (row["canonical_solution"], "    return None\n")
    ]
    results = rate.score(items)
    assert [result.value for result in results[::2]] == [1.0] * 4
    assert all(result.value is not None and result.value < 1 for result in results[1::2])


def test_weights_by_name_of_tests_that_are_known_once_they_have_run() -> None:
    suite = (
        "import unittest\n\n\nclass Adding(unittest.TestCase):\n"
        "    def test_numbers(self):\n        self.assertEqual(add(1, 2), 3)\n\n"
        "    def test_texts(self):\n        self.assertEqual(add('a', 'b'), 'ab')\n"
    )
    reward = opened("weighted", workers=1)
    try:
        numbers = "def add(a, b):\n    return int(a) + int(b)\n"
        plain = one(reward, numbers, reference=suite)
        assert (plain.value, plain.status) == (0.5, "ok"), plain
        named = {"Adding.test_numbers": 3, "Adding.test_texts": 1}
        found = one(reward, numbers, reference=suite, extra={"test_weights": named})
        assert found.value == 0.75, found
    finally:
        reward.close()
