import subprocess
import sys
from pathlib import Path

from stages.programs.naming import sha_of
from stages.sandbox.jobs import Case, DataTests, Program

MADE_IN_A_PROCESS = """
from stages.programs.naming import sha_of
from stages.sandbox.jobs import Case, DataTests
print(sha_of(DataTests(cases=(Case(args=({"b", "a", "c", frozenset({"x", "y"})}, {"k": {1, 2}}), expected=None),))))
"""


def test_sets_have_one_name_in_every_process(root: Path) -> None:
    names = {
        subprocess.run(
            [sys.executable, "-c", MADE_IN_A_PROCESS],
            cwd=root,
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(names) == 1


def test_what_differs_has_another_name() -> None:
    values: list[object] = [
        *([1, 2], (1, 2), [[1], 2], [1, [2]], "1", 1, 1.0, True, None, {1: 2}, {1, 2}, frozenset({1, 2})),
        *([], [[]], {}, [{}], {"a": [1]}, {"a": 1}, ["a", 1], b"1"),
        Case(args=(1,), expected=2),
        Case(args=(2,), expected=1),
        DataTests(cases=()),
        Program(source="x"),
    ]
    assert len({sha_of(value) for value in values}) == len(values)


def test_depth_does_not_matter() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert sha_of(deep) == sha_of(deep)
    assert sha_of(deep) != sha_of([deep])
