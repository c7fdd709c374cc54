"""Options that several stages share, as frozen dataclasses which a stage's config holds as fields.

The command line and the YAML file show nested groups flat: `run.workers` is `--workers` and `workers:`. An option's
help text is the first string in its `Annotated`; a string that begins with "-" is a short flag; `OPERATIONAL` marks
an option that cannot change a byte of the result and is therefore left out of the fingerprint; `POSITIONAL` one that is
typed by its place before the inputs, without a name; `STDIN` a path for which `-` may be written; `Panel` names the
heading under which `--help` lists a group. `lambda_` is the option `--lambda`.
Imports nothing but the standard library and the error tree.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import PurePath
from typing import Annotated, Final, Literal, get_type_hints

from stages.core.errors import ConfigError

OPERATIONAL: Final = object()
"""Marker in an option's `Annotated`: how the work is done, not what comes out."""

POSITIONAL: Final = object()
"""Marker in an option's `Annotated`: a word of the command line that stands before the inputs."""


STDIN: Final = object()
"""Marker in an option's `Annotated`: a path; `-` stands for the one path on stdin, as it does among the inputs."""


@dataclass(frozen=True)
class Panel:
    """Marker in a nested group's `Annotated`: the heading of the group in `--help`."""

    title: str


def check_range(name: str, value: float | None, low: float, high: float | None = None) -> None:
    """Raise ConfigError unless `low` <= value (<= `high`); None passes."""
    if value is None or (value >= low and (high is None or value <= high)):
        return
    bound = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
    raise ConfigError(f"--{name.replace('_', '-')} is {value:g}; it must be {bound}.")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a map-like stage runs: which part of the input, with how many processes, and what it may overwrite."""

    limit: Annotated[int | None, "Read only the first N rows of the input."] = None
    seed: Annotated[int, "Seed of everything that draws random numbers."] = 0
    rows_per_shard: Annotated[int, "Rows of input that make one output shard."] = 10_000
    max_row_bytes: Annotated[int, "Longest input row in bytes; a longer one is rejected."] = 16 * 2**20
    map: Annotated[tuple[str, ...], "Column names: ours=theirs, comma-separated or repeated."] = ()
    shard: Annotated[str | None, "Do share i of n (1/4 ... 4/4), or `auto` under a scheduler.", OPERATIONAL] = None
    workers: Annotated[int | None, "Worker processes; default: one a core for CPU work, else 1.", OPERATIONAL] = None
    runner: Annotated[Literal["local", "ray"], "Where shards are worked on.", OPERATIONAL] = "local"
    ray_address: Annotated[str | None, "Ray cluster: HOST:PORT or auto; default: one of its own.", OPERATIONAL] = None
    resume: Annotated[bool, "Keep finished shards of the same configuration.", OPERATIONAL] = True
    retry_rejected: Annotated[bool, "Do shards again that rejected rows.", OPERATIONAL] = False
    overwrite: Annotated[bool, "Replace an output folder of another configuration.", OPERATIONAL] = False
    dry_run: Annotated[bool, "Say what would be read and written, then stop.", OPERATIONAL] = False
    max_failed: Annotated[float, "Share of rejected rows above which the exit code is 3.", OPERATIONAL] = 0.01

    def __post_init__(self) -> None:
        check_range("limit", self.limit, 1)
        check_range("rows_per_shard", self.rows_per_shard, 1)
        check_range("max_row_bytes", self.max_row_bytes, 1024)
        check_range("workers", self.workers, 1)
        check_range("max_failed", self.max_failed, 0, 1)
        parse_map(self.map)
        parse_shard(self.shard, {})
        self._check_runner()

    def _check_runner(self) -> None:
        address = self.ray_address
        if self.runner != "ray":
            if address is not None:
                raise ConfigError(f"--ray-address {address} has no meaning without --runner ray.")
            return
        if address is not None and address != "auto" and not re.fullmatch(r"[^\s/]+:\d{1,5}", address):
            raise ConfigError(
                f"--ray-address is {address!r}; write HOST:PORT or auto, on a machine that belongs to the cluster."
            )
        if find_spec("ray") is None:
            raise ConfigError("--runner ray needs Ray, which is an extra: pip install 'rlbff[ray]'")


def parse_map(pairs: tuple[str, ...]) -> dict[str, str]:
    """Turn `("prompt=question,completion=answer",)` into `{"prompt": "question", "completion": "answer"}`."""
    result: dict[str, str] = {}
    for pair in (piece.strip() for text in pairs for piece in text.split(",") if piece.strip()):
        ours, sign, theirs = pair.partition("=")
        if not (sign and ours and theirs):
            raise ConfigError(f"--map {pair!r} is not of the form ours=theirs, for example prompt=question.")
        if ours in result:
            raise ConfigError(f"--map names the column {ours!r} twice.")
        if theirs in result.values():
            raise ConfigError(f"--map gives the column {theirs!r} to two; a column has one name in the result.")
        result[ours] = theirs
    return result


_SCHEDULERS: Final = (
    # index variable, count variable, value of the first index
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),
    ("SLURM_PROCID", "SLURM_NTASKS", "0"),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", "1"),
    ("RANK", "WORLD_SIZE", "0"),
)


def parse_shard(text: str | None, environ: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Return (share counted from 0, number of shares) for `--shard`; `auto` asks the scheduler's variables.

    With an empty `environ`, `auto` is accepted unread: that is the check of form alone.
    """
    if text is None:
        return 0, 1
    if text == "auto":
        return _scheduler_share(os.environ if environ is None else environ)
    index, sign, count = text.partition("/")
    if not (sign and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise ConfigError(f"--shard is {text!r}; write i/n with 1 <= i <= n, for example 1/4, or auto.")
    return int(index) - 1, int(count)


def _scheduler_share(environ: Mapping[str, str]) -> tuple[int, int]:
    for index_name, count_name, first in _SCHEDULERS:
        if index_name in environ and count_name in environ:
            start = int(first if first.isdecimal() else environ.get(first, "0"))
            return int(environ[index_name]) - start, int(environ[count_name])
    if environ:
        names = ", ".join(name for name, _, _ in _SCHEDULERS)
        raise ConfigError(f"--shard auto finds no scheduler: none of {names} is set. Write --shard i/n.")
    return 0, 1


@dataclass(frozen=True, kw_only=True)
class LlmOptions:
    """Which language model answers, and what it may cost.

    Where the model is asked is operational; a stage adds the model's own name to the fingerprint.
    """

    llm: Annotated[
        str | None,
        "OpenAI-compatible URL (http://host:8000/v1), local:MODEL (hub id or folder), or rules.",
        OPERATIONAL,
    ] = None
    llm_model: Annotated[str | None, "Model name at the URL; default: the only one the server lists.", OPERATIONAL] = (
        None
    )
    temperature: Annotated[float, "Sampling temperature."] = 0.0
    max_reply_tokens: Annotated[int, "Longest answer in tokens."] = 2048
    concurrency: Annotated[int, "Calls under way at once.", OPERATIONAL] = 32
    timeout: Annotated[float, "Seconds to wait for one answer.", OPERATIONAL] = 120.0
    max_retries: Annotated[int, "Further tries after 429, 5xx or a timeout.", OPERATIONAL] = 6
    max_cost: Annotated[float | None, "Stop (exit 75) when the calls cost this much, in USD.", OPERATIONAL] = None
    max_tokens: Annotated[int | None, "Stop (exit 75) after this many tokens in and out.", OPERATIONAL] = None
    price_in: Annotated[float | None, "USD per million prompt tokens.", OPERATIONAL] = None
    price_out: Annotated[float | None, "USD per million answer tokens.", OPERATIONAL] = None

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 0, 2)
        check_range("max_reply_tokens", self.max_reply_tokens, 1)
        check_range("concurrency", self.concurrency, 1, 4096)
        check_range("timeout", self.timeout, 0.001)
        check_range("max_retries", self.max_retries, 0, 100)
        check_range("max_cost", self.max_cost, 0)
        check_range("max_tokens", self.max_tokens, 1)
        check_range("price_in", self.price_in, 0)
        check_range("price_out", self.price_out, 0)
        if self.max_cost is not None and (self.price_in is None or self.price_out is None):
            raise ConfigError("--max-cost needs --price-in and --price-out (USD per million tokens).")


def flat(config: object) -> dict[str, object]:
    """All options of `config` by their names in the YAML file, nested groups merged in, as YAML can hold them."""
    result: dict[str, object] = {}
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if hasattr(type(value), "__dataclass_fields__"):
            result |= flat(value)
        else:
            result[field.name.removesuffix("_")] = _storable(value)
    return result


def _storable(value: object) -> object:
    if isinstance(value, tuple):
        return [_storable(item) for item in value]
    if isinstance(value, PurePath):
        return _recorded(str(value))
    return re.sub(r"//[^/@]*@", "//", _recorded(value)) if isinstance(value, str) else value


_RECORDED_AS: Final[dict[str, str]] = {}


@contextmanager
def recorded_as(path: str, name: str) -> Iterator[None]:
    """While the block runs, let `name` stand in records for `path`, which is a local copy of what the user named."""
    _RECORDED_AS[path] = name
    try:
        yield
    finally:
        _RECORDED_AS.pop(path, None)


def _recorded(text: str) -> str:
    for path, name in _RECORDED_AS.items():
        text = text.replace(path, name)
    return text


def identity(config: object) -> dict[str, object]:
    """The options of `config`, flat, that can change the result: everything not marked OPERATIONAL.

    Nested option groups are merged in; the names are those of the YAML file.
    """
    values = flat(config)
    return {name: values[name] for name in _decisive(type(config))}


def _decisive(config: type) -> Iterator[str]:
    for name, hint in get_type_hints(config, include_extras=True).items():
        inner = getattr(hint, "__origin__", hint)
        if hasattr(inner, "__dataclass_fields__"):
            yield from _decisive(inner)
        elif OPERATIONAL not in getattr(hint, "__metadata__", ()):
            yield name.removesuffix("_")
