"""Writes the page that a person looks at: arms side by side, and how selected rows warp onto their core rows.

Everything on it is read from what is stored, so that a finished folder can be asked for another pair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.manifest import hidden, read_done
from stages.core.rows import Row
from stages.core.sealed import read_sealed
from stages.core.shards import list_parts, part_path, write_text
from stages.core.slices import Slice
from stages.select_cotp.arrays import Series
from stages.select_cotp.core_build import read_rows
from stages.select_cotp.core_rows import CORE
from stages.select_cotp.jobs import Settings
from stages.select_cotp.paired import Terms, curves_of, pair_of, spread, weighted
from stages.select_cotp.picture import Arm, Pair, Side, page
from stages.select_cotp.pool import read_stored
from stages.select_cotp.show import certificate

PAGE: Final = "selection.html"

_BARYCENTRE_ROWS: Final = 64
"""Chains that a mean chain is made of at most: one takes seconds."""


TOLD: Final = "decided.json"
"""What the selection left of figures."""


def read_told(root: Path) -> dict[str, Any] | None:
    """The figures that the selection left; None where they, the arms or the core set are not all there."""
    if not all(part_path(hidden(root, name), 0).exists() for name in (CORE, "arms")):
        return None
    return read_sealed(hidden(root, "report") / TOLD)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where what a run stored is found: `chains` the folder of the chains, `slices` the input of each of its parts."""

    settings: Settings
    chains: Path
    slices: Sequence[Slice]
    warn: Callable[[str], None]

    def write(self, facts: Mapping[str, Any]) -> Path:
        """Write the page; `facts` are those that the selection left. `warn` is told of rows in --show that are not."""
        root = self.settings.root
        path = hidden(root, "report") / PAGE
        if path.exists() and not self.settings.config.show and not self._has_chains():
            return path  # what its pictures were made from is gone
        arms = _arms(root, facts)
        told = {
            "selected": f"{facts['rows']:,} rows for {facts['core_rows']:,} core rows, by {facts['main']}",
            "distance": formula(facts["lambda"], facts["scales"]),
            "patterns": str(facts["annotator"]),
            "entropies": str(facts["entropy_model"]),
            "dropped before": ", ".join(f"{why} {n:,}" for why, n in facts["dropped"].items()) or "none",
        }
        if facts["certificate"] is not None:
            told["assignment"] = certificate(facts["certificate"])
        write_text(path, page(f"Selection in {root.name}", told, arms, self._pairs()), hidden(root, "tmp"))
        return path

    def _has_chains(self) -> bool:
        return all(read_done(self.chains, part) is not None for part in range(len(self.slices)))

    def _pairs(self) -> list[Pair]:
        config, selected = self.settings.config, self._selected()
        core = {row["id"]: row for row in _core(self.settings)}
        asked = _asked(config.show, selected, core, self.warn)
        wanted = list(dict.fromkeys([*asked, *spread(selected, config.pictures)]))
        places = self._places([pool for pool, _ in wanted])
        for pool in dict.fromkeys(pool for pool, _ in asked if pool not in places):
            self.warn(f"--show names {pool!r}, which is no row of the pool whose chains are known; it is not shown.")
        wanted = [pair for pair in wanted if pair[0] in places]
        chains = [places[pool] for pool, _ in wanted]
        texts = read_rows(self.settings, self.slices, [(part, row["row"]) for part, row in chains])
        terms = Terms(config.uses_patterns, config.uses_entropy, config.name_distance, config.band)
        pairs = [
            pair_of(core[core_id], chain, cot.completion_text, selected.get(chain["id"], {}), terms)
            for (_, core_id), (_, chain), cot in zip(wanted, chains, texts, strict=True)
        ]
        return [*self._means(core, chains), *pairs] if config.barycentres else pairs

    def _selected(self) -> dict[str, Row]:
        """What is written of each selected row, by id."""
        columns = ["id", "core_id", "rank", "distance", "arm"]
        tables = [read_stored(path, columns=columns) for path in list_parts(self.settings.root)]
        return {row["id"]: row for table in tables for row in table.to_pylist()}

    def _places(self, ids: Sequence[str]) -> dict[str, tuple[int, Row]]:
        """(part of the chains, stored chains) of some rows of the pool, by id."""
        wanted = pa.array(sorted(set(ids)), type=pa.string())
        found: dict[str, tuple[int, Row]] = {}
        for part in range(len(self.slices) if wanted else 0):
            path = part_path(self.chains, part)
            if path.exists():
                own = pc.indices_nonzero(pc.is_in(read_stored(path, columns=["id"])["id"], value_set=wanted))
                rows = read_stored(path).take(own).to_pylist() if len(own) else []
                found |= {row["id"]: (part, row) for row in rows}
        return found

    def _means(self, core: Mapping[str, Row], chains: Sequence[tuple[int, Row]]) -> list[Pair]:
        """The mean chain of the core set beside that of the rows that are shown."""
        from stages.select_cotp.by_tslearn import barycentre

        sides = [list(core.values()), [row for _, row in chains]]
        series = [[row["bins"] for row in rows if row["bins"]][:_BARYCENTRE_ROWS] for rows in sides]
        if not all(series):
            return []
        length = round(np.mean([len(chain) for chain in series[0]]))
        means = [barycentre(_series(own), length).astype(np.float32) for own in series]
        names = (f"mean of {len(series[0])} core rows", f"mean of {len(series[1])} rows shown")
        empty = Side(id="", question_id="", text="", num_tokens=0)
        return [
            Pair(
                arm="barycentres",
                rank=None,
                core=empty._replace(id=names[0]),
                pool=empty._replace(id=names[1]),
                parts={},
                entropy=curves_of(means[0], means[1], self.settings.config.band),
            )
        ]


def _series(chains: Sequence[Sequence[float]]) -> Series:
    starts = np.cumsum([0, *map(len, chains)], dtype=np.int64)
    return Series(np.concatenate([np.asarray(chain, dtype=np.float32) for chain in chains]), starts)


def formula(share: float, scales: Sequence[float]) -> str:
    """How a distance comes from its parts."""
    terms = ((share, "d_pattern", scales[0]), (1 - share, "d_entropy", scales[1]))
    return " + ".join(f"{factor:g} x {name} / {scale:.4g}" for factor, name, scale in terms if factor > 0)


def _asked(
    show: Sequence[str], selected: Mapping[str, Row], core: Mapping[str, Row], warn: Callable[[str], None]
) -> list[tuple[str, str]]:
    """The pairs that --show names, as (row of the pool, core row); without a core row, the one it was selected for."""
    found = []
    for text in show:
        pool, sign, core_id = text.rpartition("=")
        if sign and core_id in core:
            found.append((pool, core_id))
        elif (own := selected.get(text, {}).get("core_id")) is not None:
            found.append((text, own))
        elif sign:
            warn(f"--show {text}: {core_id!r} is no row of the core set; it is not shown.")
        else:
            warn(f"--show {text}: the row was not selected for a core row; write {text}=CORE_ID to see it beside one.")
    return found


def _core(settings: Settings) -> list[Row]:
    """The stored core rows, with the weights of their patterns and their text."""
    config = settings.config
    rows = read_stored(part_path(hidden(settings.root, CORE), 0)).to_pylist()
    if config.uses_patterns:
        rows = weighted(rows, idf=config.idf, weights=config.weights)
    return [row | {"text": "\n".join(turn["content"] for turn in row["completion"])} for row in rows]


def _arms(root: Path, facts: Mapping[str, Any]) -> list[Arm]:
    table = read_stored(part_path(hidden(root, "arms"), 0), columns=["arm", "num_tokens", "question_id", "correct"])
    told = {arm["arm"]: arm for arm in facts["arms"]}
    found = []
    for name in dict.fromkeys(table["arm"].to_pylist()):
        own = table.filter(pc.equal(table["arm"], name))
        found.append(
            Arm(
                name=name,
                tokens=own["num_tokens"].to_numpy().astype(np.int64),
                questions=pc.count_distinct(own["question_id"]).as_py(),
                correct=pc.mean(own["correct"].cast(pa.float64())).as_py(),
                distance=told.get(name, {}).get("mean_distance"),
                overlap=told.get(name, {}).get("overlap"),
            )
        )
    return found
