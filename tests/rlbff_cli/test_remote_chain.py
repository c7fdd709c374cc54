"""Test remote folders as a user has them: commands in processes, an S3 server, and faults on the way to it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.servers.faulty_proxy import FaultyProxy

SECRET = "a-secret-that-nobody-may-see"
BUCKET = "bucket"
EXTRACT = ("extract-principles", "{data}/feedback.jsonl", "--rows-per-shard", "5", "--seed", "1")
POLICY = (
    *("--model", "tiny", "--allow-demo-rm", "--generations", "2", "--prompts-per-generation", "4"),
    *("--prompts-per-update", "2", "--group-size", "4", "--max-new-tokens", "4"),
)
CHAIN = (
    ("extract-principles", "{data}/feedback.jsonl", "--rows-per-shard", "20", "-o", "{out}/principles"),
    ("train-rm", "-", "--model", "tiny", "--epochs", "1", "-o", "{out}/rm"),
    ("score", "{out}/rm/held_out/test", "--rm", "{out}/rm", "--rows-per-shard", "5", "-o", "{out}/scores"),
    ("eval", "calibration", "-", "-o", "{out}/calibration"),
    ("verify-code", "{data}/programs.jsonl", "--limit", "8", "--keep", "consensus", "-o", "{out}/verdicts"),
    ("select-cotp", "{data}/cots.jsonl", "--limit", "40", "--core", "{data}/core.jsonl", "-o", "{out}/selected"),
    ("train-policy", "{data}/prompts.jsonl", "--reward", "rm:{out}/rm@0.5", *POLICY, "-o", "{out}/policy"),
)
"""`-` stands for what the command before printed."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of an S3 server with a bucket that holds the sample data."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    client = client_of(port)
    client.create_bucket(Bucket=BUCKET)
    for path in (Path(__file__).parents[2] / "sample_data").glob("*.jsonl"):
        client.upload_file(str(path), BUCKET, f"data/{path.name}")
    yield port
    server.stop()


@pytest.fixture(scope="module")
def principles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What EXTRACT makes on the local disk."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "data").symlink_to(Path(__file__).parents[2] / "sample_data")
    done = run([*filled(EXTRACT, "data", "out"), "-o", "out/p"], environment(), folder)
    assert done.returncode == 0, done.stderr
    return {name.removeprefix("p/"): data for name, data in local_files(folder / "out").items()}


def client_of(port: int) -> Any:
    """A client of the server itself, without faults."""
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)


def environment(**changes: str) -> dict[str, str]:
    """The environment without variables of ours or of the store's."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("RLBFF_", "AWS_", "OPENAI_"))}
    return inherited | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"} | changes


def remote(proxy: FaultyProxy, cache: Path) -> dict[str, str]:
    """The environment in which the store is reached through `proxy`, from a machine with this cache."""
    keys = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    return environment(AWS_ENDPOINT_URL=proxy.url, RLBFF_CACHE=str(cache), **keys)


def filled(command: Sequence[str], data: str, out: str) -> list[str]:
    """A command with its places filled in."""
    return [word.format(data=data, out=out) for word in command]


def run(words: Sequence[str], environ: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `rlbff WORDS`; it must not be able to write beside the cache by accident."""
    command = [sys.executable, "-m", "rlbff_cli", *words]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=900, check=False)


def run_chain(data: str, out: str, environ: dict[str, str], folder: Path) -> list[str]:
    """Run CHAIN, each command with what the one before printed; return what they printed."""
    printed: list[str] = []
    for command in CHAIN:
        words = [printed[-1] if word == "-" else word for word in filled(command, data, out)]
        done = run(words, environ, folder)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        assert SECRET not in done.stderr
        printed.append(done.stdout.strip())
    return printed


def local_files(root: Path) -> dict[str, bytes]:
    """Every file that ought to be the same wherever it was made: no locks, logs or clocks."""
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if is_same(name)}


def remote_files(port: int, prefix: str) -> dict[str, bytes]:
    """The same of the store, with the URL of options in place as in a local run."""
    client = client_of(port)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    names = [item["Key"] for page in pages for item in page.get("Contents", ())]
    files = {name: client.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names}
    url = f"s3://{BUCKET}/".encode()
    short = {name.removeprefix(f"{prefix}/"): data.replace(url, b"") for name, data in files.items()}
    return {name: data for name, data in short.items() if is_same(name)}


def is_same(name: str) -> bool:
    """Whether a file holds no clock. The runs of programs are timed, and the records of verify-code hash the times."""
    base = name.rsplit("/", 1)[-1]
    timed = name.startswith("verdicts/.rlbff/") and base != "plan.json"
    return not (timed or base.startswith("lock") or base in ("log.jsonl", "config.yaml"))


@pytest.mark.slow
def test_the_chain_over_a_faulty_store_gives_the_bytes_of_the_local_one(port: int, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "data").symlink_to(Path(__file__).parents[2] / "sample_data")
    with FaultyProxy(port, rate=0.12, seed=7) as proxy, ThreadPoolExecutor(2) as both:
        store = f"s3://{BUCKET}"
        local = both.submit(run_chain, "data", "chain", environment(), here)
        far = both.submit(run_chain, f"{store}/data", f"{store}/chain", remote(proxy, tmp_path / "cache"), there)
        assert far.result() == [f"{store}/{folder}" for folder in local.result()]
        assert sum(proxy.faults.values()) >= 10, proxy.faults
        looked = run(["status", f"{store}/chain/policy"], remote(proxy, tmp_path / "cache"), there)
    assert looked.stdout.startswith(f"{store}/chain/policy: metrics by train-policy, finished\n"), looked.stderr
    assert list(there.iterdir()) == []
    expected, found = local_files(here / "chain"), remote_files(port, "chain")
    differing = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    assert differing == []


@pytest.mark.campaign
def test_a_machine_that_dies_while_pushing_is_followed_by_another(
    port: int, tmp_path: Path, principles: dict[str, bytes]
) -> None:
    words = [*filled(EXTRACT, f"s3://{BUCKET}/data", ""), "-o", f"s3://{BUCKET}/killed"]
    with FaultyProxy(port, rate=0.02, seed=3) as proxy:
        proxy.latency = 0.3
        command = [sys.executable, "-m", "rlbff_cli", *words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        first = subprocess.Popen(command, env=remote(proxy, tmp_path / "one"), cwd=tmp_path, **quiet)
        while first.poll() is None and not any("/done/" in path for path in proxy.written):
            time.sleep(0.05)
        time.sleep(0.5)
        first.kill()
        first.wait()
        proxy.latency = 0.0
        time.sleep(1)
        left = remote_files(port, "killed")
        records = {name: json.loads(data) for name, data in left.items() if "/done/" in name}
        assert 0 < len(records) <= 14
        assert ".rlbff/manifest.json" not in left
        assert [f for record in records.values() for f, size in record["files"].items() if len(left[f]) != size] == []
        proxy.written.clear()
        second = run(words, remote(proxy, tmp_path / "two"), tmp_path)
        assert second.stdout == f"s3://{BUCKET}/killed\n", second.stderr
    again = {path.removeprefix(f"/{BUCKET}/killed/") for path in proxy.written}
    assert not again & records.keys()
    assert remote_files(port, "killed") == principles


@pytest.mark.slow
def test_shares_on_two_machines_make_one_folder(port: int, tmp_path: Path, principles: dict[str, bytes]) -> None:
    words = [*filled(EXTRACT, f"s3://{BUCKET}/data", ""), "-o", f"s3://{BUCKET}/shares"]
    with FaultyProxy(port, rate=0.05, seed=5) as proxy:
        one = run([*words, "--shard", "2/2"], remote(proxy, tmp_path / "one"), tmp_path)
        assert (one.returncode, one.stdout) == (0, ""), one.stderr
        state = run(["status", "--json", f"s3://{BUCKET}/shares"], remote(proxy, tmp_path / "one"), tmp_path)
        assert json.loads(state.stdout)["parts_done"] == 7
        two = run([*words, "--shard", "1/2"], remote(proxy, tmp_path / "two"), tmp_path)
        assert two.stdout == f"s3://{BUCKET}/shares\n", two.stderr
    assert remote_files(port, "shares") == principles


@pytest.mark.slow
def test_errors_that_last_are_one_clear_line_and_the_same_command_goes_on(
    port: int, tmp_path: Path, principles: dict[str, bytes]
) -> None:
    words = [*filled(EXTRACT, f"s3://{BUCKET}/data", ""), "--log-level", "error"]
    with FaultyProxy(port, rate=0, seed=0) as proxy:
        environ = remote(proxy, tmp_path / "cache")
        proxy.refuse("PUT", "part-00003.parquet")
        refused = run([*words, "-o", f"s3://{BUCKET}/refused"], environ, tmp_path)
        assert refused.returncode == 73
        assert refused.stdout == ""
        *notes, last = refused.stderr.splitlines()
        assert last.startswith(f"error: s3://{BUCKET}/refused cannot be written (part-00003.parquet): ")
        assert last.endswith("What is finished stays on this machine, and the same command pushes it.")
        assert "Access Denied" in last
        assert "Traceback" not in "".join(notes)
        assert SECRET not in refused.stderr
        assert ".rlbff/done/part-00003.json" not in remote_files(port, "refused")
        proxy.allow()
        done = run([*words, "-o", f"s3://{BUCKET}/refused"], environ, tmp_path)
        assert done.stdout == f"s3://{BUCKET}/refused\n", done.stderr
        nowhere = run([*words, "-o", "s3://no-such-bucket/x"], environ, tmp_path)
        assert nowhere.returncode == 73
        assert nowhere.stderr == "error: s3://no-such-bucket/x cannot be listed: The specified bucket does not exist.\n"
    assert remote_files(port, "refused") == principles
