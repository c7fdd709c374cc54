import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.shards import part_path, to_table, write_part
from stages.core.tables import METRICS
from stages.rewards import card
from stages.train_rm import loop
from stages.train_rm.config import TrainRmConfig
from stages.train_rm.run import run
from stages.train_rm.sections import CARD, sections
from stages.train_rm.step_log import StepLog, StepRecord
from tests.extract_principles.commands import ROOT, manifest_of, rows_of
from tests.section_texts import block, check_sections, doubts_of, rows_of_block
from tests.train_rm.reviews import principle_rows, write_jsonl

QUICK: dict[str, Any] = {"model": "tiny", "epochs": 1.0, "step_tokens": 512, "held_out": 0.4, "precision": "fp32"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_jsonl(tmp_path_factory.mktemp("rows") / "rows.jsonl", principle_rows())


@pytest.fixture(scope="module")
def trained(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "rm"
    run(TrainRmConfig(inputs=(source,), out=out, **QUICK))
    return out


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "rm"))


def figure(root: Path, metric: str, group: str = "all", split: str = "test split") -> dict[str, Any]:
    (found,) = [
        row for row in rows_of(root) if (row["benchmark"], row["metric"], row["group"]) == (split, metric, group)
    ]
    return found


def told(one: dict[str, Any]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def test_accuracies_are_those_of_the_metrics(trained: Path) -> None:
    shown = sections(trained)
    check_sections(shown)
    groups = {
        row["group"] for row in rows_of(trained) if row["metric"] == "accuracy.raw" and "test" in row["benchmark"]
    }
    metric = "accuracy.calibrated" if card.read_card(trained).calibration else "accuracy.raw"  # type: ignore[union-attr]
    rows = rows_of_block(shown, "Accuracy on")
    assert rows[0][0] == "all"
    assert {row[0] for row in rows} == groups
    for name, n, cell in rows:
        assert (n, cell) == (str(figure(trained, metric, name)["n"]), told(figure(trained, metric, name)))
    for name, _, cell in rows_of_block(shown, "Does it read")[1:]:
        of = {"majority per principle": "majority", "shuffled principles": "shuffled_principle"}
        assert cell == told(figure(trained, f"accuracy.{of.get(name, 'principle_only')}"))


def test_figures_before_calibration_are_those_of_the_metrics(trained: Path) -> None:
    for split in ("test split", "calibration split"):
        rows = {row[0].split(" (")[0]: row[1] for row in rows_of_block(sections(trained), f"Figures of the {split}")}
        assert rows["accuracy"] == told(figure(trained, "accuracy.raw", split=split))
        assert rows["negative log-likelihood"] == told(figure(trained, "nll.raw", split=split))


def test_held_out_rows_are_counted(trained: Path) -> None:
    for name, rows, conversations, yes, principles in rows_of_block(sections(trained), "Rows that were not"):
        own = pq.read_table(trained / "held_out" / name).to_pylist()
        assert rows == str(len(own))
        assert conversations == str(len({json.dumps(row["prompt"]) for row in own}))
        assert yes == f"{100 * sum(row['label'] for row in own) / len(own):.1f} %"
        assert principles == str(len({row["principle"] for row in own}))


def test_a_held_out_row_without_a_principle_counts_none(folder: Path) -> None:
    path = next((folder / "held_out" / "test").glob("part-*.parquet"))
    rows = pq.read_table(path)
    names = rows["principle"].to_pylist()
    column = rows.schema.get_field_index("principle")
    lacking = pa.array([None, *names[1:]], rows.schema.field(column).type)
    pq.write_table(rows.set_column(column, rows.schema.field(column), lacking), path)
    (line,) = [line for line in rows_of_block(sections(folder), "Rows that were not") if line[0] == "test"]
    assert line[4] == str(len(set(names[1:])))


def test_the_card_is_told_and_warnings_are_doubts(folder: Path) -> None:
    rows = dict(map(tuple, rows_of_block(sections(folder), "The model's card")))  # type: ignore[arg-type]
    assert (rows["kind"], rows["base"], rows["objective"]) == ("entailment", "tiny", "entailment/bce")
    trained_on = manifest_of(folder)["facts"]["trained_on"]
    assert f"conversations {trained_on['conversations']}, " in rows["trained on"]
    for warning in manifest_of(folder)["facts"]["warnings"]:
        assert " ".join(warning.split())[:300] in doubts_of(sections(folder))
    path = folder / ".rlbff" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"facts": manifest["facts"] | {"warnings": ["It reads nothing."]}}))
    assert "It reads nothing." in doubts_of(sections(folder))


def test_the_loss_is_that_of_every_step(trained: Path) -> None:
    rows = [row for row in rows_of(trained) if row["metric"] == "loss" and row["step"] is not None]
    shown = rows_of_block(sections(trained), "Loss")
    stored = {str(row["step"]): f"{row['value']:.4g}" for row in rows}
    assert {row[1]: row[2] for row in shown}.items() <= stored.items()
    assert f"over {len(rows)} steps." in block(sections(trained), "Loss").said  # type: ignore[union-attr]


def write_metrics(root: Path, rows: list[dict[str, Any]]) -> None:
    plain = {"stage": "train-rm", "benchmark": "training", "group": "all"}
    table = to_table([plain | row for row in rows], METRICS.schema())
    write_part(part_path(root, 0, rows_in="metrics"), table, {}, root / "tmp")


def test_neighbouring_steps_become_one_point_with_a_band(tmp_path: Path) -> None:
    # 120 steps in 60 points of two: steps 1 and 2 have 1 and 3, of which the mean is 2, and the deciles 1.2 and 2.8
    write_metrics(tmp_path, [{"step": n, "metric": "loss", "value": 1.0 + 2 * (n % 2 == 0)} for n in range(1, 121)])
    shown = rows_of_block(sections(tmp_path), "Loss")
    assert shown[0] == ["loss of rows", "1 to 2", "2", "1.2", "2.8"]
    assert all(row[2:] == ["2", "1.2", "2.8"] for row in shown)
    assert "band" in block(sections(tmp_path), "Loss").markup  # type: ignore[union-attr]
    check_sections(sections(tmp_path))


def test_a_run_that_is_training_shows_its_steps_so_far(tmp_path: Path) -> None:
    log = StepLog(tmp_path / ".rlbff" / "training" / "0123456789abcdef" / loop.LOG, 0)
    for step in range(1, 6):
        log.add(StepRecord(step, 1 / step, None, 2.0, 1e-4, 10, 3, 0))
    log.close()
    shown = sections(tmp_path)
    assert [row[1:3] for row in rows_of_block(shown, "Loss")] == [[str(n), f"{1 / n:.4g}"] for n in range(1, 6)]
    assert "not finished" in doubts_of(shown)
    path = tmp_path / ".rlbff" / "training" / "0123456789abcdef" / loop.LOG
    path.write_text(path.read_text() + '{"step": 6}\n')
    assert len(rows_of_block(sections(tmp_path), "Loss")) == 5


def test_a_model_of_pairs_shows_its_pairs(source: str, tmp_path: Path) -> None:
    out = tmp_path / "bt"
    run(TrainRmConfig(inputs=(source,), out=out, objective="bradley-terry", **QUICK))
    shown = sections(out)
    check_sections(shown)
    (line,) = rows_of_block(shown, "Accuracy on")
    own = figure(out, "accuracy")
    assert line[1:] == [str(own["n"]), told(own)]
    assert "pairs of the test split" in block(shown, "Accuracy on").said  # type: ignore[union-attr]
    figures = {row[0]: row[1] for row in rows_of_block(shown, "Figures of the test")}
    assert figures["mean margin"] == told(figure(out, "mean_margin"))
    assert {row[3] for row in rows_of_block(shown, "Rows that were not")} == {"-"}
    assert "loss of pairs" in block(shown, "Loss").said  # type: ignore[union-attr]


def test_the_card_has_the_name_that_models_have() -> None:
    assert card.CARD == CARD


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (CARD, "reward_model.json is damaged"),
        ("metrics/part-00000.parquet", "part-00000.parquet cannot be read"),
        ("held_out/test/part-00000.parquet", ""),
        (".rlbff/manifest.json", ""),
        (".rlbff/stats/part-00000.json", ""),
    ],
)
@pytest.mark.parametrize("text", ["[3]", "{", "\0\0", ""])
def test_damage_is_told_and_the_rest_shown(folder: Path, name: str, says: str, text: str) -> None:
    (folder / name).write_text(text)
    check_sections(sections(folder))
    assert says in doubts_of(sections(folder))


def test_damage_of_held_out_rows_is_told(folder: Path) -> None:
    (folder / "held_out" / "test" / "part-00000.parquet").write_text("")
    assert "part-00000.parquet cannot be read" in doubts_of(sections(folder))


def test_every_file_may_be_missing(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), key=lambda one: -len(one.parts)):
        if path.is_file():
            path.unlink()
            check_sections(sections(folder))
    assert sections(folder) == []


HOSTILE = ("<script>", "\u202etxet", "a\0b\x1b[31m", "x" * 5000, " \n ", "", "\ufffe", "all", "名前", None)
VALUES = (None, 3, -1e300, "x" * 900, [], {}, [[]], {"a": 1}, True, {"<b>": "\0"})


@pytest.mark.parametrize("seed", range(12))
def test_any_figures_are_shown(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    numbers = (0.5, -3e300, 1e-300, float("nan"), float("inf"), None, draw.random())
    metrics = (
        "accuracy.raw",
        "accuracy.calibrated",
        "accuracy",
        "accuracy.majority",
        "nll.raw",
        "loss",
        "grad_norm",
        None,
    )
    rows = [
        {
            "step": draw.choice((None, None, -1, 0, 5, 2**60)),
            "benchmark": draw.choice(("test split", "calibration split", "<b>")),
            "group": draw.choice(HOSTILE),
            "metric": draw.choice(metrics),
            **{name: draw.choice(numbers) for name in ("value", "low", "high")},
            "n": draw.choice((None, 0, -5, 7)),
        }
        for _ in range(draw.choice((1, 200)))
    ]
    write_metrics(folder, rows)
    for path in (folder / CARD, folder / ".rlbff" / "manifest.json"):
        stored = json.loads(path.read_text())
        inner = stored.get("facts", stored)
        inner |= {name: draw.choice((value, *VALUES)) for name, value in inner.items()}
        path.write_text(json.dumps(stored))
    check_sections(sections(folder))


def test_no_torch_is_loaded() -> None:
    code = "import stages.train_rm.sections, sys; print({'torch', 'jinja2', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
