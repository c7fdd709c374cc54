"""What the overview of a report counts, told from folders made by hand."""

from pathlib import Path

from stages.core.gathered import gather
from stages.core.sections import Drawing, Grid
from tests.core.made_folders import make, write_rows


def test_reasons_are_listed_by_how_often_they_took_something_out(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "source.parquet", "x")
    root = make(tmp_path / "out", [source], dropped_by={"few": 1, "many": 5, "also": 1})
    (overview, _) = gather([root], {})
    (reasons,) = [block for one in overview.sections for block in one.blocks if isinstance(block, Grid)]
    assert [list(row) for row in reasons.rows if row[1] == "dropped"] == [
        ["out", "dropped", "many", "5"],
        ["out", "dropped", "also", "1"],
        ["out", "dropped", "few", "1"],
    ]


def test_folders_in_the_drawing_lead_to_their_parts_behind_the_overview(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "source.parquet", "x")
    root = make(tmp_path / "out", [source])
    (overview, _) = gather([root], {})
    drawn = [block for one in overview.sections for block in one.blocks if isinstance(block, Drawing)]
    assert 'href="#p2"' in drawn[0].markup
    assert 'href="#p1"' not in drawn[0].markup


def test_the_sum_of_rows_tells_how_many_were_read_and_kept(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "source.parquet", "x")
    root = make(tmp_path / "out", [source], rows=("1", "2", "3"), dropped_by={"many": 5})
    (overview, _) = gather([root], {})
    drawn = [block for one in overview.sections for block in one.blocks if isinstance(block, Drawing)]
    rows = drawn[1].numbers
    assert rows is not None
    (line,) = rows.rows
    assert drawn[1].said.startswith(f"Of {line[1]} rows that the folders read, {line[2]} were kept")
    assert line[2] != line[3]
