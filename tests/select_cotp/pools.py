"""Small pools and core sets with chains of their own, as files, and a run of the stage on them."""

import json
import random
from pathlib import Path
from typing import Any

from stages.core.options import RunOptions
from stages.core.report import Report
from stages.select_cotp.config import ChainOptions, SelectCotpConfig
from stages.select_cotp.run import run

NAMES = ("restate", "plan", "compute", "check", "backtrack", "alternative", "case split", "conclude", "结论", "ü")
BINS = 16


def cot(name: str, draw: random.Random, **further: Any) -> dict[str, Any]:
    """A row with drawn chains."""
    words = " ".join(draw.choice(("so", "then", "wait", "thus", "x", "y", "2", "7")) for _ in range(30))
    row = {
        "id": name,
        "question_id": f"q{draw.randrange(12)}",
        "prompt": f"What is {name}?",
        "completion": f"{name}: {words}",
        "correct": draw.random() < 0.6,
        "patterns": [draw.choice(NAMES) for _ in range(draw.randrange(1, 9))],
        "entropy": [round(draw.expovariate(2), 4) for _ in range(draw.randrange(3, 40))],
    }
    return row | further


def cots(prefix: str, num: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [cot(f"{prefix}{number}", draw) for number in range(num)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def files(folder: Path, *, pool: int = 40, core: int = 4) -> tuple[Path, Path]:
    """(pool, core set) as files."""
    return write(folder / "pool.jsonl", cots("p", pool, 1)), write(folder / "core.jsonl", cots("c", core, 2))


def select(pool: Path, core: Path | None, out: Path, **options: Any) -> Report:
    """Run the stage; options of chains and of the run are told by their names."""
    run_names = RunOptions.__dataclass_fields__.keys()
    chain_names = ChainOptions.__dataclass_fields__.keys()
    run_options = {name: value for name, value in options.items() if name in run_names}
    chain_options = {"bins": str(BINS)} | {name: value for name, value in options.items() if name in chain_names}
    own = {name: value for name, value in options.items() if name not in run_names | chain_names}
    config = SelectCotpConfig(
        inputs=(str(pool),),
        core=() if core is None else (str(core),),
        out=out,
        chains=ChainOptions(**chain_options),
        run=RunOptions(**{"workers": 1, **run_options}),
        **own,
    )
    return run(config)
