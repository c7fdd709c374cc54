"""`rlbff report` through the command line, on small folders; the page in a browser where there is one."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from rlbff_cli.report import ReportOptions, report
from stages.core.manifest import hidden
from tests.core.made_folders import make, write_rows
from tests.core.pages import faults_of, text_of
from tests.rlbff_cli.conftest import Result

Rlbff = Callable[..., Result]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A chain of three folders below `demo`, the last one unfinished, and one of another chain."""
    (tmp_path / "data").mkdir()
    source = write_rows(tmp_path / "data" / "source.parquet", "x")
    root = tmp_path / "demo"
    first = make(root / "first", [source], rows=("1",), options={"rm": "demo/code/other"})
    second = make(root / "second", [first / "part-00000.parquet"], rows=("2",), options={"principle": ["clarity"]})
    make(root / "third", [second / "part-00000.parquet"], rows=("3",), finished=False)
    make(root / "code" / "other", [source], rows=("4",), dropped_by={})
    make(root / "first" / ".rlbff" / "scores", [source], rows=("5",))
    make(root / "first" / "within", [source], rows=("6",))
    return root


def test_a_page_of_all_folders_below(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    result = rlbff("report", "demo")
    assert (result.returncode, result.stdout, result.stderr) == (0, "report.html\n", "")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert faults_of(page) == []
    titles = re.findall("<h2>(.*?)(?: <span|<a|</h2>)", page)
    assert titles == ["Overview", "code/other", "first", "second", "third"]
    said = text_of(page)
    assert "third is not finished: 1 of 2 parts, 4 of 4 rows" in said
    assert "second from first" in page
    assert "first from code/other (--rm); source.parquet" in page
    assert "--principleclarity" in said
    assert "made up7" in said
    assert str(tmp_path) not in page
    assert len(page) < 60_000


def test_the_page_is_the_same_every_time_and_everywhere(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    rlbff("report", "demo", "-o", "one.html")
    rlbff("report", str(demo), "-o", "deep/er/two.html", RLBFF_LIMIT="3")
    one, two = (tmp_path / "one.html").read_bytes(), (tmp_path / "deep" / "er" / "two.html").read_bytes()
    assert one == two
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["two.html"]


def test_folders_named_singly_from_stdin_and_twice(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    result = rlbff("report", "-", "demo/../demo/second", "--title", "A <b> title", stdin="demo/first\ndemo/second\n")
    assert result.returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>A &lt;b&gt; title</title>" in page
    assert re.findall("<h2>(.*?)(?: <span|<a|</h2>)", page) == ["Overview", "first", "second"]


def test_text_has_the_same_tables(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    result = rlbff("report", "demo", "--text")
    assert (result.returncode, result.stderr) == (0, "")
    assert not (tmp_path / "report.html").exists()
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0] == "rlbff report"
    assert max(map(len, lines)) <= 100
    rows = [line.split() for line in lines]
    assert ["second", "score", "first", "yes"] in rows
    assert ["third", "score", "second", "no"] in rows
    assert ["third", "4", "2", "1", "1", "1"] in rows
    assert ["third", "dropped", "rule", "1"] in rows
    assert ["third", "rejected", "bad_json", "1"] in rows
    narrow = rlbff("report", "demo", "--text", COLUMNS="60").stdout.splitlines()
    assert max(map(len, narrow)) <= 60


def test_text_and_a_page_if_it_is_named(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    result = rlbff("report", "demo", "--text", "-o", "x.html")
    assert result.stdout.startswith("rlbff report\n")
    assert faults_of((tmp_path / "x.html").read_text(encoding="utf-8")) == []


def test_names_that_are_markup_or_steer_stay_text(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    odd = "<script>\u202e\x1b[31m&\n"
    make(demo / odd, [tmp_path / "data" / "source.parquet"], rows=("9",), dropped_by={odd: 3}, options={"rm": odd})
    assert rlbff("report", "demo").returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert faults_of(page) == []
    assert "<script>" in text_of(page)
    told = rlbff("report", "demo", "--text").stdout
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_another_version_of_an_input_is_told(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    shutil.rmtree(demo / "first")
    make(demo / "first", [tmp_path / "data" / "source.parquet"], rows=("changed",))
    assert rlbff("report", "demo").returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "second was made from another version of first" in text_of(page)
    assert 'class="way-stale"' in page
    assert faults_of(page) == []


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"stage": 1, "table": 2, "parts": 1, "rows": 1}'])
def test_one_damaged_folder_is_a_doubt(rlbff: Rlbff, tmp_path: Path, demo: Path, damage: str) -> None:
    hidden(demo / "second", "plan.json").write_text(damage, encoding="utf-8")
    result = rlbff("report", "demo")
    assert (result.returncode, result.stdout) == (0, "report.html\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "second cannot be read: second/.rlbff/plan.json is damaged" in text_of(page)
    assert faults_of(page) == []


def test_all_damaged_is_an_error(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    hidden(demo / "second", "plan.json").write_text("{", encoding="utf-8")
    result = rlbff("report", "demo/second")
    assert (result.returncode, result.stdout) == (65, "")
    assert result.stderr.startswith("error: demo/second/.rlbff/plan.json is damaged")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_shard_is_no_end(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    shard = demo / "second" / "part-00000.parquet"
    shard.write_bytes(b"PAR1" + b"\0" * (shard.stat().st_size - 8) + b"PAR1")
    assert rlbff("report", "demo").returncode == 0
    assert faults_of((tmp_path / "report.html").read_text(encoding="utf-8")) == []


def test_a_stage_that_is_not_ours_has_the_general_part(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    for stage in ("core", "../x"):
        plan = json.loads(hidden(demo / "second", "plan.json").read_text(encoding="utf-8"))
        hidden(demo / "second", "plan.json").write_text(json.dumps(plan | {"stage": stage}), encoding="utf-8")
        assert rlbff("report", "demo").returncode == 0
        assert f'second <span class="soft">{stage}</span>' in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "No folder"),
        (("missing",), 66, "The folder missing does not exist."),
        (("data",), 65, "data is not an output folder of rlbff and holds none"),
        (("data/source.parquet",), 65, "data/source.parquet is a file"),
        (("demo", "missing"), 66, "The folder missing does not exist."),
        (("demo", "-o", "data"), 73, "--out data is a folder"),
        (("demo", "-o", "data/source.parquet/x.html"), 73, "cannot be written"),
        (("demo/first", "-o", "demo/first/x.html"), 73, "would lie in the output folder demo/first"),
        (("demo", "-o", "s3://bucket/x.html"), 73, "to the URL s3://bucket/x.html; name a file on this machine"),
    ],
)
def test_mistakes_are_told_in_a_line(
    rlbff: Rlbff, tmp_path: Path, demo: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = sorted(path for path in tmp_path.rglob("*"))
    result = rlbff("report", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("columns", "most"), [("0", 100), ("1", 20), ("40", 40), ("999999999", 1000)])
def test_text_is_readable_however_wide_the_terminal_says_it_is(
    rlbff: Rlbff, demo: Path, columns: str, most: int
) -> None:
    said = rlbff("report", "demo", "--text", COLUMNS=columns).stdout
    assert "rlbff report" in said
    assert max(map(len, said.splitlines())) == most


def test_folders_of_a_store_are_called_by_their_urls_and_leave_nothing_behind(demo: Path) -> None:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.put(str(demo), "/bucket/demo", recursive=True)
    by_url = pages_of(demo.parent / "a.html", "memory://bucket/demo")
    assert by_url == pages_of(demo.parent / "b.html", str(demo))
    one = pages_of(demo.parent / "c.html", "memory://bucket/demo/first/", str(demo / "second"))
    assert "second from memory://bucket/demo/first" in one
    assert "second from bucket/demo/first" not in one
    assert "/tmp" not in one
    named = "first from code/other (--rm)"
    system.pipe_file("/bucket/demo/first/.rlbff/config.yaml", b"rm: memory://bucket/demo/code/other\n")
    assert named in pages_of(demo.parent / "d.html", "memory://bucket/demo")
    system.store.clear()


def pages_of(out: Path, *folders: str) -> str:
    report(ReportOptions(inputs=folders, out=out))
    return out.read_text(encoding="utf-8")


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path, demo: Path, environ: dict[str, str]) -> None:
    command = f"set -o pipefail; {sys.executable} -m rlbff_cli report {demo} --text | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=Path(__file__).parents[2], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "rlbff report\n", "")


def test_nothing_heavy_is_imported(tmp_path: Path, demo: Path, root: Path) -> None:
    code = (
        f"import sys\nfrom rlbff_cli.main import main\nassert main(['report', {str(demo)!r}, '-o', "
        f"{str(tmp_path / 'x.html')!r}]) == 0\n"
        "print(sorted({'torch', 'transformers', 'numba', 'datasets', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def measured(page: Path, dark: bool) -> str:
    """For frames of 390 and of 1200: how wide the page is in it, the frame itself, and the colour of the paper.

    Frames, since a browser makes no window as narrow as a phone.
    """
    assert CHROMIUM is not None
    probe = (
        "<script>const e = document.documentElement; "
        "document.querySelectorAll('details').forEach(d => d.open = true); "
        "const paper = getComputedStyle(document.body).backgroundColor; "
        "parent.postMessage([innerWidth, e.scrollWidth, paper].join(' '), '*')"
        "</script></body>"
    )
    text = page.read_text(encoding="utf-8").replace("default-src 'none'", "script-src 'unsafe-inline'")
    page.with_name("probed.html").write_text(text.replace("</body>", probe), encoding="utf-8")
    frames = "".join(f'<iframe src="probed.html" width="{wide}" style="border:0"></iframe>' for wide in (390, 1200))
    around = page.with_name("around.html")
    around.write_text(
        "<!doctype html><meta name=color-scheme content='light dark'><body><script>const f = []; onmessage = m => "
        "{ f.push(m.data); document.body.dataset.found = f.sort().join(', ') }</script>" + frames,
        encoding="utf-8",
    )
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--user-data-dir={page.parent / 'profile'}",
    ]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run([*command, around.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found is not None
    return found[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")
def test_a_browser_needs_not_scroll_sideways(rlbff: Rlbff, tmp_path: Path, demo: Path) -> None:
    long = "a" * 200
    make(demo / long, [tmp_path / "data" / "source.parquet"], rows=("9",), dropped_by={long: 3}, options={"rm": long})
    assert rlbff("report", "demo").returncode == 0
    assert measured(tmp_path / "report.html", False) == "1200 1200 rgb(255, 255, 255), 390 390 rgb(255, 255, 255)"
    assert measured(tmp_path / "report.html", True) == "1200 1200 rgb(13, 17, 23), 390 390 rgb(13, 17, 23)"
