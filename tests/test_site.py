"""The documentation site: it builds strictly, loads nothing from elsewhere, and quotes messages that exist."""

import ast
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_site_and_loads_nothing_from_elsewhere(root: Path, site: Path) -> None:
    for page in (root / "docs").rglob("*.md"):
        name = page.relative_to(root / "docs").with_suffix(".html").as_posix().replace("README.html", "index.html")
        assert (site / name).exists(), name
    assert (site / "changelog.html").exists()
    for file in site.rglob("*.html"):
        assert [url for url in loaded(file) if re.match(r"(https?:)?//", url)] == [], file.name
    for file in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", file.read_text(encoding="utf-8")), file.name


@pytest.mark.slow
def test_the_site_can_be_searched(site: Path) -> None:
    """The index is a file of the site, and names a heading of a page."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert "faq.html#policies" in {entry["location"] for entry in index["docs"]}


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in ("canonical", "next", "prev", "edit"):
            return
        self.found.append(values.get(LOADED.get(tag, "")) or "")


def loaded(file: Path) -> list[str]:
    reader = _Loads()
    reader.feed(file.read_text(encoding="utf-8"))
    return [url for url in reader.found if url]


def test_the_navigation_names_every_page_once(root: Path) -> None:
    settings = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    named = [page for entry in settings["nav"] for page in pages_of(entry)]
    assert len(set(named)) == len(named)
    written = {file.relative_to(root / "docs").as_posix() for file in (root / "docs").rglob("*.md")}
    decisions = {name for name in written if re.match(r"decisions/\d", name)}
    assert written - decisions - set(named) == set()


def pages_of(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    assert isinstance(entry, dict)
    inside = [page for value in entry.values() for page in (value if isinstance(value, list) else [value])]
    return [name for page in inside for name in pages_of(page)]


def test_messages_that_the_faq_quotes_exist(root: Path) -> None:
    messages = quoted((root / "docs/faq.md").read_text(encoding="utf-8"))
    assert len(messages) > 20
    known = spoken(root)
    lost = [message for message in messages if not any(says(text, message) for text in known)]
    assert lost == []


@pytest.mark.parametrize(
    ("text", "message", "agree"),
    [
        ("\0 does not exist.", "... does not exist.", True),
        ("\0 does not exist, or \0.", "... does not exist.", False),
        ("a \0 and \0 c", "a ... c", True),
        ("b and a", "a ... b", False),
    ],
)
def test_a_quotation_has_its_words_in_their_order(text: str, message: str, agree: bool) -> None:
    assert says(text, message) is agree


def quoted(text: str) -> list[str]:
    """Lines of the FAQ such as > `message`."""
    return [line[2:].strip().removeprefix("`").removesuffix("`") for line in text.splitlines() if line.startswith("> ")]


def spoken(root: Path) -> list[str]:
    """All texts in the code, with a NUL for what is filled in; texts of one statement stand after one another, too."""
    found = []
    for room in ("stages", "rlbff_cli"):
        for file in sorted((root / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.append(
                        "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
                elif isinstance(node, ast.FunctionDef):
                    texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
                    found.append("\0".join(text for text in texts if isinstance(text, str)))
    return found


def says(text: str, message: str) -> bool:
    """Whether the pieces of a message between its `...` stand in a text, in this order."""
    pieces = [piece.strip(" `") for piece in message.split("...") if piece.strip(" `")]
    places = [0]
    for piece in pieces:
        place = text.find(piece, places[-1])
        if place < 0:
            return False
        places.append(place + len(piece))
    return all(first <= second for first, second in pairwise(places))
