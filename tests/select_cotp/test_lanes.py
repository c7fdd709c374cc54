from typing import Any

import numpy as np
import pytest
from numba import njit, types
from numba.extending import intrinsic

from stages.select_cotp.lanes import Lanes, aligned, host_balances, host_lanes, stamp_of

WIDTHS = (4, 8, 16, 32)


@intrinsic(prefer_literal=True)
def _operations(_: Any, a: Any, b: Any, out: Any, width: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = Lanes(context, builder, signature.args[3].literal_value)
        one, two, result = (lanes.data(kind, array) for kind, array in zip(signature.args[:3], args[:3], strict=True))
        left, right = (lanes.load(pointer, lanes.integer(0)) for pointer in (one, two))
        found = [
            lanes.add(left, right),
            lanes.sub(left, right),
            lanes.smaller(left, right),
            lanes.absolute(left),
            lanes.fma(left, left, right),
            lanes.splat(lanes.element(one, lanes.integer(1))),
            lanes.constant(2.5),
            lanes.negative(left),
            lanes.quotient(left, right),
            lanes.where(lanes.any_at_most(left, right), left, right),
        ]
        for place, value in enumerate(found):
            lanes.store(value, result, lanes.integer(place))
        return context.get_dummy_value()

    return types.void(a, b, out, width), emit


@intrinsic(prefer_literal=True)
def _turned(_: Any, a: Any, begin: Any, out: Any, width: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = Lanes(context, builder, signature.args[3].literal_value)
        pointer, result = (lanes.data(signature.args[k], args[k]) for k in (0, 2))
        places = [builder.add(args[1], lanes.integer(k * lanes.width)) for k in range(lanes.width)]
        for k, value in enumerate(lanes.transposed([lanes.load_from(pointer, place) for place in places])):
            lanes.store_from(value, result, lanes.integer(k * lanes.width))
        return context.get_dummy_value()

    return types.void(a, types.intp, out, width), emit


@intrinsic(prefer_literal=True)
def _running(_: Any, a: Any, start: Any, stop: Any, out: Any, width: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = Lanes(context, builder, signature.args[4].literal_value)
        pointer, result = lanes.data(signature.args[0], args[0]), lanes.data(signature.args[3], args[3])

        def body(index: Any, carried: list[Any]) -> list[Any]:
            value = lanes.load(pointer, index)
            return [lanes.add(carried[0], value), lanes.smaller(carried[1], value)]

        carried = [lanes.constant(0.0), lanes.constant(float("inf"))]
        total, least = lanes.loop(args[1], args[2], carried, body)
        lanes.store(total, result, lanes.integer(0))
        lanes.store(least, result, lanes.integer(1))
        return context.get_dummy_value()

    return types.void(a, start, stop, out, width), emit


def operations(width: int) -> Any:
    @njit
    def call(a: Any, b: Any, out: Any) -> None:
        _operations(a, b, out, width)

    return call


def running(width: int) -> Any:
    @njit
    def call(a: Any, start: int, stop: int, out: Any) -> None:
        _running(a, start, stop, out, width)

    return call


@pytest.mark.parametrize("width", WIDTHS)
def test_operations_are_those_of_numpy(width: int) -> None:
    draw = np.random.default_rng(width)
    a, b = draw.normal(size=(2, width)).astype(np.float32)
    out = np.zeros((10, width), np.float32)
    operations(width)(a, b, out.reshape(-1))
    total, difference, smaller, absolute, fused, splat, constant, negative, quotient, where = out
    assert total.tobytes() == (a + b).tobytes()
    assert difference.tobytes() == (a - b).tobytes()
    assert smaller.tobytes() == np.minimum(a, b).tobytes()
    assert absolute.tobytes() == np.abs(a).tobytes()
    assert fused.tobytes() == (a.astype(np.float64) * a + b).astype(np.float32).tobytes()
    assert (splat == a[1]).all()
    assert (constant == 2.5).all()
    assert negative.tobytes() == (-a).tobytes()
    assert quotient.tobytes() == (a / b).tobytes()
    assert where.tobytes() == a.tobytes()


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_a_square_is_turned_from_any_element_on(width: int) -> None:
    @njit
    def call(a: Any, begin: int, out: Any) -> None:
        _turned(a, begin, out, width)

    values = np.arange(width * width + 3, dtype=np.float32)
    out = np.zeros((width, width), np.float32)
    call(values, 3, out.reshape(-1))
    assert out.tolist() == values[3:].reshape(width, width).T.tolist()


def test_infinity_is_legal_and_smaller_takes_the_number() -> None:
    a, b = np.full(4, np.inf, np.float32), np.float32([1, np.inf, -1, 0])
    out = np.zeros((10, 4), np.float32)
    operations(4)(a, b, out.reshape(-1))
    assert out[2].tolist() == [1, np.inf, -1, 0]
    assert out[0].tolist() == [np.inf] * 4


@pytest.mark.parametrize(("lane", "kept"), [(None, "b"), (0, "a"), (7, "a")])
def test_any_at_most_looks_at_every_lane(lane: int | None, kept: str) -> None:
    a, b = np.full(8, 2, np.float32), np.full(8, 1, np.float32)
    if lane is not None:
        b[lane] = 2
    out = np.zeros((10, 8), np.float32)
    operations(8)(a, b, out.reshape(-1))
    assert out[9].tolist() == (a if kept == "a" else b).tolist()


@pytest.mark.parametrize("width", WIDTHS)
def test_loop_carries_values_from_start_to_before_stop(width: int) -> None:
    values = np.arange(5 * width, dtype=np.float32)[::-1].copy()
    out = np.zeros((2, width), np.float32)
    running(width)(values, 1, 4, out.reshape(-1))
    rows = values.reshape(5, width)[1:4]
    assert out[0].tolist() == rows.sum(axis=0).tolist()
    assert out[1].tolist() == rows.min(axis=0).tolist()


def test_loop_over_nothing_leaves_what_it_was_given() -> None:
    out = np.ones((2, 4), np.float32)
    running(4)(np.ones(4, np.float32), 1, 1, out.reshape(-1))
    assert out.tolist() == [[0] * 4, [np.inf] * 4]


def test_aligned_begins_at_a_cache_line() -> None:
    for num in (1, 16, 33, 1000):
        found = aligned(num)
        assert found.shape == (num,)
        assert found.dtype == np.float32
        assert found.ctypes.data % 64 == 0


def test_host_lanes_follow_the_widest_registers() -> None:
    assert host_lanes({"avx2": True, "avx512f": True}) == (32, 4)
    assert host_lanes({"avx2": True, "avx512f": False}) == (16, 8)
    assert host_lanes({"neon": True}) == (16, 4)
    assert host_lanes({}) == (8, 4)
    assert host_lanes() in {(32, 4), (16, 8), (16, 4), (8, 4)}


def test_sums_become_products_only_where_the_processor_has_them() -> None:
    assert host_balances({"fma": True})
    assert not host_balances({"fma": False, "avx2": True})
    assert not host_balances({"neon": True})


def test_stamp_changes_with_a_file(tmp_path: Any) -> None:
    file = tmp_path / "kernel.py"
    file.write_text("one")
    first = stamp_of(str(file))
    assert stamp_of(str(file)) == first
    file.write_text("two")
    assert stamp_of(str(file)) != first
