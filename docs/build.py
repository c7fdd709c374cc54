"""Writes the pages of docs/ that are derived from the code: cli.md and tables.md.

`python docs/build.py` writes them, `python docs/build.py --check` fails if they differ from what it would write.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from stages.core.tables import CHAT, EVIDENCE, TABLES, Table

DOCS: Final = Path(__file__).resolve().parent

NOTE: Final = "<!-- Written by `make docs`; edit {source} instead. -->\n"


def main(arguments: list[str]) -> int:
    """Write or check all pages; the exit code is 1 where a page is out of date."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"Out of date in docs/: {', '.join(stale)}. Run `make docs` and commit the result.\n")
        return 1
    return 0


def cli_page() -> str:
    """Every command with its help, as a person sees it at 110 columns."""
    overview = help_of()
    sections = [f"## rlbff {name}\n\n```text\n{help_of(name)}\n```\n" for name in commands_in(overview)]
    head = "# Command line\n\n" + NOTE.format(source="the config classes in stages/*/config.py or rlbff_cli/")
    return "\n".join([head, f"```text\n{overview}\n```\n", *sections])


def tables_page() -> str:
    """Every table that travels between stages, with its columns."""
    head = (
        "# Tables\n\n"
        + NOTE.format(source="stages/core/tables.py")
        + "\nA column of the input that is not named here passes through to the output unchanged. A row without a\n"
        "column marked *required* is rejected. `chat` is a list of messages {role, content}; `evidence` is a list of\n"
        "{annotator, quote, start, end, match, verdict}.\n"
    )
    return "\n".join([head, *(table_section(table) for table in TABLES)])


PAGES: Final[dict[str, Callable[[], str]]] = {"cli.md": cli_page, "tables.md": tables_page}


def help_of(*command: str) -> str:
    """What `rlbff COMMAND --help` prints, without colours and trailing spaces."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RLBFF_")}
    # CI switches rich to forced colours in some versions; TERMINAL_WIDTH is typer's, COLUMNS everyone else's.
    environ |= {
        "COLUMNS": "110",
        "TERMINAL_WIDTH": "110",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "CI": "",
        "GITHUB_ACTIONS": "",
    }
    code = "import sys; from rlbff_cli.main import main; sys.argv[0] = 'rlbff'; main()"
    run = [sys.executable, "-c", code, *command, "--help"]
    text = subprocess.run(run, env=environ, cwd=DOCS.parent, capture_output=True, text=True, check=True).stdout
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def commands_in(overview: str) -> list[str]:
    """The commands that the overview lists, in its order."""
    listed = overview[overview.index("Commands") :]
    return re.findall(r"^[│ ] ([a-z][a-z-]+) ", listed, re.MULTILINE)


def table_section(table: Table) -> str:
    """One table as Markdown."""
    lines = [f"## {table.name}\n", table.doc, ""]
    if table.readers:
        lines += [f"Read unchanged by: {table.readers}.", ""]
    lines += ["| column | type | |", "|---|---|---|"]
    for column in table.columns:
        doc = f"{column.doc} *Required.*" if column.required else column.doc
        lines.append(f"| `{column.name}` | {type_name(column.type)} | {doc} |")
    return "\n".join(lines) + "\n"


def type_name(type_: pa.DataType) -> str:
    """A short name of a column type that is the same in every version of pyarrow."""
    if type_ == CHAT:
        return "chat"
    if type_ == EVIDENCE:
        return "evidence"
    if pa.types.is_list(type_):
        return f"list of {type_name(type_.value_type)}"
    return {"float": "float32"}.get(str(type_), str(type_))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
