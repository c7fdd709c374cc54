"""Brings pages that stand outside docs/ into the site, and turns the links to them; mkdocs calls it while it builds."""

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent

OUTSIDE: Final = {
    "CHANGELOG.md": "changelog.md",
    "sample_data/README.md": "sample-data.md",
    "tests/golden/HELDOUT.md": "heldout.md",
}
"""Pages by their place in the repository, and what they are called in the site."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for place, name in OUTSIDE.items():
        files.append(File.generated(config, name, content=(ROOT / place).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that leave docs/ lead to the page in the site; those to source files, which it has not, become text."""
    for place, name in OUTSIDE.items():
        markdown = re.sub(rf"\]\((?:\.\./)+{re.escape(place)}", f"]({name}", markdown)
    if page.file.src_uri in OUTSIDE.values():
        markdown = re.sub(r"\]\((?:\.\./)*docs/", "](", markdown)
    return re.sub(
        r"\[([^\[\]]+)\]\((?:\.\./)+[^)]*\)", lambda link: link[1] if leaves(page, link[0]) else link[0], markdown
    )


def leaves(page: Page, link: str) -> bool:
    """Whether a Markdown link climbs out of docs/."""
    return link.partition("](")[2].count("../") > page.file.src_uri.count("/")
