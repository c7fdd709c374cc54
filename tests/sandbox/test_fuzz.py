"""Mutated messages in every direction: no wrong verdict, no hang, nothing raised that a reader does not expect.

What a stream says is also read by a plain twin (`tests/naive/sandbox_protocol.py`): a pass needs its consent.
"""

import os
import random
import socket
from collections.abc import Iterator

import pytest

from stages.sandbox import data_mode, frames, split_mode
from stages.sandbox.account import Account
from stages.sandbox.codec import encode
from stages.sandbox.frames import FrameBuffer, ProtocolError
from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.limits import Limits
from stages.sandbox.raised import SolutionError
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.spawn import Ended
from stages.sandbox.stub import NotPlainResult, Solution, SolutionGone
from stages.sandbox.verdict import Outcome
from stages.sandbox.watch import Budget, Stop, Watch
from tests.naive import sandbox_protocol as naive
from tests.sandbox.conftest import skip_unless_possible

COUNTS = pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.slow)])
EXPECTED = (5, [1, (2.5, None)], "text", 2**70)
TESTS = DataTests(cases=tuple(Case(expected=value) for value in EXPECTED))
VALUES = [encode(value) for value in (*EXPECTED, 6, [5], b"x", {1: {2}}, 2.0, 1j, frozenset({3}), range(3))]
HOSTILE = [
    *({"D": ["sNaN"]}, {"D": ["1E+999999999"]}, {"Q": [5, 1]}, {"Q": [1, 0]}, {"E": ["C", "R", 5, True]}, {"I": [1]}),
    *({"N": ["P", ["x"], [5]]}, {"n": ["<i8", None, "0500000000000000"]}, {"n": ["|O", [1], "00"]}, {"d": [[[], 1]]}),
    *({"s": [[1]]}, {"r": [0, 5, 0]}, {"i": "0x" + "f" * 200}, {"f": "nan"}, {"f": 1}, {"v": ["keys", [1]]}, {"": 1}),
    *({"O": [[1, 2], [1, 2]]}, {"C": [["a", "b"]]}, {"q": [-1, [1]]}, {"time": [25, 0, 0, 0, None, 0]}, {"zone": [1]}),
]
REPORTS: list[frames.Frame] = [
    *(["ready"], ["done"], ["names", ["a", "b"]], ["load", "load_error", "x"], ["bad", "x"], ["result", 0, "fail", ""]),
    *(["result", number, "pass", ""] for number in range(3)),
    *(["result", 0, "crash", ""], ["result", 0, "timeout", ""], ["result", "0", "pass", ""], ["load", "done", "x"]),
]


def answers(rng: random.Random) -> frames.Frame:
    turn = rng.choice([1] * 12 + [2, 0, True, None, "1"])
    value = rng.choice(HOSTILE if rng.random() < 0.3 else VALUES[:4] if rng.random() < 0.7 else VALUES)
    changed = rng.choice([None, None, [], [value], value])
    choices = [["r", turn, value, changed]] * 6
    return rng.choice(
        [
            *choices,
            ["e", turn, "ValueError", "x", ["ValueError"], rng.choice([None, [], value])],
            ["n", turn, "x"],
            ["loaded"],
            ["r", turn, value],
            [value],
        ]
    )


def mutated(rng: random.Random, frame: frames.Frame) -> bytes:
    """A frame on the wire, left alone or spoilt: bytes changed, cut, doubled, or with another length."""
    try:
        data = bytearray(frames.pack(frame))
    except ProtocolError:
        return b""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        at = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0:
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at:at] = rng.choice([b"[", b"]", b'"', b"{", b"0", b",", b'"r"', b'{"f":"0x1p0","f":"0x1p0"}', b"NaN"])
        elif how == 2:
            del data[at : at + rng.randrange(1, 4)]
        elif how == 3:
            data[:4] = max(0, rng.choice([len(data) - 4, len(data) - 5, 0, 2**31, 2**32 - 1])).to_bytes(4, "little")
        else:
            data += data[at:]
        data = data or bytearray(b"\0")
    return bytes(data)


def judged(data: bytes, number: int) -> Outcome:
    """What the caller makes of a stream in data mode when it waits for the answer to its first call."""
    buffer = FrameBuffer()
    buffer.feed(data)
    try:
        frame = buffer.next()
    except ProtocolError:
        return Outcome.PROTOCOL_ERROR
    if frame is None:
        return Outcome.NOT_RUN
    return data_mode._judged(frame, 1, data_mode._comparison(TESTS), number)[0]


def allowed(data: bytes, number: int) -> bool:
    """Whether the plain protocol passes it: the first frame is an answer to call 1 with the expected value."""
    heard = naive.frames(data)
    if not heard or heard[0] is None or len(heard[0]) != 4 or heard[0][0] != "r" or heard[0][1] != 1:
        return False
    return bool(naive.value(heard[0][2]) == EXPECTED[number])


def fuzz_answers(count: int) -> tuple[int, int]:
    """Passes, and passes that the twin expects."""
    rng = random.Random(count)
    passed = expected = 0
    for _ in range(count):
        data, number = mutated(rng, answers(rng)), rng.randrange(len(EXPECTED))
        passes, may = judged(data, number) is Outcome.PASS, allowed(data, number)
        assert may or not passes, data
        passed, expected = passed + passes, expected + may
    return passed, expected


@COUNTS
def test_mutated_answers_pass_only_where_the_plain_protocol_does(count: int) -> None:
    passed, expected = fuzz_answers(count)
    assert count / 60 < passed <= expected


def call(data: bytes, *, look: bool) -> object:
    """What a test gets when it calls the program, or looks at a name of it, and the other side says `data` and ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        solution = Solution(ours.fileno(), {"C": int, "P": tuple})
        try:
            return solution.find("f") if look else solution.call("f", ([1], {2: 3}), {})
        except (SolutionGone, NotPlainResult, SolutionError, ValueError) as error:
            return error


def fuzz_calls(count: int) -> None:
    rng = random.Random(count)
    for _ in range(count):
        data, number = mutated(rng, answers(rng)), rng.randrange(len(EXPECTED))
        result = call(data, look=rng.random() < 0.5)
        if not isinstance(result, BaseException) and type(result) is type(EXPECTED[number]):
            assert result != EXPECTED[number] or allowed(data, number), data


@COUNTS
def test_mutated_answers_reach_a_test_only_as_values_or_its_errors(count: int) -> None:
    fuzz_calls(count)


class StandInChild:
    """A child that lives, and uses nothing."""

    def cpu(self) -> float:
        return 0.0

    def threads(self) -> int:
        return 1


class StandInAttempt:
    """The part of an attempt that booking needs, without processes."""

    def end(self, patience: float = 0.0) -> Ended:
        return Ended(0, 0, 0.0, 0, by_itself=False)

    def crashed(self) -> tuple[Outcome, str]:
        return Outcome.CRASH, ""

    def stopped(self, stop: Stop) -> tuple[Outcome, str]:
        return (Outcome.CRASH if stop is Stop.CLOSED else Outcome.PROTOCOL_ERROR), str(stop)

    def stderr(self) -> str:
        return ""

    def tester_is_busier(self) -> bool:
        return True


def reported(data: bytes) -> list[Outcome]:
    """What is booked when the tester's side says `data` and ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        account = Account(["0", "1", "2"])
        watch = Watch(Budget(Limits()), [StandInChild()], ours, [])  # type: ignore[list-item]
        split_mode.follow(StandInAttempt(), watch, account)  # type: ignore[arg-type]
        return [result.outcome for result in account.results]


def fuzz_reports(count: int) -> int:
    rng = random.Random(count)
    passes = 0
    for _ in range(count // 5):
        told = (
            [["ready"], *rng.choices(REPORTS, k=rng.randrange(5))] if rng.random() < 0.8 else rng.choices(REPORTS, k=5)
        )
        data = b"".join(mutated(rng, frame) if rng.random() < 0.4 else frames.pack(frame) for frame in told)
        outcomes = reported(data)
        heard = [frame for frame in naive.frames(data) if frame is not None]
        said = [frame for frame in heard if len(frame) == 4 and frame[0] == "result" and frame[2] == "pass"]
        assert outcomes.count(Outcome.PASS) <= len({frame[1] for frame in said if isinstance(frame[1], int)}), data
        assert not outcomes.count(Outcome.PASS) or ["ready"] in heard
        passes += outcomes.count(Outcome.PASS)
    return passes


@COUNTS
def test_mutated_reports_book_no_more_passes_than_are_reported(count: int) -> None:
    assert fuzz_reports(count) > count / 300


LIAR = """
import os
said = {said!r}
def f(*args):
    os.write(3, said)
    return 7
"""


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    """Half a frame is waited for until the clock has run out: let that be soon."""
    skip_unless_possible("standard")
    with open_sandbox("standard", Limits(test_cpu=0.02, program_cpu=0.04), factor=1.0) as sandbox:
        yield sandbox


def lies(sandbox: Sandbox, count: int) -> None:
    """Programs that say something mutated before their own, wrong answer; it passes only what it says rightly."""
    rng = random.Random(count)
    for _ in range(count):
        said = mutated(rng, answers(rng))
        program = Program(source=LIAR.format(said=said), entry_point="f")
        if rng.random() < 0.5:
            number = rng.randrange(len(EXPECTED))
            verdict = sandbox.verify(program, DataTests(cases=TESTS.cases[number : number + 1]))
            assert not verdict.all_passed or allowed(said, number), said
        else:
            verdict = sandbox.verify(program, SplitTests(cases=("assert f() == 5",)))
            assert not verdict.all_passed or allowed(said, 0), said


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.campaign)])
def test_programs_that_lie_on_the_channel(hasty: Sandbox, count: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    lies(hasty, count)
    assert len(os.listdir("/proc/self/fd")) == before
