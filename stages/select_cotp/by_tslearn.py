"""What does tslearn say? The slow reference `--kernel tslearn`, and mean chains for the report.

tslearn is an extra and takes seconds to import, so each function imports it when called.
"""

import importlib
import warnings
from itertools import pairwise
from types import ModuleType
from typing import Literal

import numpy as np

from stages.core.errors import ConfigError
from stages.select_cotp.arrays import F32, F64, Series


def tslearn_block(core: Series, pool: Series, *, radius: int | None, cost: Literal["absolute", "squared"]) -> F32:
    """Distances (C, P) as `dtw.EntropyKernel.block` defines them, computed by tslearn in float64."""
    metrics = _tslearn("metrics")
    metric = {"absolute": "cityblock", "squared": "sqeuclidean"}[cost]
    band = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    columns = _chains(pool)
    assert all(np.isfinite(y).all() for y in columns), "an entropy of the pool is not finite"
    out = np.empty((len(core), len(pool)), np.float32)
    for c, x in enumerate(_chains(core)):
        for p, y in enumerate(columns):
            total = metrics.dtw_path_from_metric(x, y, metric=metric, **band)[1]
            out[c, p] = total / max(len(x), len(y))
    return out


def barycentre(series: Series, length: int) -> F64:
    """The mean chain (length,) under squared DTW, by barycentre averaging (Petitjean et al. 2011); a local optimum.

    It starts from the chain nearest to all others, stretched to `length`.
    """
    data = _tslearn("utils").to_time_series_dataset(_chains(series))
    middle = _chains(series)[int(_tslearn("metrics").cdist_dtw(data).sum(axis=1).argmin())]
    start = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(middle)), middle)
    found: F64 = _tslearn("barycenters").dtw_barycenter_averaging(data, init_barycenter=start[:, None])
    return found[:, 0]


def _chains(series: Series) -> list[F64]:
    return [series.values[start:stop].astype(np.float64) for start, stop in pairwise(series.starts)]


def _tslearn(module: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            # a format of files that nothing here uses
            warnings.filterwarnings("ignore", message="h5py not installed")
            return importlib.import_module(f"tslearn.{module}")
    except ImportError as error:
        raise ConfigError("tslearn is not installed; install it with: pip install '.[tslearn]'") from error
