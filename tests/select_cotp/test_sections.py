"""What a report shows of a selection: figures are those of the rows, damage is told, and nothing foreign is markup."""

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from stages.core import charts
from stages.core.sections import Drawing, Grid, Pair, Section
from stages.core.sections_html import section_markup
from stages.select_cotp.pair_blocks import PIECES
from stages.select_cotp.sections import sections
from tests.conftest import ROOT
from tests.extract_principles.commands import rows_of
from tests.naive import dtw
from tests.naive import selection_of_cots as naive
from tests.select_cotp.pools import BINS, cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)
TITLES = [
    "The selection",
    "Arms side by side",
    "Lengths and distances",
    "What was dropped",
    "Core rows",
    "Entropies along the completions",
    "How rows warp onto their core rows",
]
HOSTILE = '</svg><script>alert("&1")</script>\x1b[31m\u202e'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("selection")
    pool, core = files(home)
    select(pool, core, home / "out", per_core=3, sweep=("0,1",))
    return home / "out"


@pytest.fixture
def heats(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """(values, path) of every matrix that is drawn."""
    seen: list[tuple[Any, Any]] = []
    real = charts.heat

    def heat(said: str, rows: Any, columns: Any, values: Any, **options: Any) -> str:
        seen.append((values, list(options["path"])))
        return real(said, rows, columns, values, **options)

    monkeypatch.setattr(charts, "heat", heat)
    return seen


def blocks(found: list[Section], kind: type) -> dict[str, Any]:
    """Blocks of a kind by their titles; of equal ones the first."""
    every = [block for section in found for block in section.blocks if isinstance(block, kind)]
    return {block.title: block for block in reversed(every)}


def test_a_finished_folder_has_all_sections(folder: Path) -> None:
    found = sections(folder)
    assert [section.title for section in found] == TITLES
    facts = dict(blocks(found, Grid)["How"].rows)
    assert facts["selected"] == "12 rows for 4 core rows, by assign"
    assert facts["assignment"].startswith("certified optimal over all pairs, total distance ")
    for drawing in blocks(found, Drawing).values():
        for svg in re.findall("<svg.*?</svg>", drawing.markup, re.DOTALL):
            ElementTree.fromstring(svg)
    assert found == sections(folder)
    assert sum(len(section_markup(section, "s")) for section in found) < 80_000


def test_arms_have_the_figures_of_their_rows(folder: Path) -> None:
    rows = rows_of(folder)
    arms = {row[0]: row for row in blocks(sections(folder), Grid)["Arms"].rows}
    assert list(arms) == [
        *("pool", "assign", "knn", "random", "random-length", "random-matched"),
        *("assign:lambda=0", "assign:lambda=1"),
    ]
    own = arms["assign"]
    assert own[1:3] == ["12", str(len({row["question_id"] for row in rows}))]
    assert own[3] == f"{sum(row['num_tokens'] for row in rows):,}"
    assert own[5] == f"{100 * np.mean([row['correct'] for row in rows]):.1f} %"
    assert own[6] == f"{np.mean([row['distance'] for row in rows]):.4f}"
    assert own[7] == "100.0 %"
    assert arms["pool"][1] == "40"
    # distances of other lambdas are on another scale
    assert "lambda" not in blocks(sections(folder), Drawing)["Mean distance"].said


def test_core_rows_with_the_fewest_and_the_farthest_rows_come_first(tmp_path: Path, folder: Path) -> None:
    rows = rows_of(folder)
    own = {f"c{n}": [row["distance"] for row in rows if row["core_id"] == f"c{n}"] for n in range(4)}
    lines = blocks(sections(folder), Grid)["Core rows"].rows
    assert [line[0] for line in lines] == sorted(own, key=lambda name: -np.mean(own[name]))
    for name, _, _, _, num, nearest, mean, farthest in lines:
        assert num == "3"
        assert [nearest, mean, farthest] == [
            f"{value:.3f}" for value in (min(own[name]), np.mean(own[name]), max(own[name]))
        ]
    pool, core = files(tmp_path)
    limit = sorted(row["distance"] for row in rows)[5]
    select(pool, core, tmp_path / "out", per_core=3, max_distance=limit)
    found = {section.title: section for section in sections(tmp_path / "out")}["Core rows"]
    counts = [int(line[4]) for line in blocks([found], Grid)["Core rows"].rows]
    assert counts == sorted(counts)
    few = sum(num < 3 for num in counts)
    assert few
    assert list(found.doubts) == [f"{few} of 4 core rows have fewer than the 3 rows asked for."]


def test_entropies_are_those_of_the_nearest_rows(folder: Path) -> None:
    rows = rows_of(folder)
    curves = [
        title for title in blocks(sections(folder), Drawing) if title.startswith("Entropies of ") and ", " in title
    ]
    assert len(curves) == 2
    for title in curves:
        core, others = title.removeprefix("Entropies of ").split(" and ")
        own = sorted((row["distance"], row["id"]) for row in rows if row["core_id"] == core)
        assert len(own) == 3
        assert others.split(", ") == [name for _, name in own[:2]]


def test_drops_lead_from_the_pool_to_the_selection(tmp_path: Path) -> None:
    twins = [POOL[0] | {"id": "twin"}, CORE[0] | {"id": "known"}]
    pool = write(tmp_path / "pool.jsonl", [*POOL, *twins, {"id": "broken"}])
    core = write(tmp_path / "core.jsonl", CORE)
    select(pool, core, tmp_path / "out", per_core=2, max_failed=1.0)
    drawing = blocks(sections(tmp_path / "out"), Drawing)["From the pool to the selection"]
    assert drawing.said == (
        "Of 43 rows of the pool 8 were selected; taken out: rejected 1, duplicate 1, in core 1, not selected 32."
    )
    assert dict(drawing.numbers.rows) == {"rejected": "1", "duplicate": "1", "in_core": "1", "not_selected": "32"}


def test_pairs_are_the_nearest_and_the_farthest_with_their_texts(folder: Path) -> None:
    rows = sorted(rows_of(folder), key=lambda row: row["distance"])
    pairs = [block for section in sections(folder) for block in section.blocks if isinstance(block, Pair)]
    assert len(pairs) == 2
    for pair, row in zip(pairs, (rows[0], rows[-1]), strict=True):
        assert pair.title == f"{row['id']} for {row['core_id']} (assign, rank {row['rank']})"
        assert pair.above == (
            f"Distance {row['distance']:.3f}, d_pattern {row['d_pattern']:.3f}, d_entropy {row['d_entropy']:.3f}."
        )
        assert pair.right.pieces[0][0].endswith(row["completion"][0]["content"])
        assert pair.left.pieces[0][0].endswith(CORE[int(row["core_id"][1:])]["completion"])


def test_matrices_and_paths_are_those_of_the_slow_twin(folder: Path, heats: list[tuple[Any, Any]]) -> None:
    rows = sorted(rows_of(folder), key=lambda row: row["distance"])
    found = sections(folder)
    pattern, entropy = naive.distances(CORE, POOL, BINS)
    notes = [block.note for section in found for block in section.blocks if "matrix" in block.title]
    assert len(heats) == len(notes) == 4
    for place, row in enumerate((rows[0], rows[-1])):
        i, j = int(row["core_id"][1:]), int(row["id"][1:])
        assert notes[2 * place].endswith(f"= {pattern[i, j]:.3f}.")
        assert notes[2 * place + 1].endswith(f"= {entropy[i, j]:.3f}.")
        chains = [naive._binned(side, BINS) for side in (CORE[i], POOL[j])]
        (names, name_path), (values, path) = heats[2 * place], heats[2 * place + 1]
        assert values == pytest.approx(np.abs(np.subtract.outer(*map(np.array, chains))), abs=1e-6)
        assert sum(values[cell] for cell in path) / BINS == pytest.approx(dtw.dtw(*chains), rel=1e-5)
        assert names.shape == (len(CORE[i]["patterns"]), len(POOL[j]["patterns"]))
        for way, (n, m) in ((path, values.shape), (name_path, names.shape)):
            assert (way[0], way[-1]) == ((0, 0), (n - 1, m - 1))
            assert {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way)} <= {(0, 1), (1, 0), (1, 1)}


def test_long_chains_are_drawn_as_means_of_pieces_within_their_band(
    tmp_path: Path, heats: list[tuple[Any, Any]]
) -> None:
    pool, core = files(tmp_path)
    select(pool, core, tmp_path / "out", per_core=2, bins="60", band=0.2, lambda_=0.0)
    found = sections(tmp_path / "out")
    assert "Patterns that warp onto each other" not in blocks(found, Drawing)
    row = min(rows_of(tmp_path / "out"), key=lambda row: row["distance"])
    one, two = (np.array(naive._binned(side, 60)) for side in (CORE[int(row["core_id"][1:])], POOL[int(row["id"][1:])]))
    starts = [place * 60 // PIECES for place in range(PIECES + 1)]
    values, path = heats[0]
    assert values.shape == (PIECES, PIECES)
    for k in range(PIECES):
        for m in range(PIECES):
            inside = [
                abs(one[i] - two[j])
                for i in range(starts[k], starts[k + 1])
                for j in range(starts[m], starts[m + 1])
                if abs(i - j) <= 12
            ]
            assert values[k, m] == pytest.approx(np.mean(inside), abs=1e-6) if inside else np.isnan(values[k, m])
    assert all(np.isfinite(values[cell]) for cell in path)
    assert len(path) == len(set(path))


def test_what_is_not_there_is_not_shown(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = "Nothing is selected yet: what is shown is what the run has stored so far."
    assert [list(section.doubts) for section in sections(tmp_path / "empty")] == [[told]]
    shutil.copytree(folder, tmp_path / "chains")
    shutil.rmtree(tmp_path / "chains" / ".rlbff" / "chains")
    assert "Entropies along the completions" not in [section.title for section in sections(tmp_path / "chains")]
    shutil.copytree(folder, tmp_path / "begun")
    for name in (
        "part-00000.parquet",
        ".rlbff/manifest.json",
        ".rlbff/report/decided.json",
        ".rlbff/arms/part-00000.parquet",
    ):
        (tmp_path / "begun" / name).unlink()
    assert [(section.title, list(section.doubts)) for section in sections(tmp_path / "begun")] == [(TITLES[0], [told])]


@pytest.mark.parametrize(("tokens", "told"), [(79.0, True), (81.0, False), (124.0, False), (126.0, True)])
def test_lengths_unlike_those_of_the_pool_are_told(tokens: float, told: bool, tmp_path: Path) -> None:
    arms = [{"arm": "assign", "mean_tokens": tokens}, {"arm": "pool", "mean_tokens": 100.0}]
    (tmp_path / ".rlbff" / "report").mkdir(parents=True)
    record = {"main": "assign", "arms": arms, "certificate": {"certified": told}}
    (tmp_path / ".rlbff" / "report" / "decided.json").write_text(json.dumps(record))
    doubts = " ".join(doubt for section in sections(tmp_path) for doubt in section.doubts)
    assert ("length may pass for merit" in doubts) == told
    assert ("not proven to be the best one" in doubts) == (not told)


def test_what_is_damaged_is_told(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "out")
    shard = tmp_path / "out" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:200])
    (tmp_path / "out" / ".rlbff" / "report" / "decided.json").write_text('{"arms": [1, {"arm": 2}], "scales": "x"}')
    found = sections(tmp_path / "out")
    assert any("part-00000.parquet cannot be read" in doubt for doubt in found[0].doubts)


def test_texts_and_ids_are_only_text_and_the_size_is_bounded(tmp_path: Path) -> None:
    def hostile(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            row
            | {
                "id": f"{row['id']}{HOSTILE}" + "x" * 300,
                "completion": f"{HOSTILE} {row['completion']} " + "y" * 5000,
                "patterns": [f"{name} {HOSTILE}" for name in row["patterns"]] * 9,
                "entropy": row["entropy"] * 30,
            }
            for row in rows
        ]

    pool = write(tmp_path / "pool.jsonl", hostile(cots("p", 60, 3)))
    core = write(tmp_path / "core.jsonl", hostile(cots("c", 30, 4)))
    select(pool, core, tmp_path / "out", per_core=1, bins="256", near_duplicates=None, max_failed=1.0)
    text = "".join(section_markup(section, "s") for section in sections(tmp_path / "out"))
    assert "<script" not in text
    assert not re.search("[\x1b\u202e]", text)
    # a quotation mark of theirs takes six letters of ours
    assert 40_000 < len(text.encode()) < 140_000


def test_no_model_package_is_imported(folder: Path) -> None:
    code = (
        f"import sys; from pathlib import Path; from stages.select_cotp.sections import sections; "
        f"assert len(sections(Path({str(folder)!r}))) == {len(TITLES)}; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
