"""What DTW buys on real long traces: arms of select-cotp on SkyThought's AIME24 runs, with intervals over problems.

Needs ../shared/data and takes about twenty minutes. Core: verified-correct long traces of some problems. Pool: every
trace, long and short, right and wrong, of all other problems. Entropies come from a small model that is trained here on
traces of other problems (AMC23), window by window, since no pretrained model is at hand; patterns from the built-in
rules. Success rates are those of the short runs, the weaker policy. `--long` leaves the short traces out of the pool.

Usage: python tests/benchmarks/arms_skythought.py FOLDER [--long]
"""

import gzip
import hashlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from stages.models.load import Loaded
from stages.models.tiny import make_tiny
from stages.models.token_entropy import EntropyModel, ModelIdentity

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "skythought"
SEED = 0
WINDOW = 2048
STEPS = 600
CHARS = 4000
"""Characters of a trace that the model sees at once: well within its window."""

PER_CORE = 4


def main(arguments: list[str]) -> None:
    """Prepare the two files once, select, measure, print."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "pool.jsonl").exists():
        prepare(folder)
    only_long = "--long" in arguments
    pool = folder / ("long.jsonl" if only_long else "pool.jsonl")
    chosen = folder / f"{pool.stem}.selected"
    select(pool, folder / "core.jsonl", chosen)
    show(chosen, folder / f"{pool.stem}.metrics")


def traces() -> Iterator[dict[str, Any]]:
    """All traces on AIME24, each with its run and whether it is a long one."""
    for path in sorted(DATA.glob("Sky-T1-math-correct-5K-32B-*aime24.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                yield row | {"long": "short" not in row["run"]}


def prepare(folder: Path) -> None:
    """Write core.jsonl, pool.jsonl and long.jsonl, with entropies."""
    rows = list(traces())
    model, tokenizer = trained()
    solved = defaultdict(list)
    for row in rows:
        if row["long"] and row["correct"]:
            solved[row["problem_id"]].append(row["run"])
    # every second of the problems that some long run solves, by a hash of the name
    order = sorted(solved, key=lambda name: hashlib.sha256(f"{SEED}:{name}".encode()).digest())
    of_core = set(order[: len(order) // 2])
    right = defaultdict(list)
    for row in rows:
        if not row["long"]:
            right[row["problem_id"]].append(row["correct"])
    begun = time.perf_counter()
    values = entropies(model, tokenizer, [row["completion"] for row in rows])
    print(f"entropies of {len(rows)} traces, {sum(map(len, values)):,} tokens: {time.perf_counter() - begun:.0f} s")
    files = {name: (folder / f"{name}.jsonl").open("w", encoding="utf-8") for name in ("core", "pool", "long")}
    taken = defaultdict(int)
    for row, series in zip(rows, values, strict=True):
        name = row["problem_id"]
        item = {
            "id": f"{row['run']}/{name}",
            "question_id": name,
            "prompt": row["question"],
            "completion": row["completion"],
            "correct": bool(row["correct"]),
            "success_rate": float(np.mean(right[name])),
            "long": row["long"],
            "entropy": [round(float(value), 4) for value in series],
        }
        if name in of_core:
            if row["long"] and row["correct"] and taken[name] < 2:
                taken[name] += 1
                files["core"].write(json.dumps(item) + "\n")
            continue
        files["pool"].write(json.dumps(item) + "\n")
        if row["long"]:
            files["long"].write(json.dumps(item) + "\n")
    for file in files.values():
        file.close()


def trained() -> tuple[Any, Any]:
    """A small model of the shape of `tiny`, trained on the AMC23 traces."""
    with gzip.open(DATA / "Sky-T1-math-corrupt-0.7-32B-amc23.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["completion"] for line in lines]
    model, tokenizer = make_tiny(texts, seed=SEED)
    ids = torch.tensor([token for text in texts for token in tokenizer(text, verbose=False)["input_ids"]])
    draw = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    begun, losses = time.perf_counter(), []
    for step in range(STEPS):
        starts = torch.randint(len(ids) - 513, (8,), generator=draw).tolist()
        batch = torch.stack([ids[start : start + 513] for start in starts])
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / STEPS)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    spent = time.perf_counter() - begun
    parameters = sum(weight.numel() for weight in model.parameters())
    print(
        f"model: {parameters:,} parameters, {len(ids):,} tokens, loss {np.mean(losses[-50:]):.3f} nats in {spent:.0f} s"
    )
    return model.eval(), tokenizer


def entropies(model: Any, tokenizer: Any, texts: list[str]) -> list[np.ndarray[Any, Any]]:
    """The entropy of every token of each text, which the model reads in pieces."""
    opened = EntropyModel(
        Loaded(model, tokenizer, torch.device("cpu")),
        ModelIdentity(model="amc23", revision=None, dtype="float32", temperature=1.0),
        pack_tokens=2 * WINDOW,
    )
    found = []
    for text in texts:
        pieces = [text[start : start + CHARS] for start in range(0, len(text), CHARS)] or [""]
        values = opened.entropies([([], piece) for piece in pieces])
        found.append(np.concatenate([one for one in values if isinstance(one, np.ndarray)]))
    return found


def select(pool: Path, core: Path, out: Path) -> None:
    """Run the stage as a user would."""
    command = [sys.executable, "-m", "rlbff_cli", "select-cotp", str(pool), "--core", str(core), "-o", str(out)]
    command += ["--per-core", str(PER_CORE), "--sweep", "0,1", "--utility", "learnability", "--overwrite"]
    subprocess.run(command, check=True)


def show(chosen: Path, metrics: Path) -> None:
    """Print the figures of `rlbff eval selection`, arms as rows."""
    command = [sys.executable, "-m", "rlbff_cli", "eval", "selection", str(chosen / ".rlbff" / "arms")]
    subprocess.run([*command, "-o", str(metrics), "--overwrite"], check=True)
    for row in pq.read_table(metrics).to_pylist():
        ends = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
        print(f"{row['group']} | {row['metric']} | {row['value']}{ends} | n {row['n']}")


if __name__ == "__main__":
    main(sys.argv[1:])
