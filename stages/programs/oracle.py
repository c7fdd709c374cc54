"""Tests made of inputs alone: what is expected is what a trusted reference gives, which runs in the tester's process.

After EvalPlus (arXiv 2305.01210). The solution's process sees the arguments and nothing else.
"""

import inspect
from collections.abc import Sequence
from functools import cache

from stages.programs import oracle_compare
from stages.programs.bad_row import bad_row
from stages.programs.material import numbers
from stages.programs.task import Suite
from stages.sandbox.jobs import Comparison, SplitTests

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def oracle_tests(
    reference: str,
    entry_point: str,
    inputs: Sequence[Sequence[object]],
    *,
    atol: float,
    rtol: float,
    compare: Comparison = "python",
    oracle: str | None = None,
    names: Sequence[str] = (),
) -> Suite:
    """One test an input, the positional arguments of one call: solution and reference must give the same.

    `reference`: a whole program that defines the entry point. `compare`: python as EvalPlus has it (equal, or numbers
    within the tolerances; 1e-6 absolute for floats at least), or one of the sandbox's. `oracle`: the name of one of
    `oracle_compare.ORACLES` instead. `names`: of the tests, else their places. Raises BadRow for other than plain data.
    """
    how = compare if oracle is None else oracle
    cases = [f"_verify(candidate, {_literal(tuple(given), number)}, {how!r})" for number, given in enumerate(inputs)]
    tolerances = (float(rtol), float(atol))
    setup = [
        f"_compare = {{'__name__': '_compare'}}\nexec({_compare_source()!r}, _compare)",
        f"_reference = {{'__name__': '_reference'}}\nexec({reference!r}, _reference)",
        "inf, nan = float('inf'), float('nan')",
        "def _verify(candidate, args, how):",
        f"    _compare['verify'](candidate, _reference[{entry_point!r}], args, how, {tolerances!r})",
    ]
    tests = SplitTests(cases=tuple(cases), setup="\n".join(setup))
    return Suite(tests=tests, names=tuple(names) or numbers(len(cases)))


@cache
def _compare_source() -> str:
    return inspect.getsource(oracle_compare)


def _literal(value: object, number: int) -> str:
    """A value as Python writes it."""
    if not _is_plain(value):
        raise bad_row("bad_tests", "tests", f"input {number} is not plain data, which alone can be given to a program.")
    return repr(value)


def _is_plain(value: object) -> bool:
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))  # type: ignore[call-overload]
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return type(value) in _PLAIN
