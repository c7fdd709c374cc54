"""What is settled before anything is scored: the principles, and which columns hold the responses."""

import difflib
import hashlib
from typing import NamedTuple

from stages.core.errors import ConfigError, DataError, InputMissing
from stages.core.options import parse_map
from stages.core.runner import reading
from stages.core.slices import read
from stages.core.sources import Plan
from stages.score.config import ScoreConfig
from stages.score.principles import PrincipleSet, from_options
from stages.score.principles_file import parse_principles
from stages.score.reading import CONSUMED, detect_layout


class FoundPrinciples(NamedTuple):
    """Where principles come from, and the hash of the file that they stand in, if they do."""

    principles: PrincipleSet
    file_hash: str | None


def find_principles(config: ScoreConfig) -> FoundPrinciples:
    """The principles that the options name.

    Raises:
        InputMissing, DataError: there is no such file, or it cannot be read. ConfigError: a mistake in it, or weights
        that are not asked for, or the reverse.
    """
    path = config.principles_file
    if config.principle or path is None:
        return FoundPrinciples(from_options(config.principle), None)
    try:
        content = path.read_bytes()
        found = parse_principles(content.decode("utf-8-sig"), str(path))
    except FileNotFoundError as error:
        raise InputMissing(f"--principles-file {path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"--principles-file {path} is not UTF-8 text; convert it, for example with iconv.") from error
    except OSError as error:
        raise DataError(f"--principles-file {path} cannot be read: {error.strerror}.") from error
    if found.weighted and config.aggregate != "weighted":
        raise ConfigError(f"{path} has weights, which only --aggregate weighted uses; say so, or write a list.")
    if config.aggregate == "weighted" and not found.weighted:
        raise ConfigError(f"{path} has no weights for --aggregate weighted; write YAML lines `principle: weight`.")
    return FoundPrinciples(found, hashlib.sha256(content).hexdigest())


def find_layout(config: ScoreConfig, plan: Plan) -> str:
    """The layout of the input.

    Raises:
        DataError: no row can be read, or no column holds responses. ConfigError: --map names a column of no use.
    """
    if not plan.sample:
        row = next(read(plan.slices[0], reading(config.run)))
        assert row.problem is not None
        where = f"{row.file}:{row.row}: {row.problem.error}"
        raise DataError(f"None of the {plan.rows:,} rows can be read; the first, {where}")
    known = sorted({"principle", "domain"}.union(*CONSUMED.values()))
    for ours in parse_map(config.run.map):
        if ours not in known:
            near = difflib.get_close_matches(ours, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Columns to map to are {', '.join(known)}."
            raise ConfigError(f"--map {ours}=... names no column that this command reads. {hint}")
    return detect_layout(plan.columns.names(), plan.inputs[0].name)


def ignored_options(config: ScoreConfig, model: str) -> str | None:
    """The warning for principles given to a model that reads none; None where none are.

    Raises:
        ConfigError: principles are to be combined.
    """
    if config.aggregate != "none":
        raise ConfigError(f"--aggregate {config.aggregate} has no meaning for {model}, which reads no principles.")
    options = {"--principle": config.principle, "--principles-file": config.principles_file}
    given = [name for name, value in options.items() if value]
    if not given:
        return None
    return f"{model} reads no principles: every response gets one score, and {' and '.join(given)} is ignored."
