"""From an input row to a task and the solutions to it: the layouts that are understood.

The forms of tests are those of `forms.py`; where the program stands in an answer says `answers.py`.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, get_args

from stages.core.chat import to_chat
from stages.core.errors import DataError
from stages.core.rows import Problem, Row, canonical
from stages.programs import cells, entry_points, syntax
from stages.programs.answers import Stub, callable_as, program_in, stub
from stages.programs.bad_row import BadRow, bad_row, wrong_type
from stages.programs.building import Around, as_code, suite_of
from stages.programs.forms import TEST_COLUMNS, find_heldout, find_tests
from stages.programs.labels import JUDGE_COLUMN, TRUTH_COLUMNS
from stages.programs.material import Calls, Code, Inputs, Material, Scripts, Snippets
from stages.programs.objects import refuse_objects
from stages.programs.reading_options import ModeOption
from stages.programs.reading_options import ReadingOptions as ReadingOptions
from stages.programs.script_forms import may_be_scripts, read_input
from stages.programs.solutions import ANSWER_COLUMNS, find_solutions, messages
from stages.programs.task import Chat, Reading, Suite, Task
from stages.sandbox.jobs import Comparison, OutputComparison, SplitTests, SuiteTests

KEY_COLUMNS: Final = ("problem_id", "task_id", "question_id", "question_title", "name")
"""Where the key of a task is looked for."""

PROMPT_COLUMNS: Final = ("prompt", "question_content", "question", "text", "description")

CONSUMED: Final = (
    *("id", "problem_id", "task_id", "question_id", "prompt"),
    *(name for name in ANSWER_COLUMNS if name != "code"),
    JUDGE_COLUMN,
    *TRUTH_COLUMNS,
)
"""The columns that are read and written again under our names; all others pass through as they are."""

_LIKE_SOLUTION: Final = ("code", "program", "response", "generation", "output", "answer", "text", "generated_code")
_LIKE_TESTS: Final = ("test_cases", "unit_tests", "asserts", "assertions", "test_code", "tests_code", "cases")


def check_columns(names: Sequence[str], source: str, *, needs_tests: bool = True) -> None:
    """Raise DataError where an input with these columns has no solutions, or no tests; the sentence suggests a mapping.

    `needs_tests` False where something else than tests decides, such as a judge.
    """
    answers = [name for name in ANSWER_COLUMNS if name in names]
    tests = any(name in names for name in (*TEST_COLUMNS, "heldout_tests", "challenge_test_list"))
    if answers == ["code"] and "test_list" in names:
        answers = []
    if answers and (tests or not needs_tests):
        return
    found = ", ".join(name for name in names if name != "id") or "none"
    ours, like = ("tests", _LIKE_TESTS) if answers else ("solution", _LIKE_SOLUTION)
    likely = [name for name in like if name in names] or difflib.get_close_matches(ours, names, n=1, cutoff=0.6)
    hint = f"--map {ours}={likely[0] if likely else 'COLUMN'}"
    what = "tests" if answers else "solutions to verify"
    known = ("tests", "test", "test_list", "input_output") if answers else ("solution", "solutions", "completion")
    raise DataError(
        f"{source} has no {what}: no column {', '.join(map(repr, known))} or the like (its columns: {found}); name the "
        f"one to read with {hint}."
    )


def read_row(row: Row, options: ReadingOptions) -> Reading | Problem:
    """The task of one row and the solutions in it, or what is wrong with the row."""
    try:
        return _read(row, options)
    except BadRow as error:
        return error.problem
    except DataError as error:
        return Problem("bad_tests", None, str(error))
    except RecursionError:
        return Problem("bad_tests", None, "the tests are nested too deeply to be read; write them flatter.")


def _read(row: Row, options: ReadingOptions) -> Reading:
    prompt, said = _prompt(row)
    given = stub(said) if said is not None else None
    options = _of_row(row, options)
    named = _name(row, "entry_point")
    entry_point = entry_points.of_row(named) if named else None
    scripts = True if options.mode == "stdio" else False if entry_point or given or options.mode != "auto" else None
    tests = find_tests(row, scripts=scripts)
    if entry_point and options.mode == "auto" and tests and may_be_scripts(tests[1]):
        solutions = find_solutions(row, entry_point, given, options.stop)
        if read_input([solution.source for solution in solutions], entry_point):
            scripts, tests = True, find_tests(row, scripts=True)
    heldout = find_heldout(row, scripts=scripts)
    if tests is not None and isinstance(tests[1], Scripts):
        entry_point = given = None
    elif entry_point is None:
        entry_point = _entry_point(row, tests or heldout, given)
    reference = _reference(row, entry_point, given)
    if entry_point is None and reference is not None and not (tests and isinstance(tests[1], Scripts)):
        tree = syntax.parse(reference)
        entry_point = entry_points.last_function(tree) if tree is not None else None
    checker = _name(row, "checker")
    around = Around(entry_point=entry_point, given=given, reference=reference, checker=checker, options=options)
    task = Task(
        key=_key(row),
        prompt=prompt,
        entry_point=entry_point,
        suite=_suite(tests, around),
        reference=reference,
        # The mode is that of the row's tests; only what programs are trusted with holds for all of theirs.
        heldout=_suite(heldout, around if options.mode == "inproc" else replace(around, options=_by_form(options))),
    )
    solutions = find_solutions(row, entry_point, given, options.stop)
    if tests and task.suite and isinstance(task.suite.tests, (SplitTests, SuiteTests)):
        refuse_objects(tests[0], entry_point, reference, [solution.source for solution in solutions])
    return Reading(task, solutions)


def _by_form(options: ReadingOptions) -> ReadingOptions:
    return replace(options, mode="auto")


def _suite(found: tuple[str, Material] | None, around: Around) -> Suite | None:
    return None if found is None else suite_of(found[1], found[0], around)


def _key(row: Row) -> str:
    for name in KEY_COLUMNS:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # as tables with gaps hold whole numbers
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if name.endswith("_id") and value is not None and not isinstance(value, str):
            raise wrong_type(name, "a text or a whole number", value)
    parts = [row.get(name) for name in (*PROMPT_COLUMNS, *TEST_COLUMNS)]
    return sha256(canonical(parts)).hexdigest()


def _prompt(row: Row) -> tuple[Chat | None, str | None]:
    """The prompt as a chat, and the text of it that may hold code: all of it, or what a user said last."""
    for name in PROMPT_COLUMNS:
        value = row.get(name)
        if isinstance(value, str) and value:
            return to_chat(value), value
        if value not in (None, "", []):
            chat = messages(value, name)
            asked = [message["content"] for message in chat if message["role"] == "user"]
            return chat, asked[-1] if asked else None
    return None, None


def _of_row(row: Row, options: ReadingOptions) -> ReadingOptions:
    """The options, but for what the row says itself."""
    changes: dict[str, Any] = {}
    mode, compare = _name(row, "mode"), _name(row, "compare")
    if mode is not None:
        changes["mode"] = _one_of("mode", mode, get_args(ModeOption))
    if compare is not None:
        column = "compare_output" if compare in get_args(OutputComparison) else "compare"
        changes[column] = _one_of("compare", compare, (*get_args(Comparison), *get_args(OutputComparison)))
    for name in ("rtol", "atol"):
        try:
            value = cells.number(row.get(name))
        except ValueError:
            value = -1.0
        if value is not None and value < 0:
            raise wrong_type(name, "a number, at least 0", row[name])
        if value is not None:
            changes[name] = value
    return replace(options, **changes)


def _entry_point(row: Row, tests: tuple[str, Material] | None, given: Stub | None) -> str | None:
    """The function that the tests call, from what they say, from starter code, or from the prompt's code."""
    material = tests[1] if tests is not None else None
    if isinstance(material, Snippets):
        material = as_code(material) or material
    found: str | None = None
    if isinstance(material, Calls) and material.entry_point:
        return material.entry_point
    if isinstance(material, (Code, Snippets)):
        texts = material.texts if isinstance(material, Snippets) else (material.source,)
        trees = [tree for tree in map(syntax.parse, texts) if tree is not None]
        found = next((name for tree in trees if (name := entry_points.of_suite(tree)[0]) is not None), None)
        found = found or entry_points.of_tests(trees, syntax.parse(material.setup), given)
    if isinstance(material, (Calls, Inputs)):
        starts = re.findall(r"def\s+(\w+)\s*\(", _name(row, "starter_code") or "")
        found = starts[-1] if starts else None
    return found or (entry_points.last_function(given.tree) if given is not None else None)


def _reference(row: Row, entry_point: str | None, given: Stub | None) -> str | None:
    columns = ("reference", "canonical_solution", *(("code",) if "test_list" in row else ()))
    text = next((text for name in columns if (text := _name(row, name)) is not None and text.strip()), None)
    program = None if text is None else program_in(text, entry_point, given, ())
    return program if program is None or entry_point is None else callable_as(program, entry_point)


def _one_of(field: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise bad_row("bad_value", field, f"field {field!r} is {value!r}; it must be one of {', '.join(known)}.")
    return value


def _name(row: Row, field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise wrong_type(field, "a text", value)
    return value if value is None else value.removeprefix("\ufeff")
