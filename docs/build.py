"""Writes the pages of docs/ that are derived: cli.md, tables.md, modules.md and the list of decisions.

`python docs/build.py` writes them, `python docs/build.py --check` fails if they differ from what it would write.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from rlbff_cli.table import COMMANDS
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
    names = [entry.name for entry in COMMANDS]
    sections = [f"## rlbff {name}\n\n```text\n{help_of(name)}\n```\n" for name in names]
    head = "# Command line\n\n" + NOTE.format(source="the config classes in stages/*/config.py or rlbff_cli/")
    return "\n".join([head, f"```text\n{help_of()}\n```\n", *sections])


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


def modules_page() -> str:
    """Every source file with the first sentence of its docstring, room by room."""
    head = "# Modules\n\n" + NOTE.format(source="the module's docstring")
    rooms: dict[Path, list[Path]] = {}
    for file in sorted(file for room in ("rlbff_cli", "stages") for file in (DOCS.parent / room).rglob("*.py")):
        rooms.setdefault(file.parent, []).append(file)
    sections = [f"## {room.relative_to(DOCS.parent)}/\n\n{module_table(files)}\n" for room, files in rooms.items()]
    return "\n".join([head, *sections])


def decisions_page() -> str:
    """Every decision by its title."""
    head = (
        "# Decisions\n\n"
        + NOTE.format(source="the pages beside it")
        + "\nOne page for each hard choice: context, decision, consequence. A later decision names the one\n"
        "that it replaces.\n\n"
    )
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ") for page in pages]
    return head + "".join(f"- [{title}]({page.name})\n" for title, page in zip(titles, pages, strict=True))


PAGES: Final[dict[str, Callable[[], str]]] = {
    "cli.md": cli_page,
    "tables.md": tables_page,
    "modules.md": modules_page,
    "decisions/README.md": decisions_page,
}


def module_table(files: list[Path]) -> str:
    """The files of one folder as Markdown, those without a docstring left out."""
    lines = ["| file | |", "|---|---|"]
    for file in files:
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        if doc:
            paragraph = " ".join(doc.split("\n\n")[0].split())
            first = re.split(r"(?<=[.!?]) (?=[A-Z`])", paragraph)[0]
            lines.append(f"| `{file.name}` | {first.rstrip(':').replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def help_of(*command: str) -> str:
    """What `rlbff COMMAND --help` prints, without colours and trailing spaces."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RLBFF_")}
    environ |= {"COLUMNS": "110", "NO_COLOR": "1", "TERM": "dumb"}
    run = [sys.executable, "-c", "import sys; from rlbff_cli.main import main; sys.exit(main())", *command, "--help"]
    text = subprocess.run(run, env=environ, cwd=DOCS.parent, stdout=subprocess.PIPE, text=True, check=True).stdout
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


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
