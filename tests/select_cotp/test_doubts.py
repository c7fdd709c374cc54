"""What a run warns of where entropies may be of different models."""

from pathlib import Path

import pytest

from tests.select_cotp.laid import laid
from tests.select_cotp.pools import cots


@pytest.mark.parametrize(
    ("pool", "core", "warned"),
    [(None, None, False), ("m", "m", False), ("m", None, True), (None, "m", True)],
)
def test_entropies_of_unknown_models_beside_known_ones_are_doubted(
    tmp_path: Path, pool: str | None, core: str | None, warned: bool
) -> None:
    rows, core_rows = cots("p", 30, 1), cots("c", 3, 2)
    # a null is a row that does not say
    rows = [row | {"entropy_model": pool} for row in rows]
    core_rows = [row | {"entropy_model": core} for row in core_rows]
    doubts = [doubt for doubt in laid(tmp_path, [rows], core_rows).ground.warnings if "entropies" in doubt]
    assert doubts == (
        ["Some rows do not say which model their entropies are of; they are compared as if of m."] if warned else []
    )
    assert laid(tmp_path / "patterns", [rows], core_rows, lambda_=1.0).ground.warnings == ()
