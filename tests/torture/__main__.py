"""`python -m tests.torture OUT [--faults 200] [--seed 0] [--stages a,b] [--only N]`: 1 if a fault did harm."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from tests.torture.campaign import Fault, Record, campaign, clean_runs, deal
from tests.torture.chain import CASES
from tests.torture.disk import may_mount, unmount_all
from tests.torture.launch import launcher
from tests.torture.server import serving
from tests.torture.table import markdown, plain, rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, print its table, and write table.md and faults.jsonl."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", default=",".join(case.name for case in CASES))
    parser.add_argument("--processes", type=int, default=1, help="faults under way at once")
    parser.add_argument("--fresh", action="store_true", help="start every command as a process of its own")
    parser.add_argument("--only", type=int, help="the number of one fault of the campaign, to repeat it")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    faults = deal(given.stages.split(","), given.faults, given.seed)
    if given.only is not None:
        faults = [faults[given.only]]
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    unmount_all(out)
    try:
        records = run(faults, out, processes=given.processes, forks=not given.fresh, add=given.only is not None)
    finally:
        unmount_all(out)
    table = rows(records)
    (out / "table.md").write_text(markdown(table))
    _tell(plain(table))
    for record in records:
        if record.struck and not record.survived:
            _tell(f"fault {record.number}: {json.dumps(asdict(record))}")
    missed = sum(not record.struck for record in records)
    if missed:
        _tell(f"{missed} faults never struck and do not count")
    return int(any(record.struck and not record.survived for record in records))


def run(
    faults: Sequence[Fault], out: Path, *, processes: int = 1, forks: bool = True, add: bool = False
) -> list[Record]:
    """Do the faults, telling of each; `add` keeps the records that are there."""
    records: list[Record] = []
    begun = time.monotonic()
    _tell(f"{len(faults)} faults; disks {'in memory' if may_mount() else 'not mounted: no right to'}")
    with (
        serving() as server,
        launcher(forks=forks) as starter,
        (out / "faults.jsonl").open("a" if add else "w") as file,
    ):
        clean = clean_runs(faults, out / "clean", starter, server)
        for name, one in clean.items():
            _tell(f"clean run of {name}: {one.seconds:.1f} s, {one.files} files")
        for record in campaign(faults, out, clean, starter, server, processes):
            records.append(record)
            file.write(json.dumps(asdict(record) | {"survived": record.survived}) + "\n")
            file.flush()
            word = "survived" if record.survived else "HARMED" if record.struck else "missed"
            what = f"{record.number:3d} {record.stage}: {record.kind}, {record.moment}"
            codes = f"{list(record.codes)} then {list(record.resumed)}"
            _tell(f"{time.monotonic() - begun:6.0f} s  {what}: {word}, exit codes {codes}")
    return records


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
