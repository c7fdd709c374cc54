"""Rows and examples for tests."""

from typing import Any

from stages.core.rows import Problem
from stages.train_rm.examples import Comparison, Example, find_layouts, read_row


def row(
    prompt: Any = "Hi", completion: Any = "Hello.", principle: Any = "clarity", label: Any = True, **more: Any
) -> Any:
    """One row of the principles table."""
    return {"id": "1", "prompt": prompt, "completion": completion, "principle": principle, "label": label, **more}


def read(value: dict[str, Any], place: int = 0) -> Example | Comparison | Problem | None:
    """What a row is by its own columns."""
    return read_row(value, place, find_layouts(value, "x.jsonl", pairs=True))


def example(prompt: Any, completion: Any, principle: str, label: Any, place: int = 0, **more: Any) -> Example:
    """A row that is an example."""
    found = read(row(prompt, completion, principle, label, **more), place)
    assert isinstance(found, Example), found
    return found


def examples(*rows: tuple[Any, ...]) -> list[Example]:
    """(prompt, completion, principle, label) each, at places 0, 1, ..."""
    return [example(*one, place=place) for place, one in enumerate(rows)]


def comparison(place: int = 0, **value: Any) -> Comparison:
    """A row that is a comparison."""
    found = read({"id": "1", **value}, place)
    assert isinstance(found, Comparison), found
    return found
