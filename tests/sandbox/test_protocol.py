"""A hostile solution that speaks to the harness itself: whatever it writes, no wrong verdict and no hang."""

import random
from collections.abc import Iterator

import pytest

from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from tests.sandbox.conftest import skip_unless_possible

DATA = DataTests(cases=tuple(Case(args=(number, number), expected=2 * number + 1) for number in range(4)))
SPLIT = SplitTests(cases=tuple(f"assert add({number}, {number}) == {2 * number + 1}" for number in range(4)))
"""The expected values are odd: the program below never knows one, and only says 4 or nonsense."""

SPEAKER = """
import os, random, struct
rng = random.Random({seed})
FRAMES = [
    b'["loaded"]', b'["load","done",""]', b'["r",%d,4,null]', b'["r",%d,{{"t":[4]}},[[],[]]]',
    b'["e",%d,"E","x",["KeyError"],[4]]',
    b'["n",%d,"x"]', b'["result",0,"pass",""]', b'["done"]', b'["r",%d,{{"E":["C","R",4,true]}},null]',
    b'["r",true,4,null]', b'["r",%d,{{"I":[4]}},{{"d":[]}}]', b'[[]]', b'{{}}', b'["r"]',
]
def frame(text):
    return struct.pack("<I", len(text)) + text
def noise():
    turn = rng.randrange(6)
    whole = rng.choice(FRAMES).replace(b"%d", b"%d" % turn)
    data = bytearray(frame(whole))
    for _ in range(rng.randrange(3)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.choice([len(data), rng.randrange(len(data))])] if rng.random() < 0.03 else data)
def speak():
    for _ in range(rng.randrange(1, 5)):
        os.write(3, noise())
if {at_load}:
    speak()
def add(a, b):
    speak()
    if rng.random() < 0.2: os._exit(0)
    return 4
"""


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    """Half a frame is waited for until the clock has run out: let that be soon."""
    skip_unless_possible("standard")
    with open_sandbox("standard", Limits(test_cpu=0.05, program_cpu=0.1), factor=1.0) as sandbox:
        yield sandbox


def talk(sandbox: Sandbox, seeds: range) -> int:
    """How many frames of noise were met; each program must fail everything."""
    for seed in seeds:
        source = SPEAKER.format(seed=seed, at_load=seed % 4 == 0)
        for tests in (DATA, SPLIT):
            verdict = sandbox.verify(Program(source=source, entry_point="add"), tests)
            assert verdict.passed == 0, (seed, verdict)
            assert len(verdict.results) == 4
    return len(seeds) * 2


def test_noise_never_passes(hasty: Sandbox) -> None:
    assert talk(hasty, range(12)) == 24


@pytest.mark.campaign
def test_much_noise_never_passes(hasty: Sandbox) -> None:
    rng = random.Random(0)
    start = rng.randrange(10**6)
    assert talk(hasty, range(start, start + 400)) == 800
