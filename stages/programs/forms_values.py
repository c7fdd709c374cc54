"""Tests that are data: inputs with outputs, in the shapes of APPS, LiveCodeBench, QuixBugs, and as plain objects.

An input that is a list holds the positional arguments, an object the keyword arguments; anything else is the only
argument.
"""

import json
from collections.abc import Mapping, Sequence

from stages.programs.bad_row import bad_row, wrong_type
from stages.programs.material import UNKNOWN, Call, Calls, Code, Inputs, Material, Scripts, Snippets, numbers
from stages.sandbox.frames import Value
from stages.sandbox.jobs import StdioCase

_INPUT = ("args", "inputs", "input", "stdin")
_OUTPUT = ("expected", "expected_output", "output", "outputs", "stdout")
_CODE = ("code", "assertion", "assert", "test", "test_code")
_NAME = ("id", "name", "test_id")

Object = Mapping[str, Value]


def from_objects(items: Sequence[Object], field: str, *, scripts: bool | None) -> Material:
    """Tests that are objects; `scripts`: whether texts are what programs read and print, None where that is unknown."""
    names = _names(items)
    if any(_first(item, _CODE) is not None for item in items):
        texts = [
            _text(_first(item, _CODE), field, number, "code").removeprefix("\ufeff")
            for number, item in enumerate(items)
        ]
        return Snippets(texts=tuple(texts), names=names)
    kinds = {item.get("testtype") for item in items} - {None}
    if len(kinds) > 1:
        raise bad_row(
            "bad_tests", field, f"field {field!r} mixes tests of the kinds {sorted(map(str, kinds))}; keep one."
        )
    if kinds == {"functional"}:
        calls = tuple(_functional(item, field, number) for number, item in enumerate(items))
        return Calls(calls=calls, names=names, tuples_as_lists=True)
    by_stdin = kinds == {"stdin"} or any("stdin" in item or "stdout" in item for item in items)
    if by_stdin or (scripts is not False and _all_texts(items)):
        return Scripts(cases=tuple(_script(item, field, number) for number, item in enumerate(items)), names=names)
    if scripts:
        raise bad_row("bad_tests", field, f"field {field!r} must hold texts to read and to print, for mode stdio.")
    calls = tuple(_call(item, field, number) for number, item in enumerate(items))
    return Calls(calls=calls, names=names, tuples_as_lists=_has_lists(calls))


def from_input_output(value: Object, field: str, *, scripts: bool | None = None, called: bool = False) -> Material:
    """APPS: {inputs, outputs} of texts or of lists of lines; with fn_name, of argument lists and results.

    Without fn_name likewise where a column names the function (`called`), or where inputs are no texts.
    With it, where every result is a list of one element, that element is the result: APPS wraps them so.
    """
    inputs, outputs = value.get("inputs"), value.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise wrong_type(f"{field}.inputs", "a list, and so must outputs be", inputs)
    if len(inputs) != len(outputs):
        raise bad_row("bad_tests", field, f"field {field!r} has {len(inputs)} inputs and {len(outputs)} outputs.")
    name = value.get("fn_name")
    if not name and (scripts or not (called or any(_text_of(given) is None for given in inputs))):
        pairs = enumerate(zip(inputs, outputs, strict=True))
        cases = [StdioCase(stdin=_lines(a, field, n), expected=_lines(b, field, n)) for n, (a, b) in pairs]
        return Scripts(cases=tuple(cases), names=numbers(len(cases)))
    if name and all(isinstance(output, list) and len(output) == 1 for output in outputs):
        outputs = [output[0] for output in outputs]
    calls = [_called_with(given, expected) for given, expected in zip(inputs, outputs, strict=True)]
    own = str(name) if name else None
    return Calls(calls=tuple(calls), names=numbers(len(calls)), entry_point=own, tuples_as_lists=True)


def from_pairs(items: Sequence[Value], field: str) -> Calls:
    """QuixBugs: a list of [arguments, result]."""
    for number, item in enumerate(items):
        if not isinstance(item, list) or len(item) != 2:
            raise bad_row(
                "bad_tests", field, f"test {number} of field {field!r} must be a list of arguments and result."
            )
    calls = tuple(_called_with(given, expected) for given, expected in items)
    return Calls(calls=calls, names=numbers(len(calls)), tuples_as_lists=True)


def decoded(text: str, field: str) -> Value:
    """JSON text of a column; refuses what is none, compressed pickles too."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text[:100].isascii() and text.strip().startswith(("eJ", "eN", "gA", "H4s", "eF")):
        raise bad_row(
            "bad_tests",
            field,
            f"field {field!r} is no JSON but seems to be packed (base64, zlib, pickle), as LiveCodeBench's private "
            "tests are. A pickle is never loaded here, since that runs its code; write the tests as JSON first.",
        )
    raise bad_row("bad_tests", field, f"field {field!r} is not JSON; it must be, or a list.")


def inputs_only(calls: Calls, *, atol: float, rtol: float) -> Inputs | None:
    """The calls as inputs for a reference, where none of them says what is expected."""
    if any(call.expected is not UNKNOWN or call.kwargs for call in calls.calls):
        return None
    return Inputs(inputs=tuple(call.args for call in calls.calls), names=calls.names, atol=atol, rtol=rtol)


def from_text(text: str, field: str) -> Value | Code:
    """A text that is JSON of another form, or else code."""
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return Code(source=text)


def _functional(item: Object, field: str, number: int) -> Call:
    """LiveCodeBench: the arguments one a line, each as JSON; the result as JSON."""
    lines = _text(_first(item, _INPUT), field, number, "input").strip().split("\n")
    try:
        args = tuple(json.loads(line) for line in lines)
        return Call(args=args, expected=json.loads(_text(_first(item, _OUTPUT), field, number, "output")))
    except (ValueError, RecursionError):
        text = f"test {number} of field {field!r} is functional, but not JSON line by line."
        raise bad_row("bad_tests", field, text) from None


def _call(item: Object, field: str, number: int) -> Call:
    keys = [key for key in (*_INPUT, "kwargs") if item.get(key) is not None]
    if not keys and not any(key in item for key in _INPUT):
        found = ", ".join(sorted(item)) or "nothing"
        raise bad_row(
            "bad_tests", field, f"test {number} of field {field!r} has no input, args or kwargs (it has {found})."
        )
    expected = next((item[key] for key in _OUTPUT if key in item), UNKNOWN)
    given: Value = next((item[key] for key in _INPUT if key in item), [])
    call = _called_with(given, expected)
    kwargs = item.get("kwargs")
    return (
        call if not isinstance(kwargs, dict) else Call(args=call.args, kwargs=tuple(kwargs.items()), expected=expected)
    )


def _called_with(given: Value, expected: Value) -> Call:
    if isinstance(given, dict):
        return Call(args=(), kwargs=tuple(given.items()), expected=expected)
    return Call(args=tuple(given) if isinstance(given, list) else (given,), expected=expected)


def _script(item: Object, field: str, number: int) -> StdioCase:
    given = next((item[key] for key in ("stdin", *_INPUT) if item.get(key) is not None), "")
    expected = next((item[key] for key in ("stdout", *_OUTPUT) if item.get(key) is not None), None)
    return StdioCase(stdin=_lines(given, field, number), expected=_lines(expected, field, number))


def _lines(value: Value, field: str, number: int) -> str:
    text = _text_of(value)
    return _text(value, field, number, "a text to read and one to print") if text is None else text


def _text_of(value: Value) -> str | None:
    """A text, or a list of lines; None for other values."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return value if isinstance(value, str) else None


def _has_lists(calls: Sequence[Call]) -> bool:
    """Whether a list is expected, or is somewhere in what is: it may stand for a tuple."""
    left: list[Value] = [call.expected for call in calls]
    while left:
        value = left.pop()
        if isinstance(value, list):
            return True
        if isinstance(value, dict):
            left += value.values()
    return False


def _all_texts(items: Sequence[Object]) -> bool:
    return all(isinstance(_first(item, keys), str) for item in items for keys in (_INPUT, _OUTPUT))


def _text(value: Value, field: str, number: int, what: str) -> str:
    if not isinstance(value, str):
        raise bad_row("bad_tests", field, f"test {number} of field {field!r} must have {what} as text.")
    return value


def _first(item: Object, keys: Sequence[str]) -> Value:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _names(items: Sequence[Object]) -> tuple[str, ...]:
    """The tests' own names where each has one and no two the same, else their places."""
    own = [str(_first(item, _NAME)) for item in items if _first(item, _NAME) is not None]
    return tuple(own) if len(own) == len(set(own)) == len(items) else numbers(len(items))
