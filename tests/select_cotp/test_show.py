"""What a run says at its end, by hand."""

from pathlib import Path
from typing import Any

from stages.select_cotp.show import certificate, closing_facts

CERTIFICATE: dict[str, Any] = {
    "certified": True,
    "gap": 0.0,
    "distance": 1.25,
    "empty": 0,
    "rounds": 1,
    "infeasible_rounds": 0,
}


def test_a_certificate_in_a_sentence() -> None:
    assert certificate(CERTIFICATE) == "certified optimal over all pairs, total distance 1.25"
    found = certificate(CERTIFICATE | {"rounds": 4, "infeasible_rounds": 2, "empty": 3})
    assert found == (
        "certified optimal over all pairs, total distance 1.25, 3 places empty, lists made longer 3 times "
        "(2 without an assignment)"
    )
    found = certificate(CERTIFICATE | {"certified": False, "gap": 0.0125})
    assert found == "at most 1.25 % above the optimum over all pairs, total distance 1.25"


def test_nearest_neighbours_are_told_where_there_are_such() -> None:
    rows = {"in": 9, "kept": 6, "dropped": 2, "rejected": 1}
    manifest = {"rows": rows, "dropped_by": {"not_selected": 2}, "written": 6}
    facts = {
        "core_rows": 2,
        "per_core": 3,
        "annotator": "column",
        "names": 7,
        "entropy_model": "column",
        "scales": [0.5, 1.0],
        "certificate": None,
        "distinct_nearest": {"knn": 4},
        "main": "knn",
    }
    found = closing_facts(manifest, facts, Path("out"), Path("page.html"))
    assert found["nearest neighbours"] == "4 distinct rows in 6 places, before knn is filled up"
    assert found["written"] == "6 rows of the arm knn to out"
    assert "assignment" not in found
    assert "nearest neighbours" not in closing_facts(manifest, facts | {"distinct_nearest": {}}, Path("o"), Path("p"))
