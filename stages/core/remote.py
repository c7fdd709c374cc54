"""Folders that are named by URL: an output folder is worked on in a local copy, a folder that is read is fetched once.

`mirrored` is for --out, `localised` for models and other folders to read, `viewed` for a look at records and rows. The
copies lie in a cache folder that can be deleted whenever nothing runs.
"""

import fcntl
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from stages.core.claims import MANIFEST, PLAN, travels
from stages.core.errors import DataError, InputMissing, OutputError, RlbffError
from stages.core.mirror import Mirror
from stages.core.options import recorded_as
from stages.core.shards import HIDDEN, unwritable
from stages.core.store import Entry, Store, at_once, without_credentials

CACHE: Final = "RLBFF_CACHE"
"""Variable that names the cache folder; default $XDG_CACHE_HOME/rlbff or ~/.cache/rlbff."""

_TICK: Final = 1.0
_SERVERS: Final = ("http", "https")


def url_of(value: object) -> str | None:
    """The URL of a store that an option's value is, or None; http(s) means a server, and other schemes are no stores.

    pathlib makes `s3:/bucket/x` of a path `s3://bucket/x`; that is read as what was meant.
    """
    slashes = "/{1,2}" if isinstance(value, PurePath) else "//"
    match = re.fullmatch(rf"([a-z][a-z0-9+.-]*):{slashes}(.+)", str(value), re.IGNORECASE)
    if match is None or match[1].lower() in _SERVERS or not isinstance(value, str | PurePath):
        return None
    # Only who may have named a store pays for the import.
    import fsspec

    rest = f"/{match[2]}" if match[1].lower() in ("file", "local") and not match[2].startswith("/") else match[2]
    return f"{match[1].lower()}://{rest}" if match[1].lower() in fsspec.available_protocols() else None


@contextmanager
def mirrored(
    url: str, *, share: str = "", writing: bool = True, warn: Callable[[str], None] = lambda text: None
) -> Iterator[Mirror]:
    """Hold a local copy of the remote output folder `url` while the block runs; its `root` is the folder to write.

    The copy is brought up to date first. Finished files are pushed from a thread while the block runs, and all the rest
    at its end, also where it fails. `share` (such as 1/4) gives each share of a run a copy of its own. Unless `writing`
    nothing is pushed. In records the URL stands for the copy.

    Raises:
        OutputError: the store refuses, or cannot be reached for long; nothing local is lost, the same call goes on.
        ConfigError: no such kind of store, or its package is not installed.
    """
    store = Store(url, OutputError)
    mirror = Mirror(store, _place("out", url, f"{store.endpoint}\n{share}"))
    with _held(mirror.root.parent, store.url), recorded_as(str(mirror.root), store.url):
        mirror.pull()
        if not writing:
            yield mirror
            return
        mirror.claim("lock" if not share else f"lock-{share.replace('/', '-of-')}")
        with _pushing(mirror, warn):
            yield mirror
        try:
            mirror.push(last=True)
        except OutputError as error:
            raise OutputError(
                f"{error} What is finished stays on this machine, and the same command pushes it."
            ) from error


def localised(url: str) -> Path:
    """Fetch a remote folder or file that is only read, whole and verified, once for each state of its content.

    Returns its path in the cache, under its own name.

    Raises:
        InputMissing: it is not there or cannot be reached. DataError: it is a run that has not finished.
    """
    store = Store(url, InputMissing)
    listing = store.listing()
    there = {name: entry for name, entry in listing.items() if travels(name) and not _passing(name)}
    if not listing:
        raise InputMissing(f"{store.url} does not exist.")
    if any(name.startswith(f"{HIDDEN}/") for name in listing) and MANIFEST not in listing:
        raise DataError(f"{store.url} is a run that has not finished; run its command again, then this one.")
    state = sha256(repr(sorted(there.items())).encode()).hexdigest()[:16]
    place = _place("read", url, store.endpoint) / state
    target = place / PurePosixPath(store.url).name
    if not target.exists():
        _fetch_all(store, there, place, target.name)
    return target


@contextmanager
def viewed(url: str, wanted: Callable[[str], bool] = lambda name: False) -> Iterator[Path]:
    """Hold a look at a remote output folder: its records, the files that `wanted` says yes to, and all others hollow.

    Hollow files have their length and no content, so that it can be told which parts are finished. Raises InputMissing.
    """
    store = Store(url, InputMissing)
    there = store.listing()
    if not there:
        raise InputMissing(f"The folder {store.url} does not exist.")
    if "" in there:
        raise DataError(f"{store.url} is a file, not an output folder.")
    with TemporaryDirectory() as scratch:
        # The name of the folder around it tells a table within a folder of ours from such a folder.
        root = Path(scratch).joinpath(*PurePosixPath(store.url).parts[-2:])

        def bring(name: str) -> None:
            if _is_record(name) or wanted(name):
                store.fetch(name, root / name, there[name], Path(scratch))
                return
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("wb") as hollow:
                hollow.truncate(there[name].size)

        at_once(bring, there)
        yield root


@contextmanager
def _pushing(mirror: Mirror, warn: Callable[[str], None]) -> Iterator[None]:
    """Push every second while the block runs; where it fails, push what there is, so that another machine can go on."""
    over = threading.Event()

    def push() -> None:
        wait, warned = _TICK, False
        while not over.wait(wait):
            start = time.monotonic()
            try:
                mirror.push()
            except RlbffError as error:
                # It may pass; what does not is raised by the push at the end.
                if not warned:
                    warn(f"{error} The run goes on, and so do the attempts.")
                warned = True
            wait = max(_TICK, 10 * (time.monotonic() - start))

    thread = threading.Thread(target=push, name="push", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        over.set()
        thread.join()
        try:
            mirror.push(last=True)
        except RlbffError as error:
            warn(f"Not all that is finished could be pushed: {error}")
        raise
    finally:
        over.set()
        thread.join()


@contextmanager
def _held(place: Path, url: str) -> Iterator[None]:
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("ab")
    except OSError as error:
        raise unwritable(place, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{url} is in use by another run; wait for it or choose another --out.") from None
        yield


def _fetch_all(store: Store, there: dict[str, Entry], place: Path, name: str) -> None:
    """Fetch everything beside `place`, then let it count by a rename; another process may have been faster."""
    scratch = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    try:
        at_once(lambda n: store.fetch(n, scratch / name / n if n else scratch / name, there[n], scratch), there)
        try:
            os.rename(scratch, place)
        except OSError:
            if not place.exists():
                raise
    except OSError as error:
        if isinstance(error, RlbffError):
            raise
        raise unwritable(place, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _place(kind: str, url: str, further: str) -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rlbff"
    digest = sha256(f"{without_credentials(url.rstrip('/'))}\n{further}".encode()).hexdigest()[:16]
    return Path(os.path.abspath(os.environ.get(CACHE) or default)) / "remote" / kind / digest


def _passing(name: str) -> bool:
    """Whether a file is of use to the run that wrote it alone."""
    return re.search(rf"(^|/){re.escape(HIDDEN)}/(training|journal)/", name) is not None


def _is_record(name: str) -> bool:
    parts = name.split("/")
    return HIDDEN in parts and (parts[-2] in (HIDDEN, "done") or name == PLAN)
