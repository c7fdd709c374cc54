"""`rlbff report`: output folders as one page, or as text: what was made from what, what was lost, what each shows."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_type_hints

from rlbff_cli.pipe import reader_may_leave, write_line
from rlbff_cli.remote import viewed_folders
from stages.core.errors import ConfigError, OutputError
from stages.core.options import OPERATIONAL, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE: Final = "report.html"

_READ: Final = r"(?!.*\.safetensors$).*(\.(parquet|json|jsonl|yaml)|README\.md)"
"""What stages show of a remote folder: all but weights, journals and logs of other tools."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of `rlbff report`."""

    inputs: Annotated[
        tuple[str, ...],
        "Output folders, finished or not, or folders that hold some, by path or URL, or - for paths on stdin.",
    ]
    out: Annotated[Path | None, "The page to write; default: report.html, and none with --text.", "-o"] = None
    text: Annotated[bool, "Print tables to stdout; no page is written unless --out names one."] = False
    title: Annotated[str, "Title of the page."] = "rlbff report"

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No folder: name the output folders to report on, or - to read paths from stdin.")


def report(options: ReportOptions) -> None:
    """Write the page and print its path, or print the text.

    Raises:
        InputMissing: a folder does not exist. DataError: it is not ours and holds none of ours, or not one can be
        read. OutputError: the page cannot be written, or would lie in one of the folders.
    """
    with viewed_folders(options.inputs, _READ) as (folders, places):
        _report(folders, places.named, options)


def _report(folders: "Sequence[str]", named: "Callable[[str], str]", options: ReportOptions) -> None:
    from stages.core.gathered import find_folders, gather
    from stages.core.sections_html import whole_page
    from stages.core.shards import write_text

    roots = find_folders(folders)
    out = options.out or (None if options.text else Path(PAGE))
    if out is not None:
        _check_place(out, roots)
    parts = gather(roots, defaults(), named)
    if out is not None:
        write_text(out, whole_page(options.title, parts), out.parent)
    if options.text:
        from rlbff_cli.report_text import as_text

        text = as_text(options.title, parts, sys.stdout)
        with reader_may_leave():
            sys.stdout.buffer.write(text.encode(sys.stdout.encoding, "replace"))
            sys.stdout.flush()
    else:
        write_line(os.fspath(out or ""))


def defaults() -> Mapping[str, Mapping[str, object]]:
    """By stage: the default of each option that says more than how the work was done."""
    from rlbff_cli.table import COMMANDS, flags_for

    hints = get_type_hints(RunOptions, include_extras=True)
    how = {name for name, hint in hints.items() if OPERATIONAL in hint.__metadata__} | {"inputs", "out"}
    return {
        entry.name: {
            flag.name: flag.default for flag in flags_for(entry) if flag.name not in how and flag.panel != "Common"
        }
        for entry in COMMANDS
        if entry.stage
    }


def _check_place(out: Path, roots: "Sequence[Path]") -> None:
    """A page within a folder would be taken for a part of it: the name of a model is a hash of its files."""
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", str(out)):
        raise OutputError(f"The page cannot be written to the URL {_url(out)}; name a file on this machine with --out.")
    if out.is_dir():
        raise OutputError(f"--out {out} is a folder; name the file that the page becomes.")
    place = Path(os.path.realpath(out))
    for root in roots:
        if place.is_relative_to(os.path.realpath(root)):
            raise OutputError(f"The page {out} would lie in the output folder {root}; choose another --out.")


def _url(out: Path) -> str:
    """The URL as it was typed, of which pathlib has left out a slash."""
    return re.sub(r":/(?!/)", "://", str(out), count=1)
