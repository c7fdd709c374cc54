"""A judge whose scores come from a file."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import DataError, InputMissing
from stages.core.options import RunOptions
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.judge import Judge, JudgeItem, open_judge


def item(name: str, program: str | None = "x = 1") -> JudgeItem:
    return JudgeItem(name, None, program)


def opened(path: str, root: Path) -> Judge:
    found = open_judge(VerifyCodeConfig(inputs=("x",), judge=path), root, lambda text: None)
    assert found is not None
    return found


TABLE = [{"id": "a", "judge": 4.0}, {"id": "b", "judge": 2.5}, {"id": "7", "judge": 1.0}, {"id": "n", "judge": None}]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        lines = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_scores_come_from_a_file_of_any_form(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"scores{suffix}", TABLE)
    judge = opened(str(path), tmp_path)
    items = [item("b"), item("a"), item("not there"), item("n"), item("7", None)]
    assert judge.score(items, 3) == [2.5, 4.0, None, None, 1.0]
    assert judge.missing == {"not_in_file": 1, "null_in_file": 1}
    assert judge.name == f"scores{suffix}"
    assert len(str(judge.identity["judge_of"])) > 60


def test_another_content_is_another_identity(tmp_path: Path) -> None:
    first = opened(str(write(tmp_path / "s.jsonl", TABLE)), tmp_path).identity
    second = opened(str(write(tmp_path / "s.jsonl", TABLE[:2])), tmp_path).identity
    assert first != second


def test_ids_may_be_whole_numbers(tmp_path: Path) -> None:
    judge = opened(str(write(tmp_path / "s.jsonl", [{"id": 7, "judge": 3}])), tmp_path)
    assert judge.score([item("7")], 0) == [3.0]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_an_id_that_stands_twice_is_told_with_both_places(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"s{suffix}", [*TABLE[:3], {"id": "a", "judge": 4.0}])
    with pytest.raises(DataError, match=rf"s{suffix}:4: the id 'a' stands already in .*s{suffix}:1"):
        opened(str(path), tmp_path)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": "b", "judge": 6}, "field 'judge' is 6; it must be a number from 1 to 5"),
        ({"id": "b", "judge": 0.5}, "field 'judge' is 0.5"),
        ({"id": "b", "judge": "good"}, "field 'judge' is 'good'"),
        ({"id": "b", "judge": True}, "field 'judge' is True"),
        ({"id": "b", "judge": [4]}, r"field 'judge' is \[4\]"),
        ({"id": None, "judge": 4}, "field 'id' is None"),
        ({"judge": 4}, "field 'id' is None"),
        ({"id": {"x": 1}, "judge": 4}, "field 'id'"),
    ],
)
def test_a_wrong_row_is_told_with_its_place(tmp_path: Path, row: dict[str, object], told: str) -> None:
    path = write(tmp_path / "s.jsonl", [{"id": "a", "judge": 4}, row])
    with pytest.raises(DataError, match=f"s.jsonl:2: {told}"):
        opened(str(path), tmp_path)


def test_a_file_that_is_no_table_of_scores_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        opened(str(tmp_path / "nowhere.jsonl"), tmp_path)
    with pytest.raises(DataError, match="no column 'judge'"):
        opened(str(write(tmp_path / "s.jsonl", [{"id": "a", "score": 4}])), tmp_path)
    (tmp_path / "t.jsonl").write_text('{"id": "a", "judge": 4}\nnot json\n')
    with pytest.raises(DataError, match=r"t\.jsonl:2"):
        opened(str(tmp_path / "t.jsonl"), tmp_path)


def test_the_runs_own_limit_and_names_do_not_touch_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", TABLE)
    run = RunOptions(limit=1, map=("judge=rating",))
    judge = open_judge(VerifyCodeConfig(inputs=("x",), judge=str(path), run=run), tmp_path, lambda text: None)
    assert judge is not None
    assert judge.score([item("b")], 0) == [2.5]
