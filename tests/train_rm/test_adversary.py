"""What a careless or unlucky user does to train-rm."""

import resource
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from stages.core.errors import ConfigError, DataError, InputMissing, OutputError
from stages.core.manifest import folder_status
from stages.core.options import RunOptions
from stages.rewards.card import read_card
from stages.train_rm.run import run
from tests.extract_principles.commands import COMMAND, contents, environment, manifest_of, rlbff
from tests.tiny_families import VOCAB, answering_tokenizer
from tests.train_rm.reviews import principle_rows, write_jsonl
from tests.train_rm.test_run import Heard, configure


@pytest.fixture
def source(tmp_path: Path) -> str:
    return write_jsonl(tmp_path / "rows.jsonl", principle_rows(8))


@pytest.mark.parametrize("name", ["epochs", "learning_rate", "margin_weight", "weight_decay"])
def test_infinite_numbers_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} is infinite"):
        configure("rows.jsonl", Path("rm"), **{name: float("inf")})


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_numpy_does_not_take_are_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match=f"--seed is {seed}"):
        configure("rows.jsonl", Path("rm"), run=RunOptions(seed=seed))


@pytest.mark.parametrize("changes", [{"pairs": "fulfilment"}, {"margin": 1.0}])
def test_options_that_would_do_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="bradley-terry"):
        configure("rows.jsonl", Path("rm"), **changes)


@pytest.mark.parametrize("objective", ["entailment", "bradley-terry"])
@pytest.mark.parametrize("held_out", [0.0, 0.4])
def test_a_model_that_the_last_step_broke_is_not_stored(
    objective: str, held_out: float, source: str, tmp_path: Path
) -> None:
    broken = {"learning_rate": 1e39, "clip": 1e30, "warmup": 0.0, "step_tokens": 10**6, "held_out": held_out}
    with pytest.raises(DataError, match=r"not finite for \d+ of the rows .* the first rows\.jsonl:\d+"):
        run(configure(source, tmp_path / "rm", objective=objective, **broken))
    assert not (tmp_path / "rm" / "config.json").exists()
    assert not folder_status(tmp_path / "rm").finished


def test_a_loss_that_is_not_finite_names_rows_as_files_count_them(source: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the input rows are rows\.jsonl:[1-9]\d*, rows\.jsonl:"):
        run(configure(source, tmp_path / "rm", learning_rate=1e30, clip=1e30, warmup=0.0, epochs=3.0))


def test_after_a_run_without_a_checkpoint_another_learning_rate_needs_no_overwriting(
    source: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="lower --learning-rate"):
        run(configure(source, tmp_path / "rm", learning_rate=1e30, clip=1e30, warmup=0.0, epochs=3.0))
    assert run(configure(source, tmp_path / "rm")).complete
    assert not (tmp_path / "rm" / ".rlbff" / "training").exists()


@pytest.mark.parametrize("bad", [0, 9])
def test_without_a_preference_that_prefers_there_is_no_model_and_no_success(bad: int, tmp_path: Path) -> None:
    """`bad` is the rating of every other row: equally good, or none that there is."""
    rows = [
        {"context": f"q{n}", "response1": "a", "response2": "b", "overall_preference": bad if n % 2 else 0}
        for n in range(8)
    ]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    for _ in range(2):
        with pytest.raises(DataError, match=r"there is no model.*no_preference"):
            run(configure(source, tmp_path / "rm", objective="bradley-terry"))


@pytest.mark.parametrize(("held_out", "pairs"), [(0.0, "principle"), (0.4, "principle"), (0.4, "fulfilment")])
def test_rows_that_make_no_pair_are_told_of_by_their_reason(held_out: float, pairs: str, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [row | {"label": True} for row in principle_rows(4)])
    with pytest.raises(DataError, match=f"--pairs {pairs} finds no two responses"):
        run(configure(source, tmp_path / "rm", objective="bradley-terry", held_out=held_out, pairs=pairs))


def test_a_row_is_never_both_rejected_and_held_out(tmp_path: Path) -> None:
    rows = [
        row | ({"principle": "far too long " * 3000} if n % 5 == 0 else {}) for n, row in enumerate(principle_rows())
    ]
    report = run(configure(write_jsonl(tmp_path / "rows.jsonl", rows), tmp_path / "rm"))
    held_out = {
        split: pq.read_table(tmp_path / "rm" / "held_out" / split).to_pylist() for split in ("calibration", "test")
    }
    assert all(len(row["principle"]) < 1000 for split in held_out.values() for row in split)
    card = read_card(tmp_path / "rm")
    assert card is not None
    assert card.held_out["rows"] == len(held_out["test"])
    assert card.calibration is None or card.calibration.rows == len(held_out["calibration"])
    trained_on = manifest_of(tmp_path / "rm")["facts"]["trained_on"]
    assert trained_on["rows"] + sum(map(len, held_out.values())) == report.rows["kept"]


def test_conversations_of_which_no_row_is_trained_on_are_not_counted(tmp_path: Path) -> None:
    rows = [row | ({"principle": "far too long " * 3000} if n < 12 else {}) for n, row in enumerate(principle_rows(8))]
    run(configure(write_jsonl(tmp_path / "rows.jsonl", rows), tmp_path / "rm", held_out=0.0))
    trained_on = manifest_of(tmp_path / "rm")["facts"]["trained_on"]
    assert (trained_on["conversations"], trained_on["responses"], trained_on["rows"]) == (6, 12, 36)


@pytest.mark.parametrize("objective", ["entailment", "bradley-terry"])
def test_who_holds_nothing_out_is_told_so_once(objective: str, source: str, tmp_path: Path) -> None:
    heard = Heard()
    run(configure(source, tmp_path / "rm", held_out=0.0, objective=objective), progress=heard)
    assert heard.warnings == ["Nothing is held out, so that the model is neither measured nor calibrated."]


@pytest.mark.parametrize(("model", "out"), [("rm", "rm"), ("rm", "rm/next"), ("rm", ".")])
def test_a_base_model_is_never_overwritten_by_what_is_made_of_it(
    model: str, out: str, source: str, tmp_path: Path
) -> None:
    run(configure(source, tmp_path / "rm"))
    before = contents(tmp_path / "rm")
    with pytest.raises(OutputError, match="one in the other"):
        run(configure(source, tmp_path / out, model=str(tmp_path / model), run=RunOptions(overwrite=True)))
    assert contents(tmp_path / "rm") == before


@pytest.mark.parametrize(
    ("kind", "objective"),
    [(BertForMaskedLM, "entailment"), (BertForSequenceClassification, "bradley-terry")],
)
def test_a_base_that_sees_what_comes_is_refused(kind: Any, objective: str, source: str, tmp_path: Path) -> None:
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    with torch.random.fork_rng():
        model = kind(BertConfig(vocab_size=VOCAB, max_position_embeddings=512, num_labels=1, **shape))
    model.save_pretrained(tmp_path / "bert")
    answering_tokenizer().save_pretrained(tmp_path / "bert")
    with pytest.raises(ConfigError, match="does not read from left to right"):
        run(configure(source, tmp_path / "rm", model=str(tmp_path / "bert"), objective=objective))


def test_a_dry_run_notices_that_the_base_is_not_there(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="no-such"):
        run(configure(source, tmp_path / "rm", model=str(tmp_path / "no-such"), run=RunOptions(dry_run=True)))


@pytest.mark.parametrize(
    "largest",
    [pytest.param(2_000_000, marks=pytest.mark.slow), pytest.param(1_000_000, marks=pytest.mark.campaign)],
)
def test_a_disk_that_is_full_is_not_called_a_bug_and_the_run_goes_on_where_there_is_room(
    largest: int, source: str, tmp_path: Path
) -> None:
    """The limit on the size of a file stands for the disk: the optimiser's state is cut, or the base already is."""
    options = (
        "train-rm",
        source,
        "--model",
        "tiny",
        "--step-tokens",
        512,
        "--epochs",
        1,
        "--save-every",
        1,
        "-o",
        "rm",
    )
    done = subprocess.run(
        [*COMMAND, *map(str, options)],
        cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="1"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (73, ""), done.stderr
    assert "cannot be written" in done.stderr.splitlines()[-1]
    assert rlbff(*options, cwd=tmp_path).returncode == 0


def test_held_out_rows_of_a_killed_run_do_not_stay_beside_a_model_that_was_trained_on_them(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stages.train_rm.learning.move_into_place", killed)
    with pytest.raises(KeyboardInterrupt):
        run(configure(source, tmp_path / "rm"))
    monkeypatch.undo()
    assert (tmp_path / "rm" / "held_out" / "test").exists()
    run(configure(source, tmp_path / "rm", held_out=0.0, run=RunOptions(overwrite=True)))
    assert not (tmp_path / "rm" / "held_out").exists()
