"""Every reader, fed what mutation makes of good input: no traceback, no hang, no wrong accept.

The long, coverage-guided form is `python -m tests.fuzz.guided`, which `make torture` runs.
"""

import random
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.files import FILES
from tests.fuzz.replies import REPLIES
from tests.fuzz.seeds import SEEDS

TARGETS: Final[dict[str, Callable[[bytes], None]]] = FILES | REPLIES
EXAMPLES: Final = 400
_PIECES: Final = (
    b"\0",
    b"\n",
    b"\r",
    b'"',
    b"\\",
    b"{",
    b"[",
    b"]",
    b"}",
    b"NaN",
    b"-1",
    b"1e999",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!python/object ",
    b"'",
    b"%",
    b"9" * 30,
    b"\xe2\x80\xae",
    b"<<: ",
)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """The data with one to four changes: bytes flipped, cut, doubled, swapped for others, or signs put in."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        first, second = sorted(draw.randrange(len(out) + 1) for _ in "ab")
        match draw.randrange(6):
            case 0 if out:
                out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
            case 1:
                del out[first : min(second, first + 40)]
            case 2:
                out[first:first] = out[first : min(second, first + 40)]
            case 3:
                del out[second:]
            case _:
                out[first:first] = draw.choice(_PIECES) * draw.choice((1, 1, 1, 2, 300))
    return bytes(out)


def test_every_reader_has_seeds_that_it_takes_without_a_complaint() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    for name, found in SEEDS.items():
        for data in found:
            TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_input_is_refused_or_read_right(name: str) -> None:
    @seed(0)
    @settings(
        max_examples=EXAMPLES,
        deadline=5000,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.sampled_from(SEEDS[name]), number=st.integers(0, 2**32))
    def refused_or_right(data: bytes, number: int) -> None:
        TARGETS[name](mutated(data, random.Random(number)))

    refused_or_right()


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_refused_or_read_right(name: str) -> None:
    @seed(1)
    @settings(
        max_examples=EXAMPLES // 2,
        deadline=5000,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8"))))
    def refused_or_right(data: bytes) -> None:
        TARGETS[name](data)

    refused_or_right()
