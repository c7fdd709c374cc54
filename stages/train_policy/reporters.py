"""Figures of a run for those who watch elsewhere: TensorBoard, Weights & Biases, Trackio.

What is stored of a run does not depend on them. All work without a network: TensorBoard writes into the run's folder,
Weights & Biases too unless WANDB_MODE=online says otherwise (`wandb sync` sends it later), Trackio into its own cache.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from stages.core.errors import ConfigError

PROJECT: Final = "rlbff"


class Reporter:
    """Tells every service that was named; one that was not is not imported."""

    def __init__(self, sinks: Sequence["_Sink"]) -> None:
        self._sinks = sinks

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Tell the figures of a step, by name; steps never fall."""
        for sink in self._sinks:
            sink.log(step, values)

    def close(self) -> None:
        """Finish what was begun at every service."""
        for sink in self._sinks:
            sink.close()


class _Sink(NamedTuple):
    """One service."""

    log: Callable[[int, Mapping[str, float]], None]
    close: Callable[[], None]


def open_reporters(names: Sequence[str], folder: Path, run_name: str, config: Mapping[str, object]) -> Reporter:
    """Begin a run at each service of `names`: tensorboard, wandb or trackio; repetitions count once.

    `folder` holds what is written here, a folder for each service. `config` is told once. Raises ConfigError naming
    the pip package where one is missing.
    """
    opened = {"tensorboard": _tensorboard, "wandb": _wandb, "trackio": _trackio}
    return Reporter([opened[name](folder / name, run_name, config) for name in dict.fromkeys(names)])


def _tensorboard(folder: Path, run_name: str, config: Mapping[str, object]) -> _Sink:
    module = _imported("tensorboard", "torch.utils.tensorboard")
    writer = module.SummaryWriter(str(folder))
    writer.add_text("config", f"```json\n{_json(config)}\n```")

    def log(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        # Who watches a run wants its last step, also of a run that is killed.
        writer.flush()

    return _Sink(log, writer.close)


def _wandb(folder: Path, run_name: str, config: Mapping[str, object]) -> _Sink:
    module = _imported("wandb", "wandb")
    folder.mkdir(parents=True, exist_ok=True)
    run = module.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=run_name,
        dir=str(folder),
        config=json.loads(_json(config)),
        # Without a login its own default asks for one, and a run on a cluster would wait for the answer.
        mode=os.environ.get("WANDB_MODE", "offline"),
    )
    return _Sink(lambda step, values: run.log(dict(values), step=step), run.finish)


def _trackio(folder: Path, run_name: str, config: Mapping[str, object]) -> _Sink:
    module = _imported("trackio", "trackio")
    _said_on_stderr(lambda: module.init(project=PROJECT, name=run_name, config=json.loads(_json(config))))
    return _Sink(
        lambda step, values: _said_on_stderr(lambda: module.log(dict(values), step=step)),
        lambda: _said_on_stderr(module.finish),
    )


def _said_on_stderr(act: Callable[[], Any]) -> None:
    """Do what prints on stdout, which belongs to the path of the finished folder."""
    with redirect_stdout(sys.stderr):
        act()


def _imported(service: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"--report-to {service} needs the package {service}, which is not installed ({error}); "
            f"run pip install {service}."
        ) from error


def _json(config: Mapping[str, object]) -> str:
    return json.dumps(config, indent=2, sort_keys=True, default=str)
