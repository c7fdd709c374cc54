"""A pseudo-random number for each number, which is what rows are drawn by: the same wherever and in whatever order."""

from typing import Final

import numpy as np

from stages.select_cotp.arrays import U64

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)


def splitmix64(states: U64) -> U64:
    """What the generator SplitMix64 (Steele, Lea and Flood, 2014) gives next in each of these states (N,)."""
    mixed = states + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
