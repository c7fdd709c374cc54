"""`--method within`: every row near enough to a core row, with the nearest one; and names that are no names."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ConfigError
from tests.extract_principles.commands import rows_of
from tests.naive import selection_of_cots as naive
from tests.select_cotp.pools import BINS, cots, files, select, write
from tests.select_cotp.test_run import decided


@pytest.mark.parametrize("candidates", [None, 1])
def test_all_rows_within_the_distance_go_to_their_nearest_core_row(tmp_path: Path, candidates: int | None) -> None:
    pool, core = files(tmp_path)
    rows, core_rows = cots("p", 40, 1), cots("c", 4, 2)
    pattern, entropy = naive.distances(core_rows, rows, BINS)
    scales = naive.medians(core_rows, rows, BINS)
    table = 0.8 * pattern / scales[0] + 0.2 * entropy / scales[1]
    least = table.min(axis=0)
    limit = float(np.sort(least)[[24, 25]].mean())
    select(pool, core, tmp_path / "out", method="within", max_distance=limit, candidates=candidates, arms=("random",))
    found = {row["id"]: row["core_id"] for row in rows_of(tmp_path / "out")}
    assert found == {f"p{j}": f"c{table[:, j].argmin()}" for j in range(40) if least[j] <= limit}
    assert len(found) == 25
    arms = {arm["arm"]: arm["rows"] for arm in decided(tmp_path / "out")["arms"]}
    assert arms == {"pool": 40, "within": 25, "random": 25}


def test_it_needs_a_distance(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    with pytest.raises(ConfigError, match="--max-distance"):
        select(pool, core, tmp_path / "out", method="within")
    with pytest.raises(ConfigError, match="--max-distance"):
        select(pool, core, tmp_path / "out", arms=("within",))


def test_patterns_without_a_name_are_left_out_and_counted(tmp_path: Path) -> None:
    pool, core = files(tmp_path)
    rows = cots("p", 40, 1)
    rows[3]["patterns"] = ["1.", *rows[3]["patterns"], " "]
    rows[4]["patterns"] = ["(2)"]
    select(write(pool, rows), core, tmp_path / "out")
    assert decided(tmp_path / "out")["patterns_without_a_name"] == 3
