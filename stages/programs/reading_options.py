"""What a user can say about how rows of programs are read: the options behind `reading.py`."""

from dataclasses import dataclass
from typing import Literal

from stages.sandbox.jobs import Comparison, OutputComparison

ModeOption = Literal["auto", "data", "split", "suite", "stdio", "inproc"]


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How tests are run and compared where a row does not say so itself; see the options of verify-code.

    `stop`: texts at the first of which a completion is cut that continues its prompt's code.
    """

    mode: ModeOption = "auto"
    compare: Comparison = "python"
    compare_output: OutputComparison = "exact"
    rtol: float = 1e-6
    atol: float = 1e-9
    stop: tuple[str, ...] = ()
