"""`rlbff report`: output folders as one page, or as text: what was made from what, what was lost, what each shows."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_type_hints

from rlbff_cli.pipe import reader_may_leave, write_line
from stages.core.errors import ConfigError, OutputError
from stages.core.options import OPERATIONAL, RunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE: Final = "report.html"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of `rlbff report`."""

    inputs: Annotated[
        tuple[str, ...], "Output folders, finished or not, folders that hold some, or - for paths on stdin."
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
    from stages.core.gathered import find_folders, gather
    from stages.core.sections_html import whole_page

    roots = find_folders(options.inputs)
    out = options.out or (None if options.text else Path(PAGE))
    if out is not None:
        _check_apart(out, roots)
    parts = gather(roots, defaults())
    if out is not None:
        _write(out, whole_page(options.title, parts))
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


def _write(out: Path, page: str) -> None:
    """Write the page whole or not at all."""
    from stages.core.shards import unwritable, write_text

    try:
        write_text(out, page, out.parent)
    except NotADirectoryError as error:
        raise unwritable(out, error) from None


def _check_apart(out: Path, roots: "Sequence[Path]") -> None:
    """A page within a folder would be taken for a part of it: the name of a model is a hash of its files."""
    place = Path(os.path.realpath(out))
    for root in roots:
        if place.is_relative_to(os.path.realpath(root)):
            raise OutputError(f"The page {out} would lie in the output folder {root}; choose another --out.")
