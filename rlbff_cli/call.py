"""What happens between the name of a command and its end: settle the options, read stdin, run, hand on the result."""

import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from rlbff_cli.pipe import expand_inputs, expand_option, hand_on, stdout_reserved
from rlbff_cli.remote import Named, Places, local_places
from rlbff_cli.settings import check_environment, resolve
from rlbff_cli.signals import interruptible
from rlbff_cli.table import COMMON, CommonOptions, Entry, known_variables, load
from stages.core.errors import ConfigError, RlbffError
from stages.core.options import STDIN


def call(entry: Entry, given: Mapping[str, object]) -> None:
    """Run a command with the options that were typed; every mistake of the user is an RlbffError."""
    if entry.stage:
        _call_stage(entry, given)
    else:
        # The environment and YAML are for stages: RLBFF_LIMIT=100 must not shorten what `cat` prints.
        load(entry.work)(_with_stdin(resolve(load(entry.config), given)))


def _call_stage(entry: Entry, given: Mapping[str, object]) -> None:
    names = {flag.name for flag in COMMON}
    check_environment(os.environ, known_variables())
    common = resolve(CommonOptions, {n: value for n, value in given.items() if n in names}, environ=os.environ)
    own = {n: value for n, value in given.items() if n not in names}
    config = resolve(load(entry.config), own, file=common.config, environ=os.environ)
    with interruptible():
        # Before any heavy import, so that a failed command upstream is noticed at once.
        config = _with_stdin(config)
        with local_places(config) as places:
            report = _run(entry, places, common.log_level)
            while not report.complete and places.gained():
                report = _run(entry, places, common.log_level)
        # Only now is a remote folder finished.
        hand_on(report, as_json=common.json, named=places.named)


def _run(entry: Entry, places: Places, log_level: str) -> Any:  # noqa: ANN401 - a Report of a stage found by name
    from rlbff_cli.console import Console

    console = Console(log_level)
    if log_level == "debug":
        import logging

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    try:
        with stdout_reserved():
            report = load(entry.work)(places.config, progress=Named(console, places))
        console.finish()
    except RlbffError:
        if log_level == "debug":
            traceback.print_exc()
        raise
    finally:
        console.abandon()
    return report


def _with_stdin(config: Any) -> Any:  # noqa: ANN401 - any config with a field `inputs`
    """The config with the paths on stdin where it says `-`: among its inputs, or in one option marked STDIN."""
    hints = get_type_hints(type(config), include_extras=True)
    marked = [name for name, hint in hints.items() if STDIN in getattr(hint, "__metadata__", ())]
    options = {name: f"--{name.replace('_', '-')}" for name in marked if getattr(config, name) == "-"}
    places = (["the inputs"] if "-" in config.inputs else []) + list(options.values())
    if len(places) > 1:
        raise ConfigError(f"- stands for stdin in {' and '.join(places)}; stdin can be read only once.")
    if options:
        ((name, option),) = options.items()
        return replace(config, **{name: expand_option(option, sys.stdin)})
    inputs = expand_inputs(config.inputs, sys.stdin)
    return config if inputs == config.inputs else replace(config, inputs=inputs)
