"""The campaign: clean runs, then fault after fault, each lifted, resumed, compared. What a fault does: `faults.py`."""

import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.torture.chain import CASES, Case, with_makers
from tests.torture.compare import Difference, difference
from tests.torture.faults import KINDS, dealt
from tests.torture.judge import last_line, unclear
from tests.torture.launch import End, Launcher
from tests.torture.server import Server
from tests.torture.trial import Clean, Trial, measure, options_after

MOST_RESUMES: Final = 4
"""How often the same command is called after a fault before it counts as stuck."""

_TRIES: Final = 8
"""How often a fault that missed is drawn again; from half of it on, it is a kill."""

_FRESH: Final = 0.3
"""Share of the faults of quick stages whose commands are fresh processes."""

_WEIGHTS: Final = {"extract-principles": 38, "extract-llm": 34, "select-cotp": 26, "verify-code": 22}
_LEAST: Final = 20


@dataclass(frozen=True)
class Fault:
    """One fault: where it stands in the campaign, and the seed of everything about it."""

    number: int
    case: Case
    kind: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of a fault. `codes` are the exit codes under it, `resumed` those after it was lifted."""

    number: int
    stage: str
    kind: str
    seed: int
    struck: bool
    moment: str
    codes: tuple[int, ...]
    resumed: tuple[int, ...] = ()
    said: str = ""
    unclear: tuple[str, ...] = ()
    lost: int = 0
    wrong: int = 0
    files: tuple[str, ...] = field(default=())

    @property
    def survived(self) -> bool:
        """Whether the folder ended as that of a clean run, by commands whose ends were clear."""
        return self.resumed[-1:] == (0,) and not (self.lost or self.wrong or self.files or self.unclear)


def deal(names: Sequence[str], number: int, seed: int) -> list[Fault]:
    """`number` faults over the named cases: more on those that are quick, at least a tenth on each of all eight."""
    cases = [case for case in CASES if case.name in names]
    weights = [_WEIGHTS.get(case.name, _LEAST) for case in cases]
    shares = [number * weight // sum(weights) for weight in weights]
    shares[0] += number - sum(shares)
    draw = random.Random(seed)
    faults: list[tuple[Case, str]] = []
    for case, share in zip(cases, shares, strict=True):
        faults += [(case, kind) for kind in dealt(case, share, draw)]
    draw.shuffle(faults)
    return [Fault(place, case, kind, draw.randrange(2**32)) for place, (case, kind) in enumerate(faults)]


def clean_runs(faults: Sequence[Fault], folder: Path, launcher: Launcher, server: Server) -> dict[str, Clean]:
    """A run without faults of every case that is needed, by name."""
    shutil.rmtree(folder, ignore_errors=True)
    cases = with_makers([fault.case.name for fault in faults])
    return {case.name: measure(case, folder, launcher, server) for case in cases}


def campaign(
    faults: Sequence[Fault],
    folder: Path,
    clean: Mapping[str, Clean],
    launcher: Launcher,
    server: Server,
    processes: int = 1,
) -> Iterator[Record]:
    """The records of the faults, as they come; so many are under way at once."""

    def one(fault: Fault) -> Record:
        def make(place: Path, draw: random.Random) -> Trial:
            return Trial(fault.case, place, clean[fault.case.name], folder / "clean", launcher, server, draw)

        return strike(fault, folder, make)

    with ThreadPoolExecutor(processes) as pool:
        try:
            for future in as_completed([pool.submit(one, fault) for fault in faults]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def strike(fault: Fault, folder: Path, make: Callable[[Path, random.Random], Trial]) -> Record:
    """Do one fault until it strikes, lift it, resume, compare."""
    place = folder / "work" / f"{fault.number:03d}"
    for attempt in range(_TRIES):
        trial = make(place, random.Random(f"{fault.seed} {attempt}"))
        shutil.rmtree(place.with_name(f"{place.name}.told"), ignore_errors=True)
        trial.missed = attempt
        trial.fresh = not fault.case.torch and trial.draw.random() < _FRESH
        trial.lay_out()
        try:
            # some faults cannot strike some commands: training never asks for the time
            tried = fault if attempt < _TRIES // 2 else replace(fault, kind="kill")
            if KINDS[tried.kind](trial):
                return _resumed(tried, trial, struck=True)
            if attempt == _TRIES - 1:
                return _resumed(tried, trial, struck=False)
        finally:
            trial.close()
    raise AssertionError


def _resumed(fault: Fault, trial: Trial, *, struck: bool) -> Record:
    before = list(trial.ends)
    options: list[str] = options_after(before[-1][0], []) if before else []
    for _ in range(MOST_RESUMES):
        end = trial.run(*options)
        if end.code == 0 or end.hung:
            break
        options = options_after(end, options)
    after = [end for end, _ in trial.ends[len(before) :]]
    found = difference(trial.clean.folder, trial.out, trial.harmed) if after[-1].code == 0 else Difference()
    troubles = [why for end, sent in trial.ends if (why := unclear(end, sent)) is not None]
    if after[-1].code != 0:
        troubles.append("stuck")
    record = Record(
        number=fault.number,
        stage=fault.case.name,
        kind=fault.kind,
        seed=fault.seed,
        struck=struck,
        moment=trial.moment,
        codes=tuple(end.code for end, _ in before),
        resumed=tuple(end.code for end in after),
        said=_said([end for end, _ in trial.ends]),
        unclear=tuple(troubles),
        lost=found.lost,
        wrong=found.wrong,
        files=found.files,
    )
    if record.survived:
        trial.close()
        shutil.rmtree(trial.folder)
        shutil.rmtree(trial.folder.with_name(f"{trial.folder.name}.told"))
    else:
        _keep(trial)
    return record


def _keep(trial: Trial) -> None:
    """Keep what a fault left, out of a disk in memory, to be looked at."""
    kept = trial.folder.with_name(f"{trial.folder.name}.kept")
    shutil.rmtree(kept, ignore_errors=True)
    if trial.out.exists():
        shutil.copytree(trial.out, kept, symlinks=True)


def _said(ends: Sequence[End]) -> str:
    """The last line of the first end that was no success; of the last one where all were."""
    return next((last_line(end.stderr) for end in ends if end.code), last_line(ends[-1].stderr))
