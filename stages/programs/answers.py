"""The program in an answer: where its code is, and whether it stands alone or continues the code of its prompt.

The rule, for an entry point that is known:

1. Text that parses and defines the entry point is the program.
2. Else, of a text with markdown fences, the block that `fences.py` chooses goes on as the text.
3. Text that parses and defines the entry point is the program; so is text that does so without its indentation.
4. Else, where the prompt's code defines the entry point, prompt and text are the program, the text cut at the first
   of the `stop` texts.
5. Else the text is the program, broken as it may be.

Text without fences that begins at the margin and has no line that looks like code is prose: then there is no program.

Programs of rule 2 and 3 get what the prompt's code has before the entry point, imports and auxiliary functions, where
they read a name that only the prompt binds.
"""

import ast
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from stages.programs import fences, syntax


class Stub(NamedTuple):
    """The code in a prompt: as text, to be continued, and as the tree of what parses of it."""

    text: str
    tree: ast.Module


def stub(prompt: str) -> Stub | None:
    """The code that a prompt is or, in its last block, holds; None where it defines no function.

    A function without a body, which waits for its continuation, counts as one that does nothing.
    """
    for text in (prompt, fences.chosen(prompt, None)):
        if text is None:
            continue
        for tree in (syntax.parse(text), syntax.parse(f"{text.rstrip()}\n    pass\n")):
            if tree is not None and syntax.functions(tree):
                return Stub(text, tree)
    return None


def program_in(answer: str, entry_point: str | None, given: Stub | None, stop: Sequence[str]) -> str | None:
    """The program that an answer to a prompt holds, None where it holds no code."""
    try:
        return _program_in(answer, entry_point, given, stop)
    except RecursionError:
        return answer  # nested too deeply to be looked into; the sandbox says what is wrong with it


def whole_program(text: str, entry_point: str | None) -> str | None:
    """A program that is said to be one: as it is, but for markdown fences around it; None where there is nothing."""
    if syntax.parse(text) is None:
        text = fences.chosen(text, entry_point) or text
    return text if text.strip() else None


def callable_as(program: str, entry_point: str) -> str:
    """The program with a function of that name, where it has only a method of its class `Solution`, as on LeetCode."""
    if f"def {entry_point}" not in program or "class Solution" not in program:
        return program
    tree = syntax.parse(program)
    if tree is None or entry_point in syntax.bound(tree.body) or entry_point not in syntax.methods(tree, "Solution"):
        return program
    call = f"return Solution().{entry_point}(*args, **kwargs)"
    return f"{program.rstrip()}\n\n\ndef {entry_point}(*args, **kwargs):\n    {call}\n"


def _program_in(answer: str, entry_point: str | None, given: Stub | None, stop: Sequence[str]) -> str | None:
    if _stands_alone(answer, entry_point):
        return _completed(answer, entry_point, given)
    block = fences.chosen(answer, entry_point)
    text = answer if block is None else block
    if _stands_alone(text, entry_point):
        return _completed(text, entry_point, given)
    moved = textwrap.dedent(text)
    if moved != text and _stands_alone(moved, entry_point) and not _returns(moved):
        return _completed(moved, entry_point, given)
    if block is None and not text.startswith((" ", "\t", "\n", "\r")) and not syntax.looks_like_code(text):
        return None
    if given is not None and entry_point in syntax.functions(given.tree) and text.strip():
        between = "\n" if block is not None and not given.text.endswith("\n") else ""
        return given.text + between + _cut(text, stop)
    return text if block is not None or syntax.looks_like_code(text) else None


def _stands_alone(text: str, entry_point: str | None) -> bool:
    tree = syntax.parse(text)
    if tree is None or not tree.body:
        return False
    if entry_point is None:
        return syntax.looks_like_code(text) or not all(_is_word(part) for part in tree.body)
    return entry_point in syntax.bound(tree.body) or entry_point in syntax.methods(tree, "Solution")


def _returns(text: str) -> bool:
    """Whether the text is the body of a function, which may have a variable of the function's own name."""
    tree = syntax.parse(text)
    return tree is not None and any(isinstance(node, ast.Return) for part in tree.body for node in syntax.own(part))


def _is_word(part: ast.stmt) -> bool:
    """Whether a statement may be prose that happens to parse, such as `Sorry`."""
    return isinstance(part, ast.Expr) and not any(isinstance(node, ast.Call) for node in ast.walk(part))


def _completed(program: str, entry_point: str | None, given: Stub | None) -> str:
    """The program, behind what it needs of the prompt's code."""
    tree = syntax.parse(program)
    if tree is None or given is None:
        return program
    before = [part for part in given.tree.body if not _defines(part, entry_point)]
    if any(isinstance(part, ast.ImportFrom) and part.module == "__future__" for part in tree.body):
        return program  # that line must stay the first
    missing = {name for part in tree.body for name in syntax.read(part)} - syntax.bound(tree.body) - syntax.BUILTINS
    if not missing & syntax.bound(before):
        return program
    return f"{ast.unparse(ast.Module(before, []))}\n\n\n{program}"


def _defines(part: ast.stmt, entry_point: str | None) -> bool:
    return isinstance(part, syntax.Function) and part.name == entry_point


def _cut(text: str, stop: Sequence[str]) -> str:
    ends = [place for place in (text.find(mark) for mark in stop if mark) if place >= 0]
    return text[: min(ends, default=len(text))]
