"""One folder of a store (s3://, gs://, memory://, ...) over fsspec: listed, fetched, sent, deleted, each with retries.

Which files those should be is the business of `mirror.py` and `remote.py`; no names of ours are known here.
"""

import hashlib
import os
import random
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from stages.core.errors import ConfigError, InputMissing, RlbffError
from stages.core.retry import backoff

T = TypeVar("T")

TRIES: Final = 4
"""How often a call is made before its failure counts, beside the tries that a store's own library makes of each."""

_AT_ONCE: Final = 8
_BLOCK: Final = 2**20
_LASTING: Final = (PermissionError, FileNotFoundError, IsADirectoryError, NotImplementedError, ValueError, ImportError)
_LASTING_NAMES: Final = ("NoCredentialsError", "PartialCredentialsError", "ParamValidationError", "ProfileNotFound")
_EXTRAS: Final = {"s3": "s3", "s3a": "s3"}


class Entry(NamedTuple):
    """One file of a store: its size in bytes, and a text that changes with its content (an ETag where there is one)."""

    size: int
    token: str


class Cut(Exception):
    """A file arrived with another length or content than the store says it has."""


class Store:
    """A folder, or a single file, of a store. Errors that last are raised as `failed`, with one line.

    Credentials are left out of `url`, which messages and records name.
    """

    def __init__(self, url: str, failed: type[RlbffError], *, tries: int = TRIES) -> None:
        self.url = without_credentials(url.rstrip("/"))
        self._failed = failed
        self._tries = tries
        self._system, self._path = opened(url)

    @property
    def endpoint(self) -> str:
        """What tells stores apart whose URLs are equal, such as two servers with a bucket of one name."""
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE", "FSSPEC_S3_ENDPOINT_URL")
        return " ".join([str(getattr(self._system, "endpoint_url", None)), *(os.environ.get(n, "") for n in names)])

    def listing(self) -> dict[str, Entry]:
        """Every file by its path within the folder; a single file has the path ''; empty where there is nothing."""

        def find() -> dict[str, Any]:
            self._system.invalidate_cache()
            try:
                found: dict[str, Any] = self._system.find(self._path, detail=True)
            except NotADirectoryError:
                found = {self._path: self._system.info(self._path)}
            except FileNotFoundError as error:
                # A folder that is not there is an empty one; a bucket that is not there is a mistake.
                if "bucket" in str(error).lower():
                    raise
                return {}
            return found

        start = self._path.rstrip("/")
        found = self._try(find, "cannot be listed")
        files = {name: entry for name, entry in found.items() if entry.get("type") != "directory"}
        return {name.removeprefix(start).lstrip("/"): _entry(entry) for name, entry in files.items()}

    def entry(self) -> Entry:
        """The entry of a single file; a server that does not say how long it is makes the size -1."""
        return self._try(lambda: _entry(self._system.info(self._path)), "cannot be read")

    def fetch(self, name: str, target: Path, entry: Entry, scratch_in: Path) -> None:
        """Bring one file to `target`, whole: its length, and its MD5 where the token looks like one, are compared.

        Until it is whole it lies in the folder `scratch_in`, on the same file system.
        """
        seen: set[str] = set()

        def get() -> None:
            scratch = scratch_in / secrets.token_hex(8)
            try:
                self._system.get_file(self._at(name), str(scratch))
                if (size := scratch.stat().st_size) != entry.size != -1:
                    raise Cut(f"{size:,} bytes of {entry.size:,} arrived")
                # With encryption by the store's keys an ETag is no MD5; what arrives alike twice is what is there.
                digest = md5(scratch) if _is_md5(entry.token) else entry.token
                if digest not in (entry.token, *seen):
                    seen.add(digest)
                    raise Cut("what arrived differs from its checksum")
                os.replace(scratch, target)
            finally:
                scratch.unlink(missing_ok=True)

        for folder in (target.parent, scratch_in):
            folder.mkdir(parents=True, exist_ok=True)
        self._try(get, f"cannot be read ({name})" if name else "cannot be read")

    def send(self, source: Path, name: str) -> Entry:
        """Write one file, and return what the store then says of it.

        Raises FileNotFoundError where `source` has gone meanwhile; everything of the store's as `failed`.
        """

        def put() -> Entry:
            size = source.stat().st_size
            self._system.put_file(str(source), self._at(name))
            self._system.invalidate_cache()
            entry = _entry(self._system.info(self._at(name)))
            if entry.size != size and source.stat().st_size == size:
                raise Cut(f"{entry.size:,} bytes of {size:,} arrived")
            return entry

        try:
            return self._try(put, f"cannot be written ({name})")
        except self._failed:
            source.stat()
            raise

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is no error."""

        def remove() -> None:
            with suppress(FileNotFoundError):
                self._system.rm_file(self._at(name))

        self._try(remove, f"cannot be written ({name})")

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}" if name else self._path

    def _try(self, call: Callable[[], T], what: str) -> T:
        return tried(call, lambda words: self._failed(f"{self.url} {what}: {words}."), self._tries)


def opened(url: str) -> tuple[Any, str]:
    """The file system of fsspec that a URL names, and the path in it.

    Raises ConfigError for an unknown kind of store, one whose package is not installed, or a password in the URL.
    """
    # Only who uses a store pays for the import.
    import fsspec

    shown = without_credentials(url)
    if urlsplit(url).password is not None:
        raise ConfigError(f"{shown} was given with a password in it; put credentials into the environment.")
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        extra = _EXTRAS.get(url.partition(":")[0].lower())
        remedy = f"pip install 'rlbff[{extra}]'" if extra else _words(error)
        raise ConfigError(f"{shown} cannot be opened; its package is not installed: {remedy}.") from error
    except ValueError as error:
        raise ConfigError(f"{shown} cannot be opened: {_words(error)}.") from error
    return system, path


def tried(call: Callable[[], T], failed: Callable[[str], RlbffError], tries: int = TRIES) -> T:
    """Make a call to a store, again after errors that may pass; `failed` makes the error of its last words.

    Errors that last (no permission, no such bucket, no credentials) are not tried again.
    """
    rng = random.Random()
    for attempt in range(tries):
        try:
            return call()
        except RlbffError:
            raise
        except Exception as error:  # fsspec's stores raise whatever the libraries below them do
            lasting = isinstance(error, _LASTING) or type(error).__name__ in _LASTING_NAMES
            if lasting or attempt + 1 == tries:
                raise failed(_words(error)) from error
            time.sleep(backoff(attempt, rng))
    raise AssertionError("at least one try")


def copy(url: str, target: Path) -> None:
    """Copy one remote file to `target`, whole. Raises InputMissing."""
    store = Store(url, InputMissing)
    store.fetch("", target, store.entry(), target.parent)


def at_once(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Do `work` for each name, several at once; the first error is raised when those under way have ended."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="store") as pool:
        waiting = [pool.submit(work, name) for name in names]
        try:
            for one in waiting:
                one.result()
        except BaseException:
            for one in waiting:
                one.cancel()
            raise


def without_credentials(url: str) -> str:
    """The URL without user and password."""
    return re.sub(r"//[^/@]*@", "//", url)


def md5(path: Path) -> str:
    """The MD5 of a file, which is the ETag of most objects; it protects against accidents, not against attacks."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _entry(found: Mapping[str, Any]) -> Entry:
    tokens = (
        found.get(name) for name in ("ETag", "etag", "md5Hash", "content_md5", "created", "mtime", "LastModified")
    )
    # One store gives the same time as a number in listings and as a date for a file.
    times = (token.timestamp() if isinstance(token, datetime) else token for token in tokens)
    token = next((str(token).strip('"') for token in times if token), "")
    size = found.get("size")
    return Entry(-1 if size is None else int(size), token)


def _is_md5(token: str) -> bool:
    return re.fullmatch("[0-9a-f]{32}", token) is not None


def _words(error: BaseException) -> str:
    words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return re.sub(r"//[^/@\s]*@", "//", words)
