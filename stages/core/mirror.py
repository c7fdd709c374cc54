"""A local working copy of a remote output folder: brought up to date before a run, pushed while and after it runs.

The order of every push is what makes the remote folder honest: it never claims more than it holds. Claims are the
records of finished parts, the markers of checkpoints, and manifests. How files travel is the business of `store.py`.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from stages.core.claims import MANIFEST, PLAN, in_order, part_of, rank, travels
from stages.core.errors import OutputError
from stages.core.manifest import folder_status, recorded
from stages.core.shards import HIDDEN, write_text
from stages.core.store import Entry, Store, at_once, md5

_LOG: Final = "log.jsonl"
_RESTED_NS: Final = 500_000_000
_AGAIN_NS: Final = 30_000_000_000


class Stat(NamedTuple):
    """Size in bytes and time of change (ns) of a file here."""

    size: int
    changed: int


@dataclass
class Known:
    """What was last the same here and there: size, time of change here (ns), MD5 and the store's token.

    `files` are those that a record of a finished part names.
    """

    size: int
    changed: int
    md5: str
    token: str
    files: list[str] = field(default_factory=list)


class Mirror:
    """The copy of `store` in `place`, under the folder's own name; `known` survives in a file beside it."""

    def __init__(self, store: Store, place: Path) -> None:
        self.store = store
        self.root = place / PurePosixPath(store.url).name
        self._place = place
        self._state = place / "state.json"
        self._known = self._load()

    def pull(self) -> None:
        """Make the copy what the store has, except for work that was not pushed yet.

        A file here that is not what was last pushed or pulled is unpushed work; it stays unless the store's file has
        changed as well. Where the store has another plan than the one last seen, somebody began anew there: then
        nothing of ours counts. What was there once and is gone goes here, too.

        Raises:
            OutputError: the store cannot be read, or holds something there that is not ours.
        """
        listing = self.store.listing()
        self._check_ours(listing)
        there = {name: entry for name, entry in listing.items() if travels(name)}
        self._place.mkdir(parents=True, exist_ok=True)
        if self._begun_anew(there):
            shutil.rmtree(self.root, ignore_errors=True)
            self._known.clear()
        for name in [name for name in self._known if name not in there]:
            (self.root / name).unlink(missing_ok=True)
            del self._known[name]
        wanted = [name for name, entry in there.items() if not self._has(name, entry)]
        try:
            for names in in_order(wanted):
                at_once(lambda name: self._fetch(name, there[name]), names)
        finally:
            self._save()

    def claim(self, name: str = "lock") -> None:
        """Write an empty lock file there: readers see at once that a run is under way, and we, whether we may write."""
        lock = self.root / HIDDEN / name
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        self.store.send(lock, f"{HIDDEN}/{name}")

    def push(self, *, last: bool = False) -> None:
        """Push what changed: deletions first, of claims before files; then files, then what claims them.

        The folder's manifest is pushed only with `last`, when a listing has shown every other file whole.

        Raises:
            OutputError: the store cannot be written, or the copy has gone.
        """
        if not (self.root / HIDDEN).is_dir():
            if self._known:
                raise OutputError(
                    f"The local copy of {self.store.url} has gone from {self.root}; run the command again."
                )
            return
        # Claims are read before files are looked for: whatever they claim was written before them.
        claims = self._stats(claims=True)
        files = self._stats(claims=False)
        try:
            self._push(claims, files, last)
        finally:
            self._save()

    def full(self) -> set[str]:
        """The folders of which every part is done: this one, as '.', and those within that its shards are made of."""
        plans = [Path(name) for name in self._stats(claims=False) if name == PLAN or name.endswith(f"/{PLAN}")]
        places = {str(plan.parent.parent): self.root / plan.parent.parent for plan in plans}
        states = {name: folder_status(place) for name, place in places.items()}
        return {name for name, state in states.items() if state.parts_done == state.parts}

    def _push(self, claims: Mapping[str, Stat], files: Mapping[str, Stat], last: bool) -> None:
        changed = [
            name for name, stat in files.items() if self._differs(name, stat) and (last or self._rests(name, stat))
        ]
        gone = {name for name in self._known if name not in claims and name not in files}
        self._withdraw({name for name in gone if not (self.root / name).exists()}, set(changed))
        self._send_all([name for name in changed if name == PLAN])
        self._send_all([name for name in changed if name != PLAN])
        waiting = False
        for names in in_order(name for name, stat in claims.items() if self._differs(name, stat) and name != MANIFEST):
            if not waiting:
                self._send_all([name for name in names if self._backed(name)])
            waiting = not all(map(self._backed, names))
        if last:
            self._verify()
            if MANIFEST in claims and self._differs(MANIFEST, claims[MANIFEST]):
                self._send_all([MANIFEST])

    def _withdraw(self, gone: set[str], changed: set[str]) -> None:
        """Delete what is gone here, and first of all whatever claims a file that is gone or about to change."""
        touched = gone | (changed & self._known.keys())
        doomed = gone | {name for name, known in self._known.items() if not touched.isdisjoint(known.files)}
        if any(map(rank, doomed)) or self._has_other_manifest():
            doomed |= {MANIFEST} & self._known.keys()
        for name in sorted(doomed, key=lambda name: (-rank(name), name)):
            self.store.delete(name)
            del self._known[name]

    def _has_other_manifest(self) -> bool:
        path, known = self.root / MANIFEST, self._known.get(MANIFEST)
        return known is not None and path.is_file() and md5(path) != known.md5

    def _send_all(self, names: list[str]) -> None:
        at_once(self._send, names)

    def _send(self, name: str) -> None:
        path = self.root / name
        try:
            size, changed = _stat(path)
            known, digest = self._known.get(name), md5(path)
            if known is not None and (known.size, known.md5) == (size, digest):
                known.changed = changed
                return
            entry = self.store.send(path, name)
            self._known[name] = Known(entry.size, changed, digest, entry.token, self._files_of(name))
        except FileNotFoundError:
            # Gone since the folder was looked at; the next push deletes it there.
            return

    def _backed(self, name: str) -> bool:
        """Whether all that a record of a finished part names is in the store, in the size that it names."""
        folder, part = part_of(name)
        done = None if part is None else recorded(self.root / folder, part)
        if done is None:
            return part is None
        sizes = {
            file: self._known[at].size for file in done.files if (at := str(PurePosixPath(folder, file))) in self._known
        }
        return sizes == dict(done.files)

    def _verify(self) -> None:
        """Compare a listing with what was pushed; what lacks is pushed once more. Raises OutputError if it stays so."""
        for attempt in range(2):
            there = self.store.listing()
            wrong = [n for n, known in self._known.items() if n not in there or there[n].size != known.size]
            if not wrong:
                return
            # Other shares write some files of their own under the same names: the log and the options.
            lacking = [
                name for name in wrong if rank(name) or any(name in known.files for known in self._known.values())
            ]
            if attempt and lacking:
                raise OutputError(f"{self.store.url} does not hold {lacking[0]} as it was written.")
            for name in wrong:
                del self._known[name]
            for names in in_order(name for name in wrong if (self.root / name).is_file()):
                self._send_all(names)

    def _fetch(self, name: str, entry: Entry) -> None:
        self.store.fetch(name, self.root / name, entry, self._place / "incoming")
        self._adopt(name, entry)

    def _adopt(self, name: str, entry: Entry) -> None:
        path = self.root / name
        size, changed = _stat(path)
        self._known[name] = Known(size, changed, md5(path), entry.token, self._files_of(name))

    def _has(self, name: str, entry: Entry) -> bool:
        """Whether the file here counts: unpushed work on the store's file as it is, or that very file."""
        path, known = self.root / name, self._known.get(name)
        if not path.is_file():
            return False
        if known is not None and (known.size, known.token) == entry:
            return True
        if path.stat().st_size == entry.size and md5(path) == entry.token:
            self._adopt(name, entry)
            return True
        return False

    def _begun_anew(self, there: dict[str, Entry]) -> bool:
        known, entry, ours = self._known.get(PLAN), there.get(PLAN), self.root / PLAN
        if entry is None or known is None:
            # Without a plan of ours nothing here can be worth keeping; without one there, nothing was pushed yet.
            return known is not None or (entry is not None and not self._same_plan(ours, entry))
        return (known.size, known.token) != entry and not self._same_plan(ours, entry)

    def _same_plan(self, ours: Path, entry: Entry) -> bool:
        theirs = self._place / "plan.json"
        self.store.fetch(PLAN, theirs, entry, self._place / "incoming")
        return ours.is_file() and ours.read_bytes() == theirs.read_bytes()

    def _check_ours(self, there: dict[str, Entry]) -> None:
        if "" in there:
            raise OutputError(f"{self.store.url} is a file; choose another --out.")
        if there and not any(name.startswith(f"{HIDDEN}/") for name in there):
            raise OutputError(f"{self.store.url} exists and is not an output folder of rlbff; choose another --out.")

    def _differs(self, name: str, stat: Stat) -> bool:
        known = self._known.get(name)
        return known is None or (known.size, known.changed) != stat

    def _rests(self, name: str, stat: Stat) -> bool:
        """Whether a file is worth pushing now: nobody is writing it, and it was not pushed a moment ago."""
        if name.endswith(f"/{_LOG}"):
            return False
        known, age = self._known.get(name), time.time_ns() - stat.changed
        fresh = known is None or name == PLAN or stat.changed - known.changed > _AGAIN_NS
        return age > _RESTED_NS and (fresh or age > _AGAIN_NS)

    def _files_of(self, name: str) -> list[str]:
        folder, part = part_of(name)
        done = None if part is None else recorded(self.root / folder, part)
        return [] if done is None else [str(PurePosixPath(folder, file)) for file in done.files]

    def _stats(self, *, claims: bool) -> dict[str, Stat]:
        found: dict[str, Stat] = {}
        for name in self._walk():
            if bool(rank(name)) == claims:
                with suppress(FileNotFoundError):
                    found[name] = _stat(self.root / name)
        return found

    def _walk(self) -> Iterator[str]:
        for place, folders, names in os.walk(self.root):
            folders.sort()
            for name in sorted(names):
                path = Path(place, name).relative_to(self.root).as_posix()
                if travels(path):
                    yield path

    def _load(self) -> dict[str, Known]:
        try:
            stored = json.loads(self._state.read_text(encoding="utf-8"))
            return {name: Known(**known) for name, known in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _save(self) -> None:
        text = json.dumps({name: asdict(known) for name, known in self._known.items()})
        write_text(self._state, text, self._place)


def _stat(path: Path) -> Stat:
    found = path.stat()
    return Stat(found.st_size, found.st_mtime_ns)
