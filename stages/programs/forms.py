"""Which columns of a row hold its tests, in which of the forms that are understood.

| columns | form |
|---|---|
| tests, heldout_tests | any of: a list of assertions; code with assertions, with `check(candidate)`, in the style of
  unittest or pytest; a list of objects with input and output; {inputs, outputs}; [[arguments, result], ...];
  JSON text of these |
| base_input, plus_input | EvalPlus |
| input_output | APPS |
| public_test_cases, private_test_cases | LiveCodeBench |
| json_tests | QuixBugs |
| test | HumanEval |
| test_list, challenge_test_list | MBPP |
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stages.core.rows import Row
from stages.programs import evalplus
from stages.programs.bad_row import bad_row, wrong_type
from stages.programs.forms_values import decoded, from_input_output, from_objects, from_pairs, from_text
from stages.programs.material import Calls, Code, Material, Snippets, numbers
from stages.sandbox.frames import Value

TEST_COLUMNS: Final = (
    *("tests", "base_input", "input_output", "public_test_cases", "private_test_cases"),
    *("json_tests", "test", "test_list"),
)
"""The columns that tests are looked for in, the first that a row has deciding."""

_MARK: Final = "\ufeff"
"""What files in UTF-8 may begin with, and texts that were read from them."""
_HELDOUT: Final = ("heldout_tests", "challenge_test_list")


def find_tests(row: Row, *, scripts: bool | None) -> tuple[str, Material] | None:
    """The column that has the row's tests and what it holds, None where the row has none; raises BadRow.

    `scripts`: whether tests that are texts are those of scripts, None where only their form can tell. A column
    `entry_point` says that inputs are arguments, if `scripts` is False.
    """
    for column in TEST_COLUMNS:
        if not _empty(row.get(column)):
            material = _of_column(row, column, scripts)
            return None if material is None else (column, material)
    return None


def find_heldout(row: Row, *, scripts: bool | None) -> tuple[str, Material] | None:
    """Likewise the tests that decide about truth."""
    for column in _HELDOUT:
        if not _empty(row.get(column)):
            material = _any_form(row[column], column, scripts, _is_called(row, scripts))
            return None if material is None else (column, _prepared(row, material))
    return None


def _of_column(row: Row, column: str, scripts: bool | None) -> Material | None:
    match column:
        case "base_input":
            return evalplus.inputs(row)
        case "public_test_cases" | "private_test_cases":
            return _livecodebench(row, scripts)
        case "input_output":
            called = _is_called(row, scripts)
            return from_input_output(_object(row[column], column), column, scripts=scripts, called=called)
    material = _any_form(row[column], column, scripts, _is_called(row, scripts))
    return None if material is None else _prepared(row, material)


def _is_called(row: Row, scripts: bool | None) -> bool:
    return scripts is False and not _empty(row.get("entry_point"))


def _any_form(value: Value, field: str, scripts: bool | None, called: bool) -> Material | None:
    if isinstance(value, str):
        found = from_text(value.removeprefix(_MARK), field)
        return found if isinstance(found, Code) else _any_form(found, field, scripts, called)
    if isinstance(value, dict):
        return from_input_output(value, field, scripts=scripts, called=called)
    if not isinstance(value, list):
        raise wrong_type(field, "a list of tests, or code", value)
    if not value:
        return None
    if all(isinstance(item, str) for item in value):
        texts = [text.removeprefix(_MARK).strip("\n") for text in value if text.strip()]
        return Snippets(texts=tuple(texts), names=numbers(len(texts))) if texts else None
    if all(isinstance(item, dict) for item in value):
        return from_objects(value, field, scripts=scripts)
    if all(isinstance(item, list) for item in value):
        return from_pairs(value, field)
    raise bad_row("bad_tests", field, f"field {field!r} mixes texts, objects and lists; write all tests in one form.")


def _livecodebench(row: Row, scripts: bool | None) -> Material | None:
    items: list[Mapping[str, Value]] = []
    for column in ("public_test_cases", "private_test_cases"):
        value = row.get(column)
        if _empty(value):
            continue
        value = decoded(value, column) if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise wrong_type(column, "a list of objects with input, output and testtype", value)
        items += value
    if not items:
        return None
    material = from_objects(items, "public_test_cases", scripts=scripts)
    metadata = row.get("metadata")
    if isinstance(material, Calls) and not _empty(metadata):
        name = _object(metadata, "metadata").get("func_name")
        return replace(material, entry_point=name if isinstance(name, str) else None)
    return material


def _prepared(row: Row, material: Material) -> Material:
    """MBPP: what runs before the assertions, from columns of its own."""
    if not isinstance(material, (Snippets, Code)):
        return material
    imports, setup = row.get("test_imports"), row.get("test_setup_code")
    lines = [line for line in imports if isinstance(line, str)] if isinstance(imports, list) else []
    lines += [setup] if isinstance(setup, str) and setup.strip() else []
    return replace(material, setup="\n".join(lines)) if lines else material


def _object(value: Value, field: str) -> Mapping[str, Value]:
    value = decoded(value, field) if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise wrong_type(field, "an object", value)
    return value


def _empty(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})
