"""Tests as a model proposes them, read strictly: what is one goes on, what is none costs nothing but a count.

Nothing of a proposal is ever executed here. Inputs are plain data; an assertion is code, which is looked at as a tree
and let through only where it can do nothing but call the entry point and compare: it shares a process with other tests,
which it must not be able to change. Even so it runs in the sandbox alone.
"""

import ast
import builtins
import json
import warnings
from collections.abc import Callable, Container
from typing import Final, NamedTuple

from stages.sandbox.codec import NotPlain, encode
from stages.sandbox.frames import Value
from stages.sandbox.jobs import Case, StdioCase
from stages.verify_code.answer_json import is_storable, object_in, shown
from stages.verify_code.augment_prompt import LIST, Kind

LARGEST: Final = 64 << 10
"""Bytes of one proposal as JSON."""

_PURE: Final = frozenset(
    {"abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter", "float"}
    | {"frozenset", "hex", "int", "isinstance", "len", "list", "map", "max", "min", "oct", "ord", "pow", "range"}
    | {"repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip"}
)
_ALLOWED: Final = (
    *(ast.Assert, ast.Expression, ast.BoolOp, ast.boolop, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop),
    *(ast.Compare, ast.cmpop, ast.Call, ast.keyword, ast.Constant, ast.Name, ast.expr_context, ast.Starred),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.Slice, ast.IfExp, ast.JoinedStr, ast.FormattedValue),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
)


class Proposal(NamedTuple):
    """One proposed test: `text` for people, equal for equal proposals, and what is run."""

    text: str
    content: Case | StdioCase | str


class Parsed(NamedTuple):
    """Proposals of one answer, and how many were none: no test, too large, there already, or more than asked for."""

    proposals: list[Proposal]
    unparsable: int = 0
    oversized: int = 0
    duplicate: int = 0
    surplus: int = 0


def check_answer(kind: Kind) -> Callable[[str], object]:
    """The check of an answer's form: raises ValueError unless it is an object with a list; items are not looked at."""
    return lambda text: _items(text, kind)


def parse_proposals(text: str, kind: Kind, *, entry_point: str | None, wanted: int, existing: Container[str]) -> Parsed:
    """The proposals of an answer that passes `check_answer`; `existing` holds the texts of the tests that there are.

    At most `wanted` are taken; what follows them is not looked at.
    """
    items = _items(text, kind)
    proposals: dict[str, Proposal] = {}
    unparsable = oversized = duplicate = 0
    for item in items[:wanted]:
        try:
            if len(json.dumps(item)) > LARGEST:
                oversized += 1
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # escapes and comparisons in foreign code are not our business
                proposal = _READERS[kind](item, entry_point or "")
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, NotPlain):
            unparsable += 1
            continue
        if proposal.text in proposals or proposal.text in existing:
            duplicate += 1
        else:
            proposals[proposal.text] = proposal
    return Parsed(list(proposals.values()), unparsable, oversized, duplicate, max(0, len(items) - wanted))


def call_text(entry_point: str, arguments: tuple[Value, ...], keywords: tuple[tuple[str, Value], ...] = ()) -> str:
    """A call as people write it. Raises ValueError for a number of too many digits."""
    named = [f"{name}={value!r}" for name, value in keywords]
    return f"{entry_point}({', '.join([*map(repr, arguments), *named])})"


def stdin_text(stdin: str) -> str:
    """A script's input as it is told from others."""
    return f"stdin {stdin!r}"


def _items(text: str, kind: Kind) -> list[object]:
    items = object_in(text, (LIST[kind],))[LIST[kind]]
    if not isinstance(items, list):
        raise ValueError(f"{LIST[kind]} is {shown(items)}, not a list")
    return items


def _arguments(item: object, entry_point: str) -> Proposal:
    values = ast.literal_eval(item.strip()) if isinstance(item, str) else item
    if not isinstance(values, list | tuple):
        raise ValueError("an input is the list of a call's arguments")
    arguments = tuple(values)
    encode(list(arguments))  # only what can cross into the sandbox
    return Proposal(_storable(call_text(entry_point, arguments)), Case(args=arguments))


def _stdin(item: object, _: str) -> Proposal:
    if not isinstance(item, str):
        raise ValueError("an input is a text")
    return Proposal(stdin_text(_storable(item)), StdioCase(stdin=item, expected=""))


def _run(item: object, _: str) -> Proposal:
    if not isinstance(item, dict) or set(item) != {"stdin", "stdout"}:
        raise ValueError("a run has stdin and stdout")
    stdin, stdout = item["stdin"], item["stdout"]
    if not isinstance(stdin, str) or not isinstance(stdout, str) or not stdout.strip():
        raise ValueError("stdin and stdout are texts, and something is printed")
    return Proposal(stdin_text(_storable(stdin)), StdioCase(stdin=stdin, expected=_storable(stdout)))


def _assertion(item: object, entry_point: str) -> Proposal:
    if not isinstance(item, str):
        raise ValueError("an assertion is a text")
    tree = ast.parse(_storable(item).strip())
    match tree.body:
        case [ast.Assert(msg=None) as statement] if _is_harmless(statement, entry_point):
            text = ast.unparse(statement)
            compile(text, "<proposal>", "exec", dont_inherit=True)  # what parses alone would spoil its whole suite
        case _:
            raise ValueError("not one assertion that calls the entry point and does nothing else")
    return Proposal(text, text)


def _is_harmless(statement: ast.Assert, entry_point: str) -> bool:
    """Whether the entry point is called, and every node is of a kind that changes nothing outside the assertion."""
    entries = (entry_point, "candidate")
    return any(_calls(node, entries) for node in ast.walk(statement)) and all(
        _is_allowed(node, entries) for node in ast.walk(statement)
    )


def _calls(node: ast.AST, entries: Container[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in entries


def _is_allowed(node: ast.AST, entries: Container[str]) -> bool:
    if isinstance(node, ast.Name):
        # what is neither built in nor special can only come from the set-up, which is not the model's
        is_ours = not (hasattr(builtins, node.id) or node.id.startswith("__"))
        return node.id in _PURE or node.id in entries or is_ours
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "math" and not node.attr.startswith("_")
    return isinstance(node, _ALLOWED)


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("half a surrogate pair")
    return text


_READERS: Final[dict[Kind, Callable[[object, str], Proposal]]] = {
    "arguments": _arguments,
    "stdin": _stdin,
    "assertions": _assertion,
    "runs": _run,
}
