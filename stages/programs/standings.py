"""How every program of an input stands: within its task, and over all tasks. What keep rules decide on.

Shapes: N programs, in the order of the input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Standings:
    """Columns of numbers, all (N,); NaN where a value is not known.

    `task` numbers the tasks from 0. `passed` and `total` count tests, without flaky ones. `pass_rate` is their
    quotient, `weighted_rate` the same with weights, in [0, 1]; NaN without tests. `consensus` in [0, 1] is the
    program's share of the best consensus score of its task; `group` the number of solutions with the same
    vector. `strength` in [0, 1] is that of the task's suite. `judge` is a judge's score. `truth` is 1, 0 or
    NaN. `further` are other numeric columns of the input that a rule may name.
    """

    task: Ints
    passed: Ints
    total: Ints
    pass_rate: Floats
    weighted_rate: Floats
    consensus: Floats
    group: Ints
    strength: Floats
    judge: Floats
    truth: Floats
    further: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = (self.passed, self.total, self.pass_rate, self.weighted_rate, self.consensus, self.group)
        assert all(column.shape == self.task.shape for column in (*columns, self.strength, self.judge, self.truth))

    def __len__(self) -> int:
        return len(self.task)
