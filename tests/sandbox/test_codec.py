import datetime
import math
import random
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stages.sandbox import frames
from stages.sandbox.codec import MAX_ELEMENTS, NotPlain, encode
from stages.sandbox.decode import EnumValue, decode
from stages.sandbox.frames import ProtocolError

Point = namedtuple("Point", "x y")  # the untyped form is what programs return


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    LOW = 1


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


ZONE = datetime.timezone(datetime.timedelta(hours=2))
VALUES = [
    *(None, True, 0, -(2**53), 2**200, -0.0, 1e308, math.inf, 1 + 2j, "", "\ud800", b"\0\xff", bytearray(b"x")),
    *(
        [],
        [1, [2.0]],
        (),
        (1,),
        {},
        {1: "a", (1, 2): [3], None: {}},
        set(),
        {1, "a"},
        frozenset({(1, 2)}),
        range(1, 9, 2),
    ),
    *(Decimal("1.10"), Decimal("-0"), Fraction(-1, 3), datetime.date(2024, 2, 29)),
    *(datetime.datetime(2024, 1, 2, 3, 4, 5, 6, ZONE, fold=1), datetime.time(1, 2), datetime.timedelta(-1, 2, 3), ZONE),
    *(OrderedDict(b=1, a=2), Counter("aab"), deque([1, 2], 5)),
]


def crossed(value: Any, **how: Any) -> Any:
    """The value after a real trip: JSON bytes and back."""
    frame = frames.unpack(frames.pack(["v", encode(value)])[4:])
    return decode(frame[1], **how)


# a set's own text differs between processes, and with it the name of the test
@pytest.mark.parametrize("value", VALUES, ids=[f"{n}-{type(value).__name__}" for n, value in enumerate(VALUES)])
def test_value_comes_back_with_its_type(value: Any) -> None:
    back = crossed(value)
    assert type(back) is type(value)
    assert back == value
    assert repr(back) == repr(value)


def test_random_nested_values_come_back() -> None:
    rng = random.Random(0)
    for _ in range(300):
        value = random_value(rng, 4)
        assert crossed(value) == value


def random_value(rng: random.Random, depth: int) -> Any:
    plain: list[Any] = [
        rng.randrange(-(10**20), 10**20),
        rng.gauss(0, 1e6),
        chr(rng.randrange(1, 0x3000)),
        None,
        rng.random() < 0.5,
    ]
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(plain)
    parts = [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return rng.choice([parts, tuple(parts), dict(enumerate(parts)), {rng.randrange(100) for _ in parts}])


def test_nan_and_iterators_and_views() -> None:
    assert math.isnan(crossed(math.nan))
    assert crossed(x * x for x in range(3)) == [0, 1, 4]
    live = crossed(iter([1, 2]), live=True)
    assert (next(live), next(live), next(live, None)) == (1, 2, None)
    assert crossed({1: 2}.keys(), live=True) == {1}
    assert list(crossed({1: 2}.values(), live=True)) == [2]


def test_subclasses_are_reduced_to_their_base() -> None:
    back = crossed(Liar(3))
    assert type(back) is int
    assert back == 3
    assert back != 4
    assert type(crossed(defaultdict(int, a=1))) is dict
    assert type(crossed(type("Text", (str,), {"__eq__": lambda *_: True, "__hash__": None})("x"))) is str


def test_enumerations_and_named_tuples() -> None:
    assert crossed(Colour.RED) == EnumValue("Colour", "RED", 1)
    assert crossed(Colour.RED) != ("Colour", "RED", 1)
    assert crossed(Colour.RED, resolve={"Colour": Colour}.get) is Colour.RED
    assert crossed(Level.LOW) == 1
    point = crossed(Point(1, 2))
    assert point == (1, 2)
    assert (point.x, point.y) == (1, 2)
    assert type(crossed(Point(1, 2), resolve={"Point": Point}.get)) is Point


def test_arrays_are_arrays_for_code_and_lists_for_comparison() -> None:
    array = np.arange(6, dtype=">i2").reshape(2, 3)
    back = crossed(array, live=True)
    assert back.dtype == array.dtype
    assert (back == array).all()
    assert crossed(array) == [[0, 1, 2], [3, 4, 5]]
    assert crossed(np.float32(0.5)) == 0.5
    assert crossed(np.zeros((2, 0))) == [[], []]
    assert crossed(np.array(3 + 4j)) == 3 + 4j
    with pytest.raises(NotPlain):
        encode(np.array([object()]))


def test_what_is_not_plain_is_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    for value in (object(), int, len, cycle, [0] * (MAX_ELEMENTS + 1), iter(int, 1), Exception("x"), lambda: 0):
        with pytest.raises(NotPlain):
            encode(value)


HOSTILE: list[Any] = [
    1.5,
    {"x": 1},
    {"f": "nonsense"},
    {"f": 3},
    {"i": "0x" + "f" * 200_000},
    {"t": 3},
    {"d": [[1]]},
    {"d": [[1, 1], [1, 2]]},
    {"s": [[1]]},
    {"Q": ["1e999999999", 1]},
    {"Q": [1, 0]},
    {"D": ["9" * 30_000]},
    {"D": ["x"]},
    {"date": [2024, 2, 30]},
    {"date": [{"b": "07e8010101000000000000"}]},
    {"datetime": [{"b": "07e8010101000000000000"}, 0, 0]},
    {"delta": [{"f": "nan"}]},
    {"r": [1, 2, 0]},
    {"q": [-1, []]},
    {"n": ["O", [1], "00"]},
    {"n": ["<f8", [2], "00"]},
    {"n": ["<f8", [1 << 40, 0], ""]},
    {"n": ["<i8", [-1], "0000000000000000"]},
    {"N": ["P", ["x", "y"], [1]]},
    {"N": ["P", [1], [1]]},
    {"E": ["C", "A"]},
    {"I": 3},
    {"v": ["items", [1]]},
    {"s": [(2**61 - 1) * i if (2**61 - 1) * i < 2**53 else {"i": hex((2**61 - 1) * i)} for i in range(5000)]},
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(value)[:40])
def test_malformed_values_are_protocol_errors(value: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(value)


def test_more_elements_than_may_cross_are_refused() -> None:
    assert len(decode([1] * (MAX_ELEMENTS - 1))) == MAX_ELEMENTS - 1
    for value in ([1] * MAX_ELEMENTS, {"d": [[number, 1] for number in range(600_000)]}, [[1] * 600_000] * 2):
        with pytest.raises(ProtocolError, match="elements"):
            decode(value)


def test_a_decoded_fraction_is_never_worked_out_from_a_text() -> None:
    assert decode({"Q": [1, 2]}) == Fraction(1, 2)
    with pytest.raises(ProtocolError, match="whole numbers"):
        decode({"Q": ["1/2", 1]})


def test_surrogates_never_join_to_a_character() -> None:
    for text in ("\ud83d\ude00", "a\ud83d\ude00é", "\ude00\ud83d", "\U0001f600", "\ud83d", "\ud83d\ud83d\ude00"):
        assert crossed(text) == text
        assert crossed({text: [text]}) == {text: [text]}
    with pytest.raises(ProtocolError):
        decode({"u": "ffffffff"})
