"""extract-principles through the command line: what comes out, in which form, and the same every time."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.extract_principles.commands import ROOT, contents, environment, rlbff, rows_of

SAMPLE = ROOT / "sample_data" / "feedback.jsonl"
GOLDEN = ROOT / "tests" / "golden" / "extract_principles.jsonl"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def plain(row: dict[str, Any]) -> dict[str, Any]:
    said = [[item["annotator"], item["quote"], item["verdict"]] for item in row["evidence"]]
    return {"id": row["id"], "principle": row["principle"], "label": row["label"], "evidence": said}


def test_the_sample_gives_the_golden_principles(tmp_path: Path) -> None:
    done = rlbff("extract-principles", SAMPLE, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "feedback.principles\n"), done.stderr
    lines = [json.dumps(plain(row), ensure_ascii=False) for row in rows_of(tmp_path / "feedback.principles")]
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("".join(line + "\n" for line in lines))
    assert lines == GOLDEN.read_text().splitlines()


def test_every_quote_is_the_feedbacks_own_text(tmp_path: Path) -> None:
    rlbff("extract-principles", SAMPLE, cwd=tmp_path)
    feedback = {row["id"]: row["feedback"] for row in map(json.loads, SAMPLE.read_text().splitlines())}
    found = rows_of(tmp_path / "feedback.principles")
    assert len(found) > 20
    for row in found:
        for item in row["evidence"]:
            assert feedback[row["id"]][item["annotator"]][item["start"] : item["end"]] == item["quote"]


def test_counts_add_up_in_manifest_side_cars_and_folders(tmp_path: Path) -> None:
    rlbff("extract-principles", SAMPLE, "--rows-per-shard", 20, cwd=tmp_path)
    out = tmp_path / "feedback.principles"
    manifest = json.loads((out / ".rlbff" / "manifest.json").read_text())
    rows, counts = manifest["rows"], manifest["counts"]
    assert rows["in"] == len(SAMPLE.read_text().splitlines())
    assert rows["in"] == rows["kept"] + rows["dropped"] + rows["rejected"]
    assert counts["raw"] == counts["kept_mentions"] + sum(manifest["dropped_by"].values())
    assert len(rows_of(out, "dropped")) == sum(manifest["dropped_by"].values())
    written = rows_of(out)
    assert len(written) == manifest["written"] == sum(part["written"] for part in manifest["parts"])
    assert sum(len(row["evidence"]) for row in written) == counts["kept_mentions"]
    assert manifest["facts"]["waterfall"][-1]["left"] == counts["kept_mentions"]


def test_workers_shards_and_a_second_run_do_not_change_a_byte(tmp_path: Path) -> None:
    small = ["extract-principles", SAMPLE, "--rows-per-shard", "9"]
    rlbff(*small, "-o", "one", "--workers", 1, cwd=tmp_path)
    rlbff(*small, "-o", "two", "--workers", 2, cwd=tmp_path)
    one = contents(tmp_path / "one")
    rerun = rlbff(*small, "-o", "one", "--workers", 1, cwd=tmp_path)
    assert rerun.returncode == 0
    assert contents(tmp_path / "one") == one
    two = contents(tmp_path / "two")
    del one[".rlbff/config.yaml"], two[".rlbff/config.yaml"]  # it says how many workers there were
    assert two == one


def test_formats_of_the_same_rows_give_the_same_principles(tmp_path: Path) -> None:
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress(SAMPLE.read_bytes()))
    pq.write_table(_table(SAMPLE), tmp_path / "p.parquet")
    expected = None
    for name in (SAMPLE, "z.jsonl.gz", "p.parquet"):
        done = rlbff("extract-principles", name, "-o", f"{Path(name).stem}.out", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        result = rows_of(tmp_path / f"{Path(name).stem}.out")
        expected = expected or result
        assert result == expected


def _table(path: Path) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([json.loads(line) for line in path.read_text().splitlines()])


def test_single_texts_are_read_without_consensus_and_columns_pass_through(tmp_path: Path) -> None:
    write(
        tmp_path / "rows.jsonl",
        [
            {"q": "2+2?", "a": "5", "critique": "The answer is wrong.", "label": 3, "meta": {"x": 1}},
            {"q": "Hi", "a": "Hello", "critique": "The answer is clear.", "label": None, "meta": None},
        ],
    )
    done = rlbff(
        *("extract-principles", "rows.jsonl", "--map", "prompt=q,completion=a", "--map", "feedback=critique"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    first, second = rows_of(tmp_path / "rows.principles")
    assert first["prompt"] == [{"role": "user", "content": "2+2?"}]
    assert first["completion"] == [{"role": "assistant", "content": "5"}]
    assert (first["label"], second["label"]) == (False, True)
    assert (first["input_label"], second["input_label"]) == (3, None)
    assert (first["meta"], second["meta"]) == ('{"x":1}', None)
    assert first["extractor"].startswith("rules@")


def test_columns_named_like_ours_never_collide(tmp_path: Path) -> None:
    row = {"feedback": "The answer is clear.", "input_label": 1, "label": 2, "input_input_label": 3, "evidence": "e"}
    done = rlbff("extract-principles", write(tmp_path / "rows.jsonl", [row]), "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = rows_of(tmp_path / "out")
    assert (found["label"], found["input_evidence"]) == (True, "e")
    assert (found["input_label"], found["input_input_label"], found["input_input_input_label"]) == (1, 3, 2)


def test_further_columns_do_not_turn_consensus_on(tmp_path: Path) -> None:
    row = {"feedback": "The answer is clear.", "feedback1": ["something", "else"]}
    done = rlbff("extract-principles", write(tmp_path / "rows.jsonl", [row]), "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["principle"] for row in rows_of(tmp_path / "out")] == ["clarity"]


def test_the_rules_say_that_they_are_not_the_papers_extractor(tmp_path: Path) -> None:
    done = rlbff("extract-principles", SAMPLE, "--limit", 2, cwd=tmp_path)
    notice = next(line for line in done.stderr.splitlines() if line.startswith("note:"))
    assert "not the extractor of the paper" in notice
    assert "held-out" in notice
    assert "%" in notice
    assert "--llm" in notice


def test_a_dry_run_writes_nothing_and_forecasts(tmp_path: Path) -> None:
    done = rlbff("extract-principles", SAMPLE, "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["facts"]
    assert facts["forecast"]["texts"] > 100
    assert facts["would_write"] == "feedback.principles"
    assert list(tmp_path.iterdir()) == []
    priced = ["--llm", "http://127.0.0.1:9/v1", "--price-in", 1, "--price-out", 2]
    done = rlbff("extract-principles", SAMPLE, "--dry-run", "--json", *priced, cwd=tmp_path)
    forecast = json.loads(done.stdout)["facts"]["forecast"]
    assert forecast["calls"] == facts["forecast"]["texts"]
    tokens = forecast["prompt_tokens"] + 2 * forecast["answer_tokens"]
    assert forecast["cost_usd"] == pytest.approx(tokens / 1e6, abs=1e-4)


def test_a_pipe_hands_the_folder_on(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{SAMPLE}\n")
    done = rlbff("extract-principles", "-", "-o", "x", "--limit", 3, cwd=tmp_path)
    assert done.returncode != 0  # no stdin here
    shell = f"cat list | {sys.executable} -m rlbff_cli extract-principles - -o x --limit 3"
    piped = subprocess.run(["bash", "-c", shell], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (piped.returncode, piped.stdout) == (0, "x\n"), piped.stderr


def test_an_edited_taxonomy_renames_merges_and_drops(tmp_path: Path) -> None:
    rlbff("extract-principles", SAMPLE, "-o", "first", cwd=tmp_path)
    before = rows_of(tmp_path / "first")
    path = tmp_path / "first" / ".rlbff" / "report" / "taxonomy.yaml"
    taxonomy = yaml.safe_load(path.read_text())
    clusters = {cluster["name"]: cluster for cluster in taxonomy["clusters"]}
    assert {"clarity", "relevance"} <= clusters.keys()
    clusters["clarity"]["name"] = "lucidity"
    clusters["relevance"]["drop"] = True
    (tmp_path / "edited.yaml").write_text(yaml.safe_dump(taxonomy))
    done = rlbff("extract-principles", SAMPLE, "-o", "second", "--taxonomy", "edited.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = rows_of(tmp_path / "second")
    number = {name: sum(row["principle"] == name for row in before) for name in ("clarity", "relevance")}
    assert sum(row["principle"] == "lucidity" for row in after) == number["clarity"] > 0
    assert len(after) == len(before) - number["relevance"] < len(before)
    dropped = [row for row in rows_of(tmp_path / "second", "dropped") if row["dropped_by"] == "taxonomy"]
    assert {row["principle"] for row in dropped} == {"relevance"}
    again = rlbff("extract-principles", SAMPLE, "-o", "first", "--taxonomy", "edited.yaml", cwd=tmp_path)
    assert again.returncode == 73
    assert "taxonomy" in again.stderr


def test_helpsteer3_principles_come_in_and_go_out(tmp_path: Path) -> None:
    rows = [
        {
            "domain": "general",
            "language": "english",
            "context": [{"role": "user", "content": "Hi"}],
            "response": f"Hello {n}",
            "principle": "clarity",
            "fulfilment": "Yes" if n % 2 else "No",
        }
        for n in range(4)
    ]
    write(tmp_path / "in.jsonl", rows)
    done = rlbff("extract-principles", "in.jsonl", "-o", "p", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows_of(tmp_path / "p")
    assert [row["label"] for row in found] == [False, True, False, True]
    assert all(row["principle"] == "clarity" and row["extractor"] == "given" for row in found)
    exported = rlbff("cat", "p", "--layout", "helpsteer3", cwd=tmp_path)
    assert [json.loads(line) for line in exported.stdout.splitlines()] == rows


KTO = """
import sys
import datasets
from trl.experimental.kto import KTOConfig, KTOTrainer
from tests.tiny_models import save_tiny_causal_lm
save_tiny_causal_lm(__import__("pathlib").Path("tiny"))
rows = datasets.load_dataset(sys.argv[1], split="train", cache_dir="cache")
settings = {"max_steps": 1, "per_device_train_batch_size": 4, "report_to": "none", "use_cpu": True, "bf16": False}
config = KTOConfig(output_dir="kto", **settings)
done = KTOTrainer(model="tiny", args=config, train_dataset=rows).train()
print("steps", done.global_step)
"""


@pytest.mark.slow
def test_trl_trains_on_the_folder_as_unpaired_preferences_unchanged(tmp_path: Path) -> None:
    rlbff("extract-principles", SAMPLE, cwd=tmp_path)
    command = [sys.executable, "-c", KTO, "feedback.principles"]
    offline = environment(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    done = subprocess.run(command, cwd=tmp_path, env=offline, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "steps 1" in done.stdout


def test_real_feedback_ends_kept_dropped_or_rejected(tmp_path: Path, shared_data: Path) -> None:
    sources = {
        "shepherd": ["shepherd/human_data_for_model.jsonl.gz", "--map", "prompt=question,completion=answer"],
        "ilf": ["ilf/surge_annotations.jsonl", "--map", "feedback=Feedback,id=task_id"],
    }
    for name, (file, *options) in sources.items():
        done = rlbff("extract-principles", shared_data / file, *options, "-o", name, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["rows"]
        assert rows["in"] == {"shepherd": 659, "ilf": 98}[name]
        assert rows["in"] == rows["kept"] + rows["dropped"] + rows["rejected"]
        assert rows["kept"] > rows["in"] / 2


def test_annotators_in_rows_of_their_own_are_noticed(tmp_path: Path) -> None:
    row = {"prompt": "q", "completion": "a"}
    texts = ("The answer is wrong.", "The answer is clear.", "Too long.")
    write(tmp_path / "rows.jsonl", [{**row, "feedback": text} for text in texts])
    done = rlbff("extract-principles", "rows.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert "2 rows have the conversation and response of an earlier row" in done.stderr
    other = rlbff("extract-principles", SAMPLE, cwd=tmp_path)
    assert "of an earlier row" not in other.stderr


def test_a_run_that_leaves_no_principle_says_which_filter_took_them_and_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"completion": "a", "feedback": ["The answer is wrong.", "Very clear."]}])
    done = rlbff("extract-principles", "rows.jsonl", "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "out\n")
    said = " ".join(done.stderr.split())
    assert "No principle is left: consensus dropped 2 of 2 mentions; rlbff cat out --dropped shows them." in said
    assert "--consensus off keeps what a single annotator says." in said
    following = rlbff("train-rm", "out", "--model", "tiny", cwd=tmp_path)
    assert following.returncode == 65
    assert "out is finished, but has no rows; `rlbff status out` tells where they went." in following.stderr
    write(tmp_path / "bare.jsonl", [{"completion": "a", "feedback": "Xyzzy."}])
    bare = rlbff("extract-principles", "bare.jsonl", cwd=tmp_path)
    assert "No principle was found in the feedback." in bare.stderr


def test_a_share_says_that_it_is_one(tmp_path: Path) -> None:
    call = ["extract-principles", SAMPLE, "-o", "out", "--rows-per-shard", 10, "--shard"]
    first = rlbff(*call, "1/2", cwd=tmp_path)
    assert (first.returncode, first.stdout) == (0, "")
    assert "40 of 40 rows" in first.stderr
    assert "out has 4 of 7 parts" in first.stderr
    second = rlbff(*call, "2/2", cwd=tmp_path)
    assert (second.returncode, second.stdout) == (0, "out\n")
