"""Which programs might fool or leave the sandbox? Thought up by somebody who had not read it: a table in several files.

`battery.py` runs them. Importing the files fills the table.
"""

from tests.sandbox.strangers import (
    exits,
    forging,
    honest_programs,
    host,
    host_further,
    hostile_tests,
    odd,
    poisons,
    reading,
    resources,
    scripts,
    suites,
    times,
    values,
)
from tests.sandbox.strangers.base import STRANGERS, Stranger

FILES = (
    values,
    reading,
    forging,
    exits,
    odd,
    times,
    resources,
    host,
    host_further,
    scripts,
    hostile_tests,
    honest_programs,
    suites,
    poisons,
)
NUMPY_STRANGERS = poisons.NUMPY_STRANGERS

__all__ = ["FILES", "NUMPY_STRANGERS", "STRANGERS", "Stranger"]
