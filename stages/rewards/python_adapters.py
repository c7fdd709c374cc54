"""How a user's function is called for one completion. Which of three forms it has is read from its parameters.

completions           TRL: `f(prompts, completions, completion_ids, **columns) -> list[float | None]`, with lists of one
solution_str          verl: `compute_score(data_source, solution_str, ground_truth, extra_info) -> float | dict`
anything else         ours: `f(completion, reference=..., prompt=..., **columns) -> float | None`, of which a function
                      takes the parameters that it names; `**columns` takes all

Columns are those of the row, with id, principle, reference and ground_truth (the same). Prompts are lists of messages.
Runs in a worker process.
"""

import importlib
import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import reduce
from types import ModuleType
from typing import Any

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem
from stages.rewards.worker_main import Scorer, one_line

Function = Callable[..., Any]


def open_python_function(arguments: Mapping[str, object]) -> Scorer:
    """The scorer of `module` and `function`. Raises ConfigError, with the line at fault, where they cannot be had."""
    module, name = str(arguments["module"]), str(arguments["function"])
    function = _found(_imported(module), module, name)
    if not callable(function):
        raise ConfigError(f"{name} in {module} is no function; name one that gives a number for a completion.")
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"{name} in {module} is async; rewards call plain functions, so wrap it in asyncio.run.")
    return adapted(function)


def adapted(function: Function) -> Scorer:
    """The function as a scorer of items."""
    parameters = inspect.signature(function).parameters
    if "completions" in parameters:
        return lambda item: _by_trl(function, item)
    if "solution_str" in parameters:
        return lambda item: _by_verl(function, item)
    return lambda item: _by_ours(function, item)


def _by_ours(function: Function, item: RewardItem) -> Any:  # noqa: ANN401 - what a user's function gives is not known
    columns = _taken(function, {**_columns(item), "prompt": _messages(item)})
    columns.pop(next(iter(inspect.signature(function).parameters), ""), None)
    return function(item.completion, **columns)


def _by_trl(function: Function, item: RewardItem) -> Any:  # noqa: ANN401
    columns: dict[str, object] = {name: [value] for name, value in _columns(item).items()}
    columns |= {
        "prompts": [_messages(item)],
        "completions": [[{"role": "assistant", "content": item.completion}]],
        "completion_ids": [list(item.completion_ids)],
        "trainer_state": None,
        "log_extra": lambda *values: None,
        "log_metric": lambda *values: None,
    }
    values = function(**_taken(function, columns))
    if not isinstance(values, list | tuple) or len(values) != 1:
        raise TypeError(f"gave {type(values).__name__}, not a list with one value for the one completion")
    return values[0]


def _by_verl(function: Function, item: RewardItem) -> Any:  # noqa: ANN401
    extra = item.extra.get("extra_info")
    if isinstance(extra, str):
        extra = json.loads(extra)
    fields = {
        **_columns(item),
        "data_source": item.extra.get("data_source"),
        "solution_str": item.completion,
        "extra_info": extra,
    }
    value = function(**_taken(function, fields))
    if isinstance(value, dict):
        if "score" not in value:
            raise TypeError(f"gave a dict without score; its keys are {', '.join(map(str, value)) or 'none'}")
        return value["score"]
    return value


def _columns(item: RewardItem) -> dict[str, object]:
    ours = {
        "id": item.extra.get("id", item.id),
        "principle": item.principle,
        "reference": item.reference,
        "ground_truth": item.reference,
    }
    return {**ours, **item.extra}


def _messages(item: RewardItem) -> list[dict[str, str]]:
    return [message._asdict() for message in item.messages]


def _taken(function: Function, values: Mapping[str, object]) -> dict[str, object]:
    """The values that the function has parameters for; what it lacks is left to the call, which names it."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        positional = {name for name, parameter in parameters.items() if parameter.kind is parameter.POSITIONAL_ONLY}
        return {name: value for name, value in values.items() if name not in positional}
    return {name: value for name, value in values.items() if name in parameters}


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of other people's code
        frames = traceback.extract_tb(error.__traceback__)
        file, line = (
            (error.filename, error.lineno)
            if isinstance(error, SyntaxError)
            else (frames[-1].filename, frames[-1].lineno)
        )
        place = "" if file is None or file.startswith("<frozen") else f", {file}, line {line}"
        raise ConfigError(f"The module {module} of py: cannot be imported ({one_line(error)}{place}).") from None


def _found(module: ModuleType, module_name: str, name: str) -> Any:  # noqa: ANN401
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError:
        close = get_close_matches(name, [known for known in dir(module) if not known.startswith("_")], n=1)
        meant = f"did you mean {close[0]}?" if close else "define it there, or name another."
        raise ConfigError(f"The module {module_name} has no function {name}; {meant}") from None
