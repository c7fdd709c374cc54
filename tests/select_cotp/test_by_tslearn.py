import sys

import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.select_cotp.arrays import Series
from stages.select_cotp.by_tslearn import barycentre, tslearn_block
from tests.naive import dtw as naive


def test_without_tslearn_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tslearn", None)
    monkeypatch.setitem(sys.modules, "tslearn.utils", None)
    with pytest.raises(ConfigError, match=r"pip install '.\[tslearn\]'"):
        barycentre(Series(np.zeros(2, np.float32), np.array([0, 2])), 2)


@pytest.mark.slow
@pytest.mark.parametrize("cost", ["absolute", "squared"])
def test_distances_equal_the_naive_twin(cost: str) -> None:
    draw = np.random.default_rng(0)
    for lengths, radius in (([3, 1, 7], None), ([8, 8, 8], None), ([8, 8, 8], 2), ([8, 8, 8], 0)):
        chains = [draw.gamma(0.6, 1.0, size=length).astype(np.float32) for length in lengths]
        table = Series(np.concatenate(chains), np.cumsum([0, *lengths]))
        want = [[naive.dtw(x.tolist(), y.tolist(), radius=radius, cost=cost) for y in chains] for x in chains]
        found = tslearn_block(table, table, radius=radius, cost=cost)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, want, rtol=1e-6)


@pytest.mark.slow
def test_the_barycentre_of_shifted_spikes_is_a_spike() -> None:
    chains = np.zeros((3, 9), np.float32)
    chains[[0, 1, 2], [3, 4, 5]] = 6
    found = barycentre(Series(chains.reshape(-1), np.arange(0, 28, 9)), 9)
    assert found.shape == (9,)
    assert found.max() == pytest.approx(6)
    assert (found > 1).sum() == 1


@pytest.mark.slow
def test_the_barycentre_of_unequal_lengths_has_the_length_asked() -> None:
    found = barycentre(Series(np.ones(9, np.float32), np.array([0, 2, 9])), 5)
    np.testing.assert_allclose(found, np.ones(5))
