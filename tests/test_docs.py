"""The documentation is true: generated pages are fresh, `console` blocks run as shown, links lead somewhere.

A `console` block holds lines `$ command`, each followed by the output of that command, stdout and stderr together. A
line `...` stands for any number of lines, and `...` within a line for any text; the width of columns does not matter.
The blocks of one page run in their order in one folder that holds a copy of sample_data/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "sample_data/README.md",
]


TRAINING = {"docs/first-steps.md"}
"""Pages whose blocks train a model."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def marks_of(page: Path) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if name_of(page) in TRAINING else []


class Step(NamedTuple):
    """One command of a page, with the line it stands in and what it should print."""

    line: int
    command: str
    expected: str


def test_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "docs/build.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks_of(page), id=name_of(page)) for page in PAGES])
def test_console_blocks_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    for step in console_steps(page.read_text(encoding="utf-8")):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", step.command],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        where = f"{name_of(page)}, line {step.line}: {step.command}"
        assert matches(step.expected, done.stdout), f"{where}\nprints\n{done.stdout}\ninstead of\n{step.expected}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_behind_a_pipe_waits_for_the_one_before(page: Path) -> None:
    """One that does not read `-` begins at once, when what it needs is not there yet."""
    text = re.sub(r"\\\n|(?<=\|)\n", " ", page.read_text(encoding="utf-8"))
    behind = re.findall(r"(?<!\|)\| *(rlbff [^\n|#]*)", text)
    assert [command for command in behind if not re.search(r"\s-(\s|$|`)", command)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    lost = [link for link in links(page.read_text(encoding="utf-8")) if not leads(page, link)]
    assert lost == []


@pytest.mark.parametrize(
    ("link", "agree"),
    [
        ("first-steps.md", True),
        ("first-steps.md#2-your-file", True),
        ("first-steps.md#2-your-fil", False),
        ("#in-short", True),
        ("#in", False),
        ("nothing.md", False),
        ("recipes/policy.sh", True),
        ("https://arxiv.org/abs/2509.21319", True),
        ("http://arxiv.org/abs/2509.21319", False),
        ("https://arxiv.org/abs/2509.21319.", False),
        ("https://arxiv/x", False),
        ("arxiv.org/abs/2509.21319", False),
    ],
)
def test_leads_looks_at_files_headings_and_the_form_of_addresses(link: str, agree: bool, tmp_path: Path) -> None:
    page = ROOT / "docs" / "recipes.md"
    if link.startswith("#"):
        page = tmp_path / "page.md"
        page.write_text("# In short\n", encoding="utf-8")
    assert leads(page, link) is agree


def test_headings_become_anchors_as_in_the_site() -> None:
    text = "# The `a-b` c, d\n```\n# no\n```\n## Again\n## Again\n### --x: 1/2\n"
    assert anchors(text) == {"the-a-b-c-d", "again", "again_1", "again-1", "x-12", "--x-12"}


def test_card_of_the_sample_data_counts_right() -> None:
    card = (ROOT / "sample_data/README.md").read_text(encoding="utf-8")
    lines = (ROOT / "sample_data/feedback.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    domains = Counter(row["domain"] for row in rows)
    languages = {row["language"] for row in rows if row["domain"] == "multilingual"}
    assert f"| `feedback.jsonl` | {len(rows)} |" in card
    assert ", ".join(f"{name} {domains[name]}" for name in ("general", "stem", "code", "multilingual")) in card
    assert f"({len(languages)} languages)" in card
    assert all(len(row["feedback"]) == 3 for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_console_steps_splits_commands_from_output() -> None:
    text = "```console\n$ echo a\na\n$ echo b \\\n    c\n```\ntext\n```bash\n$ rm x\n```\n"
    assert console_steps(text) == [Step(2, "echo a", "a"), Step(4, "echo b \\\n    c", "")]


@pytest.mark.parametrize(
    ("expected", "printed", "agree"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nd\n", True),
        ("took ... s", "took 0.5 s\n", True),
        ("took ... s", "took 0.5\n1 s\n", False),
        ("a", "a\nb\n", False),
        ("a.c", "abc\n", False),
        ("a  b", "a     b\n", True),
        ("a b", "ab\n", False),
    ],
)
def test_matches_is_strict_but_for_the_three_dots(expected: str, printed: str, agree: bool) -> None:
    assert matches(expected, printed) is agree


def links(text: str) -> list[str]:
    """Where the Markdown links of a page lead, but for those in code."""
    prose = re.sub(r"```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def leads(page: Path, link: str) -> bool:
    """Whether a link has a file and a heading there, or is an address of good form: it is not opened."""
    if "://" in link:
        return re.fullmatch(r"https://[\w-]+(\.[\w-]+)+(/[\w./%#?=&~+-]*[\w/])?", link) is not None
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, of those that share a name the numbers of mkdocs and of GitHub."""
    found: Counter[str] = Counter()
    names = set()
    prose = re.sub(r"```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", heading.strip().lower())
        name = re.sub(r"[-\s]+", "-", plain).strip("-")
        names |= (
            {plain.replace(" ", "-"), name} if not found[name] else {f"{name}_{found[name]}", f"{name}-{found[name]}"}
        )
        found[name] += 1
    return names


def console_steps(text: str) -> list[Step]:
    """The commands in the `console` blocks of a page."""
    steps: list[Step] = []
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            inside = line.strip() == "```console"
        elif inside and line.startswith("$ "):
            steps.append(Step(number, line[2:], ""))
        elif inside:
            assert steps, f"line {number}: a console block begins with a command"
            last = steps[-1]
            if not last.expected and last.command.endswith("\\"):
                steps[-1] = last._replace(command=f"{last.command}\n{line}")
            else:
                steps[-1] = last._replace(expected=f"{last.expected}\n{line}" if last.expected else line)
    return steps


def matches(expected: str, printed: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in squeezed(expected).splitlines()
    )
    lines = "".join(line.rstrip() + "\n" for line in squeezed(printed).splitlines())
    return re.fullmatch(pattern, lines) is not None


def squeezed(text: str) -> str:
    return re.sub(" {2,}", " ", text)


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RLBFF_")}
    binaries = Path(sys.executable).parent
    return kept | {
        "PATH": f"{binaries}{os.pathsep}{kept.get('PATH', '')}",
        "COLUMNS": "110",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
