"""The append-only record of finished calls of one part: raw answers and what they cost, one JSON line a call.

A line is handed to the operating system at once and forced to disk by `sync`, so that a killed process loses only
calls under way. It carries a checksum: a line in which a byte has changed counts as a call not made. A compacted
journal holds nothing that depends on time, order or the number of attempts.
"""

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from stages.core.chat import TokenLogprobs
from stages.core.errors import OutputError

OK: Final = "ok"

_SUM: Final = "crc32"
"""Key of a line's checksum, over its other fields."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One finished call.

    `outcome` is "ok" or a CallFailure's reason. `raw` holds the model's answers unchanged, the one before a repair
    first; `tokens` the [prompt, completion] counts of each; `estimated` says that a count is a guess; `logprobs` are
    those of the last answer's tokens that its caller keeps.
    """

    key: str
    outcome: str
    finish_reason: str = ""
    error: str = ""
    raw: tuple[str, ...] = ()
    tokens: tuple[tuple[int, int], ...] = ()
    estimated: bool = False
    logprobs: tuple[TokenLogprobs, ...] = ()


_FIELDS: Final = {field.name for field in fields(Entry)}


class Journal:
    """The calls of one part. The file comes into being with the first call."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier run left; a last line that was cut off, and damaged ones, are removed from the file."""
        self.path: Final = path
        self._entries: dict[str, Entry] = {}
        self._file: FileIO | None = None
        if path.exists():
            self._entries, intact = _read(path)
            if intact is None:
                self._rewrite()
            elif intact < path.stat().st_size:
                os.truncate(path, intact)

    def answered(self, key: str) -> Entry | None:
        """The successful call with this key, if there is one."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.outcome == OK else None

    def add(self, entry: Entry) -> None:
        """Append a finished call; when this returns, a killed process no longer loses it."""
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = FileIO(self.path, "ab")
            _write(self._file, _line(entry))
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written: {error.strerror}. Check disk and permissions."
            ) from error
        self._entries[entry.key] = entry

    def sync(self) -> None:
        """Force what was added to disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def compact(self) -> None:
        """Close the journal and rewrite it, one line a key and sorted by key, in one step."""
        self.close()
        if not self._entries:
            self.path.unlink(missing_ok=True)
        else:
            self._rewrite()

    def _rewrite(self) -> None:
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        with temporary.open("wb") as file:
            file.writelines(_line(self._entries[key]) for key in sorted(self._entries))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)

    def close(self) -> None:
        """Force what was added to disk and close the file."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path) -> dict[str, Entry]:
    """The last entry of each key, without touching the file; damaged lines are ignored."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Entry], int | None]:
    """Entries by key, and the number of bytes up to the end of the last whole line; None where others are damaged."""
    entries: dict[str, Entry] = {}
    intact, damaged = 0, False
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            entry = _entry(_checked(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            damaged = True
            continue
        entries[entry.key] = entry
        intact += len(line) + 1
    return entries, None if damaged else intact


def _checked(fields: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The fields without their checksum. Raises ValueError for another one; a line of an older version has none."""
    if not isinstance(fields, dict):
        raise ValueError("no object")
    stored = fields.pop(_SUM, None)
    if stored != _sum(fields) and not (stored is None and fields.keys() <= _FIELDS):
        raise ValueError("another checksum")
    return fields


def _sum(fields: Mapping[str, object]) -> str:
    return f"{zlib.crc32(json.dumps(fields, sort_keys=True).encode()):08x}"


def _entry(fields: Mapping[str, object]) -> Entry:
    raw, tokens = fields["raw"], fields["tokens"]
    if not isinstance(raw, list) or not isinstance(tokens, list):
        raise TypeError("raw and tokens must be lists")
    return Entry(
        key=str(fields["key"]),
        outcome=str(fields["outcome"]),
        finish_reason=str(fields["finish_reason"]),
        error=str(fields["error"]),
        raw=tuple(str(text) for text in raw),
        tokens=tuple((int(asked), int(answered)) for asked, answered in tokens),
        estimated=bool(fields["estimated"]),
        logprobs=tuple(map(_token, fields.get("logprobs", ()))),  # type: ignore[call-overload]
    )


def _token(fields: Any) -> TokenLogprobs:  # noqa: ANN401 - any JSON value
    token, logprob, top, exact = fields
    return TokenLogprobs(str(token), logprob, tuple((str(text), float(number)) for text, number in top), bool(exact))


def _line(entry: Entry) -> bytes:
    fields = asdict(entry)
    if not entry.logprobs:  # most journals have none
        del fields["logprobs"]
    fields = json.loads(json.dumps(fields))
    return json.dumps({**fields, _SUM: _sum(fields)}, separators=(",", ":")).encode() + b"\n"


def _write(file: FileIO, line: bytes) -> None:
    """Hand over the whole line; nothing stays in a buffer that would fail once more when the file is closed."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]
