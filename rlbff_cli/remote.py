"""Options of a stage that name folders of a store by URL: made local before the run, and named as typed in all it says.

How folders travel is the business of stages/core/remote.py.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rlbff_cli.terminal import say_note
from stages.core.errors import ConfigError, OutputError, RlbffError
from stages.core.options import parse_shard, recorded_as
from stages.core.progress import Progress

if TYPE_CHECKING:
    from stages.core.mirror import Mirror

T = TypeVar("T")

_SOURCE: Final = re.compile(r"(rm:|genrm:|local:)?(.*?)(@[-+.\de]+)?")
_HERE: Final = ("inputs", "out")
"""Options that are no folders to fetch: inputs are read where they lie, and --out is pushed."""


class Places:
    """The config of a run with local paths in it, and what these are called."""

    def __init__(self, config: Any) -> None:  # noqa: ANN401 - the dataclass of any stage
        self.config = config
        self.mirror: Mirror | None = None
        self._names: dict[str, str] = {}

    def named(self, value: T) -> T:
        """A text, or texts in lists and mappings, with the URLs in place of local copies."""
        if isinstance(value, str | PurePath):
            text = str(value)
            for path, url in self._names.items():
                text = text.replace(path, url)
            return text if text != str(value) else value  # type: ignore[return-value]
        if isinstance(value, Mapping):
            return {key: self.named(item) for key, item in value.items()}  # type: ignore[return-value]
        if isinstance(value, list | tuple):
            return [self.named(item) for item in value]  # type: ignore[return-value]
        return value

    def call(self, path: Path, url: str) -> None:
        """Let `url` stand for a local path."""
        self._names[str(path)] = url

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Let errors that pass through name what the user typed."""
        try:
            yield
        except RlbffError as error:
            error.args = tuple(map(self.named, error.args))
            raise

    def gained(self) -> bool:
        """Push, pull what other shares have done, and say whether another call of the stage can go further."""
        if self.mirror is None or parse_shard(self.config.run.shard)[1] == 1 or self.config.run.dry_run:
            return False
        before = self.mirror.full()
        self.mirror.push(last=True)
        self.mirror.pull()
        return self.mirror.full() > before


@contextmanager
def local_places(config: Any) -> Iterator[Places]:  # noqa: ANN401 - the dataclass of any stage
    """Hold local copies of the folders that a config names by URL; at the end of the block --out is pushed.

    Raises as `mirrored` and `localised` in stages/core/remote.py.
    """
    places = Places(config)
    if re.fullmatch(r"(s3|gs|gcs|az|abfss?):/*", str(config.out), re.IGNORECASE):
        raise ConfigError(f"--out {config.out}// names no bucket; write it, as in s3://bucket/folder.")
    with places.naming(), ExitStack() as stack:
        if _mentions_url(config):
            from stages.core.remote import mirrored, url_of

            places.config = _each_option(config, lambda text: _fetched(text, places, stack))
            if (url := url_of(config.out)) is not None:
                _check_apart(config.inputs, url)
                share, shares = parse_shard(config.run.shard)
                part = "" if shares == 1 else f"{share + 1}/{shares}"
                writing = not config.run.dry_run
                places.mirror = stack.enter_context(mirrored(url, share=part, writing=writing, warn=say_note))
                places.call(places.mirror.root, places.mirror.store.url)
                places.config = replace(places.config, out=places.mirror.root)
        yield places


@contextmanager
def viewed_folders(names: tuple[str, ...], wanted: str = "(?!)") -> Iterator[tuple[tuple[str, ...], Places]]:
    """Hold folders to look at: those named by URL as `viewed` does, with the files that `wanted` matches; others stay.

    Raises as `viewed` in stages/core/remote.py.
    """
    places = Places(None)

    def matches(file: str) -> bool:
        return re.fullmatch(wanted, file) is not None

    with places.naming(), ExitStack() as stack:
        folders: list[str] = []
        for name in names:
            if "://" in name:
                from stages.core.remote import url_of, viewed

                if (url := url_of(name)) is not None:
                    root = stack.enter_context(viewed(url, matches))
                    places.call(root, url.rstrip("/"))
                    name = str(root)
            folders.append(name)
        yield tuple(folders), places


class Named:
    """A Progress that passes everything on with the names of `places`."""

    def __init__(self, progress: Progress, places: Places) -> None:
        self._progress, self._named = progress, places.named
        self.advance, self.finish, self.figures = progress.advance, progress.finish, progress.figures

    def start(self, what: str, total: int | None, done: int = 0, unit: str = "rows") -> None:
        """Pass on."""
        self._progress.start(self._named(what), total, done, unit)

    def notice(self, text: str) -> None:
        """Pass on."""
        self._progress.notice(self._named(text))

    def warn(self, text: str) -> None:
        """Pass on."""
        self._progress.warn(self._named(text))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Pass on."""
        self._progress.table(self._named(title), columns, self._named(rows))

    def summary(self, facts: Mapping[str, object]) -> None:
        """Pass on."""
        self._progress.summary(self._named(facts))


def _check_apart(inputs: tuple[str, ...], out: str) -> None:
    for name in inputs:
        if f"{name.rstrip('/')}/".startswith(f"{out.rstrip('/')}/"):
            raise OutputError(f"The run reads from {name}, which lies in its own --out {out}; choose another.")


def _mentions_url(config: object) -> bool:
    found: list[bool] = []

    def look(text: str) -> str:
        found.append(re.search(r"[a-zA-Z0-9]:/", text) is not None)
        return text

    _each_option(config, look)
    return any(found) or re.search(r"[a-zA-Z0-9]:/", os.fspath(getattr(config, "out", None) or "")) is not None


def _each_option(config: T, change: Callable[[str], str]) -> T:
    """The config with every text and path of it changed, in its groups, too, but for _HERE."""
    changes: dict[str, object] = {}
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if field.name in _HERE:
            continue
        if is_dataclass(value):
            new: object = _each_option(value, change)
        elif isinstance(value, tuple):
            new = tuple(change(item) if isinstance(item, str) else item for item in value)
        elif isinstance(value, Path):
            new = Path(change(str(value)))
        else:
            new = change(value) if isinstance(value, str) else value
        if new != value:
            changes[field.name] = new
    return replace(config, **changes) if changes else config  # type: ignore[type-var]


def _fetched(text: str, places: Places, stack: ExitStack) -> str:
    """The text of an option with the path of a local copy in place of a URL; `rm:URL@WEIGHT` and its like, too."""
    from stages.core.remote import localised, url_of

    match = _SOURCE.fullmatch(text)
    assert match is not None
    before, weight = match[1] or "", (match[3] or "") if match[1] else ""
    address = match[2] + ("" if match[1] else match[3] or "")
    url = url_of(address) or url_of(Path(address))
    if url is None or re.search(r"[*?\[]", url):
        return text
    path = localised(url)
    places.call(path, url)
    stack.enter_context(recorded_as(str(path), url))
    return f"{before}{path}{weight}"
