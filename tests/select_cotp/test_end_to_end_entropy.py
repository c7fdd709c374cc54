"""select-cotp with entropies computed by a causal language model in this process."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.models.token_entropy import EntropyModel, open_entropy_model
from stages.select_cotp import jobs
from stages.select_cotp.bins import per_step, step_boundaries
from tests.extract_principles.commands import rows_of
from tests.naive.bins import binned
from tests.select_cotp.pools import select, write
from tests.tiny_models import save_tiny_causal_lm

STEPS = (
    "Let me restate the question: we look for the sum of the numbers {} and {}, and for nothing else at all. It is so.",
    "Computing it, {} + {} is what there is to add, digit by digit from the right, with the carry where there is one.",
    "Wait, that is wrong. The numbers {} and {} have to be added once more, since a digit was forgotten in the middle.",
    "Let me check it: {} + {} must be larger than both, and it is. So nothing was forgotten this time, I am sure.",
    "Therefore the final answer is the sum of {} and {}, as was said before, and there is nothing more to be said now.",
)


def worked(prefix: str, num: int, seed: int) -> list[dict[str, Any]]:
    """Rows with neither patterns nor entropies."""
    draw = random.Random(seed)
    rows = []
    for number in range(num):
        steps = [STEPS[0], *draw.choices(STEPS, k=draw.randrange(1, 4)), STEPS[4]]
        text = "\n\n".join(step.format(draw.randrange(999), draw.randrange(999)) for step in steps)
        rows.append({"id": f"{prefix}{number}", "prompt": f"Add {prefix} {number}.", "completion": text})
    return rows


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "first")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "pool.jsonl", worked("p", 24, 1))
    write(tmp_path / "core.jsonl", worked("c", 3, 2))
    monkeypatch.setattr(jobs, "ROWS_A_PART", 5)
    return tmp_path


def computed(here: Path, out: str, model: Path | str, **options: Any) -> Path:
    """Select with entropies of the model and patterns by the rules."""
    further = {"per_core": 2, "patterns": "rules", "device": "cpu"} | options
    select(here / "pool.jsonl", here / "core.jsonl", here / out, entropy_model=str(model), **further)
    return here / out


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    paths = sorted((folder / ".rlbff" / name).glob("part-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def entropies_of(model: EntropyModel, rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """As the output holds them: float16."""
    found = {}
    for row in rows:
        (values,) = model.entropies([([Message("user", row["prompt"])], row["completion"])])
        assert isinstance(values, np.ndarray)
        found[row["id"]] = values.astype(np.float16).tolist()
    return found


@pytest.mark.parametrize("which", ["tiny", "folder"])
def test_the_output_has_the_entropies_of_the_model(here: Path, model: Path, which: str) -> None:
    name = "tiny" if which == "tiny" else str(model)
    out = computed(here, "out", name, seed=3)
    pool, core = worked("p", 24, 1), worked("c", 3, 2)
    texts = tuple(row["completion"] for row in pool)
    source = open_entropy_model(
        name, revision=None, device="cpu", dtype=None, pack_tokens=8192, tiny_texts=texts, seed=3
    )
    expected = entropies_of(source, [*pool, *core])
    rows = rows_of(out)
    assert len(rows) == 6
    for row in [*rows, *table(out, "chains"), *table(out, "core")]:
        assert row["entropy"] == pytest.approx(expected[row["id"]], abs=2e-3)
        assert row["num_tokens"] == len(expected[row["id"]])
        assert row["entropy_model"] == str(source.identity)
    for row in table(out, "chains"):
        assert row["bins"] == pytest.approx(binned(row["entropy"], 16), rel=1e-5)
    stored = {row["id"]: row["entropy"] for row in table(out, "chains")}
    assert all(row["entropy"] == stored[row["id"]] for row in rows)
    # an entropy of a model is no text of a column
    assert "first" in rows[0]["entropy_model"] or which == "tiny"


def test_what_is_computed_is_selected_by_as_a_column_would_be(here: Path, model: Path) -> None:
    out = computed(here, "out", model)
    known = {row["id"]: row for row in [*table(out, "chains"), *table(out, "core")]}
    for name, rows in (("pool", worked("p", 24, 1)), ("core", worked("c", 3, 2))):
        own = ("entropy", "patterns", "entropy_model")
        write(here / f"{name}.jsonl", [row | {key: known[row["id"]][key] for key in own} for row in rows])
    select(here / "pool.jsonl", here / "core.jsonl", here / "column", per_core=2)
    keys = ("id", "core_id", "rank", "distance", "d_pattern", "d_entropy", "entropy", "entropy_model", "num_tokens")
    ours, theirs = ([{key: row[key] for key in keys} for row in rows_of(here / n)] for n in ("out", "column"))
    assert ours == theirs


class Counting:
    """Counts the texts that go through models, and stops the run after some of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts, self.most = 0, 10**6
        real = EntropyModel.entropies

        def entropies(model: EntropyModel, pairs: Any, *further: Any) -> list[Any]:
            if self.texts + len(pairs) > self.most:
                raise KeyboardInterrupt
            self.texts += len(pairs)
            return real(model, pairs, *further)

        monkeypatch.setattr(EntropyModel, "entropies", entropies)


def test_a_run_that_was_stopped_computes_no_part_again(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    computed(here, "whole", model)
    assert counting.texts == 27
    counting.texts, counting.most = 0, 14
    with pytest.raises(BaseException):  # noqa: B017, PT011 - what an interrupt becomes is the runner's business
        computed(here, "out", model)
    assert counting.texts == 3 + 10  # the core set, and two parts of the pool
    parts = sorted((here / "out" / ".rlbff" / "chains").glob("part-*.parquet"))
    assert [path.name for path in parts] == ["part-00000.parquet", "part-00001.parquet"]
    times = [path.stat().st_mtime_ns for path in parts]
    counting.texts, counting.most = 0, 10**6
    computed(here, "out", model)
    assert counting.texts == 17
    assert [path.stat().st_mtime_ns for path in parts] == times
    for path in sorted((here / "whole").rglob("*.parquet")):
        if "candidates" not in str(path):
            assert (here / "out" / path.relative_to(here / "whole")).read_bytes() == path.read_bytes()


def test_other_options_of_the_selection_compute_nothing_of_the_pool_again(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed(here, "out", model)
    counting = Counting(monkeypatch)
    computed(here, "out", model)
    assert counting.texts == 0
    computed(here, "out", model, lambda_=0.3, overwrite=True)
    # the core set is small, and made anew
    assert counting.texts <= 3
    computed(here, "out", model, lambda_=0.3, bins="32", overwrite=True)
    assert counting.texts >= 27


def test_a_value_for_each_step(here: Path, model: Path) -> None:
    out = computed(here, "out", model, bins="per-step")
    rows = table(out, "chains")
    assert len({len(row["bins"]) for row in rows}) > 1
    for row in rows:
        spans = [(span["start"], span["end"]) for span in row["pattern_spans"]]
        assert len(spans) == len(row["patterns"]) == len(row["bins"])
        steps = step_boundaries(spans, row["chars"], row["num_tokens"])
        assert row["bins"] == pytest.approx(per_step(np.array(row["entropy"], np.float32), steps).tolist())
    assert all(row["d_entropy"] is not None for row in rows_of(out))


def test_raw_chains(here: Path, model: Path) -> None:
    out = computed(here, "out", model, bins="none")
    for row in table(out, "chains"):
        assert row["bins"] == row["entropy"]
    assert len(rows_of(out)) == 6


def test_a_text_that_is_longer_than_the_window_is_rejected_with_both_numbers(here: Path, tmp_path: Path) -> None:
    rows = worked("p", 24, 1)
    rows[5]["completion"] = " ".join([rows[5]["completion"]] * 8)
    write(here / "pool.jsonl", rows)
    short = save_tiny_causal_lm(tmp_path / "models" / "short", window=600)
    out = computed(here, "out", short, max_failed=0.5)
    (rejected,) = rows_of(out, "rejected")
    assert (rejected["id"], rejected["reason"], rejected["field"]) == ("p5", "too_long", "completion")
    assert "window of short" in rejected["error"]
    assert "600" in rejected["error"]
    rows = worked("c", 3, 2)
    rows[1]["completion"] = " ".join([rows[1]["completion"]] * 8)
    write(here / "core.jsonl", rows)
    with pytest.raises(DataError, match=r"core\.jsonl:2: .*window"):
        computed(here, "core", short)


def test_a_core_set_is_computed_by_the_model_of_the_pool_and_never_mixed(
    here: Path, model: Path, tmp_path: Path
) -> None:
    other = save_tiny_causal_lm(tmp_path / "models" / "other", seed=1)
    first = computed(here, "first", model)
    second = computed(here, "second", other)
    names = {row["entropy_model"] for out in (first, second) for row in rows_of(out)}
    assert len(names) == 2
    # a core set of one model beside a pool of another
    with pytest.raises(DataError, match="different models"):
        select(first, second / ".rlbff" / "core", here / "mixed")
    # the same by --entropy-model is computed anew for both
    select(first, second / ".rlbff" / "core", here / "anew", patterns="rules", entropy_model=str(model), device="cpu")
    known = {row["id"]: row["entropy"] for row in table(first, "core")}
    for row in table(here / "anew", "core"):
        assert row["entropy"] == known[row["id"]]
        assert row["entropy_model"] in names


def test_a_problem_of_one_text_is_no_problem_of_its_neighbours(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EntropyModel.entropies
    bad = {"p3": np.array([0.1, np.nan], np.float32), "p9": Problem("bad_chat", "prompt", "refused turns")}

    def entropies(model: EntropyModel, pairs: Any, *further: Any) -> list[Any]:
        found = real(model, pairs, *further)
        names = [f"p{prompt[0].content.split()[-1][:-1]}" if " p " in prompt[0].content else "" for prompt, _ in pairs]
        return [bad.get(name, one) for name, one in zip(names, found, strict=True)]

    expected = {row["id"]: row["entropy"] for row in table(computed(here, "whole", model), "chains")}
    monkeypatch.setattr(EntropyModel, "entropies", entropies)
    out = computed(here, "out", model, max_failed=0.5)
    assert {row["id"]: row["reason"] for row in rows_of(out, "rejected")} == {"p9": "bad_chat"}
    assert {row["id"]: row["dropped_by"] for row in rows_of(out, "dropped")}["p3"] == "bad_entropy"
    for row in table(out, "chains"):
        assert row["entropy"] == (None if row["id"] == "p3" else expected[row["id"]])
