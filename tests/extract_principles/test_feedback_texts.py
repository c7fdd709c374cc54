import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.sections import Pair
from stages.extract_principles.sections import sections
from tests.extract_principles.commands import ROOT, rlbff
from tests.section_texts import check_sections, pairs_of

ROWS = [json.loads(line) for line in (ROOT / "sample_data" / "feedback.jsonl").read_text().splitlines()]
QUOTED, WHOLE = "Feedback, from its quotes", "Feedback"


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `feedback.jsonl` and the principles in it."""
    place = tmp_path_factory.mktemp("extracted")
    write(place / "feedback.jsonl", ROWS)
    assert rlbff("extract-principles", "feedback.jsonl", "--out", "out", cwd=place).returncode == 0
    return place


@pytest.fixture
def place(extracted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(extracted, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def shown(place: Path) -> list[Pair]:
    found = sections(place / "out")
    check_sections(found)
    return pairs_of(found)


def marks(pairs: list[Pair]) -> list[tuple[str, str, str]]:
    return [(pair.title, text, mark) for pair in pairs for text, mark in pair.right.pieces if mark]


def check_pieces(pair: Pair, texts: list[str]) -> None:
    """Between names of annotators, each stretch of what is shown stands in that annotator's feedback."""
    stretches: dict[int, str] = {}
    annotator = -1
    for text, _ in pair.right.pieces:
        if text.strip().startswith("Annotator "):
            annotator = int(text.split()[1].rstrip(":")) - 1
            stretches[annotator] = ""
        else:
            stretches[annotator] += text
    assert stretches
    for number, stretch in stretches.items():
        assert stretch.removesuffix(" …") in texts[number]
        assert len(stretch) >= min(len(texts[number]), 100)


def test_evidence_is_marked_in_the_feedback_itself(place: Path) -> None:
    texts = {row["id"]: row["feedback"] for row in ROWS}
    pairs = shown(place)
    assert len(pairs) > 4
    for pair in pairs:
        assert pair.right.title == WHOLE
        check_pieces(pair, texts[pair.left.about])
    assert any(" · " not in text and not mark and len(text) > 20 for pair in pairs for text, mark in pair.right.pieces)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: write(path, [{**row, "feedback": ["Other words."] * 3} for row in ROWS]),
        lambda path: write(path, [{**row, "feedback": row["feedback"][:1]} for row in ROWS]),
        lambda path: write(path, [{**row, "id": f"another-{row['id']}"} for row in ROWS]),
        lambda path: write(path, [{**row, "feedback": ["x" + text for text in row["feedback"]]} for row in ROWS]),
        lambda path: path.write_bytes(b"\xff\x00{"),
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_where_the_input_is_not_what_it_was_the_quotes_are_shown(place: Path, change: Callable[[Path], object]) -> None:
    before = shown(place)
    change(place / "feedback.jsonl")
    after = shown(place)
    assert {pair.right.title for pair in after} <= {QUOTED, WHOLE}
    assert QUOTED in {pair.right.title for pair in after}
    assert marks(after) == marks(before)
    texts = {row["id"]: row["feedback"] for row in ROWS}
    for pair in after:
        if pair.right.title == WHOLE:
            check_pieces(pair, texts[pair.left.about])


def test_one_changed_row_leaves_the_others_whole(place: Path) -> None:
    one = shown(place)[0].left.about
    write(place / "feedback.jsonl", [{**row, "feedback": ["No."]} if row["id"] == one else row for row in ROWS])
    assert {pair.left.about == one for pair in shown(place) if pair.right.title == QUOTED} == {True}
    assert {pair.left.about == one for pair in shown(place) if pair.right.title == WHOLE} == {False}


def test_a_larger_input_than_is_read_again_leaves_the_quotes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (place / "feedback.jsonl").stat().st_size
    for most, title in ((size, WHOLE), (size - 1, QUOTED)):
        monkeypatch.setattr("stages.extract_principles.feedback_texts._MOST_BYTES", most)
        assert {pair.right.title for pair in shown(place)} == {title}


def test_inputs_with_other_columns_compressed_and_in_folders_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"review" if name == "feedback" else name: row[name] for name in row}) for row in ROWS]
    with gzip.open(tmp_path / "in" / "a.jsonl.gz", "wt") as out:
        out.write("\n".join(lines[:30]))
    (tmp_path / "in" / "b.jsonl").write_text("\n".join(lines[30:]))
    assert rlbff("extract-principles", "in", "--map", "feedback=review", "--out", "out", cwd=tmp_path).returncode == 0
    monkeypatch.chdir(tmp_path)
    assert {pair.right.title for pair in shown(tmp_path)} == {WHOLE}


@pytest.mark.parametrize("line", ["inputs: 3", "inputs: [/dev/zero, 5]", "map: [x]", "max_row_bytes: many", "- 1"])
def test_a_record_of_options_that_makes_no_sense_leaves_the_quotes(place: Path, line: str) -> None:
    path = place / "out" / ".rlbff" / "config.yaml"
    name = line.split(":")[0]
    path.write_text("\n".join([line, *(one for one in path.read_text().splitlines() if not one.startswith(name))]))
    if name == "inputs":
        path.write_text("\n".join(one for one in path.read_text().splitlines() if one != "- feedback.jsonl"))
    assert {pair.right.title for pair in shown(place)} == {QUOTED}
