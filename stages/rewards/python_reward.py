"""The source `py:module:function`: code of the user, called in worker processes.

Which forms a function may have is in python_adapters.py. The code is trusted as any script that one runs oneself: a
worker has a deadline, but no sandbox.
"""

import hashlib
import sys
from difflib import get_close_matches
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from stages.core.errors import ConfigError
from stages.rewards.item import Reward
from stages.rewards.pooled import PooledReward
from stages.rewards.source_options import SourceOptions
from stages.rewards.workers import WorkerPool

_HASH_DIGITS: Final = 12


def open_python(argument: str, sources: SourceOptions) -> Reward:
    """Open `module:function`, found in --py-path or the working directory before anything installed.

    The name carries the hash of that module's source, not of what it imports. One worker is started at once, so that
    code that cannot be imported raises ConfigError here.
    """
    module, _, function = argument.partition(":")
    folder = (sources.py_path or Path.cwd()).expanduser().resolve()
    if not folder.is_dir():
        raise ConfigError(f"--py-path {sources.py_path} is no folder; name the one that holds {module}.")
    name = f"py:{argument}#{_source_hash(module, folder)}"
    pool = WorkerPool(
        "stages.rewards.python_adapters:open_python_function",
        arguments={"module": module, "function": function},
        workers=sources.reward_workers,
        seconds=sources.reward_seconds,
        folder=str(folder),
    )
    try:
        pool.check()
    except ConfigError:
        pool.close()
        raise
    return PooledReward(name, None, pool)


def _source_hash(module: str, folder: Path) -> str:
    """Of the module's file, which is found without importing anything."""
    path = [str(folder), *sys.path]
    origin = None
    parts = module.split(".")
    for number in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: number + 1]), path)
        if spec is None:
            raise ConfigError(_not_found(module, parts[number], path[0]))
        path, origin = list(spec.submodule_search_locations or []), spec.origin
        if not path and number + 1 < len(parts):
            raise ConfigError(f"py:{module}: {'.'.join(parts[: number + 1])} is a module, not a package of modules.")
    if origin is None or not Path(origin).is_file():
        raise ConfigError(
            f"py:{module}: a folder without __init__.py is no module; name the file in it that has the code."
        )
    return hashlib.sha256(Path(origin).read_bytes()).hexdigest()[:_HASH_DIGITS]


def _not_found(module: str, part: str, folder: str) -> str:
    known = sorted(file.stem for file in Path(folder).glob("*.py"))
    close = get_close_matches(part, known, n=1)
    meant = f"did you mean {close[0]}?" if close else "give the folder that holds it as --py-path."
    return f"The module {module} of py: is neither in {folder} nor installed; {meant}"
