"""What `--help` prints: usage, one sentence, options under headings, one example.

Written here instead of by typer, because typer's own page needs rich, which doubles the time of `--help`.
"""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rlbff_cli.flags import REQUIRED, Flag
from rlbff_cli.terminal import bold, colours

_LEFT, _WIDEST = 28, 110


@dataclass(frozen=True)
class Section:
    """A heading and its (name, explanation) lines."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that the help of one command says."""

    usage: str
    about: str
    sections: tuple[Section, ...]
    example: str

    def render(self) -> str:
        """Return the page for the width and colours of the terminal on stdout."""
        width = max(50, min(shutil.get_terminal_size().columns, _WIDEST)) - 1
        on = colours(sys.stdout)
        lines = [f"{bold('Usage:', on)} {self.usage}", "", *textwrap.wrap(self.about, width)]
        for section in self.sections:
            lines += ["", bold(f"{section.title}:", on)]
            for name, text in section.rows:
                lines += _row(name, text, width, on)
        return "\n".join([*lines, "", bold("Example:", on), f"  {self.example}"])


def metavar(flag: Flag) -> str:
    """What stands for the value in `--option VALUE`; "" for a switch."""
    if flag.kind == "choice":
        joined = "|".join(flag.choices)
        return joined if len(joined) <= 24 else "NAME"
    return {"text": "TEXT", "int": "N", "float": "X", "bool": "", "path": "PATH", "texts": "TEXT"}[flag.kind]


def names(flag: Flag) -> str:
    """The option as it is typed: `-o, --out PATH` or `--resume / --no-resume`."""
    if flag.positional:
        return flag.option
    spelled = ", ".join((*flag.short, flag.option))
    if flag.kind == "bool":
        # --no-x exists for every switch, against YAML and the environment; it is shown where it is the news.
        return f"{spelled} / --no-{flag.option[2:]}" if flag.default is True else spelled
    return f"{spelled} {metavar(flag)}"


def explanation(flag: Flag) -> str:
    """The help text, the choices that found no room beside the name, and the default."""
    parts = [flag.help]
    if flag.kind == "choice" and metavar(flag) == "NAME":
        parts.append(f"One of: {', '.join(flag.choices)}.")
    default = _shown_default(flag)
    if default:
        parts.append(f"[default: {default}]")
    return " ".join(parts)


def sections_of(flags: Sequence[Flag]) -> tuple[Section, ...]:
    """Group the flags under their panels, those without a panel first."""
    panels: dict[str, list[tuple[str, str]]] = {"Options": []}
    for flag in flags:
        panels.setdefault(flag.panel or "Options", []).append((names(flag), explanation(flag)))
    if not panels["Options"]:
        del panels["Options"]
    return tuple(Section(title, tuple(rows)) for title, rows in panels.items())


def _shown_default(flag: Flag) -> str:
    if flag.kind == "bool":
        return "on" if flag.default is True else ""
    if flag.default is REQUIRED or flag.default is None:
        return ""
    if isinstance(flag.default, tuple):
        return ", ".join(flag.default)
    return f"{flag.default:g}" if isinstance(flag.default, float) else str(flag.default)


def _row(name: str, text: str, width: int, on: bool) -> list[str]:
    body = textwrap.wrap(text, width - _LEFT - 2, break_on_hyphens=False)
    left = f"  {bold(name, on)}"
    if len(name) + 4 > _LEFT:
        return [left, *(" " * _LEFT + line for line in body)]
    first = left + " " * (_LEFT - len(name) - 2) + body[0]
    return [first, *(" " * _LEFT + line for line in body[1:])]
