"""From a config dataclass to a typer command; the dataclass stays the only definition of the options.

The command hands the options that were typed, untouched, to its callback; what they mean is settings.py's business.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import typer
import typer.main
from typer.core import TyperCommand

from rlbff_cli.flags import Flag
from rlbff_cli.page import Page, metavar

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Buffer(Protocol):
    """The part of click's help formatter that a finished page needs."""

    def write(self, string: str) -> None:
        """Add text to the page."""


class PagedCommand(TyperCommand):
    """A typer command whose `--help` is a Page."""

    page: Page

    def format_help(self, ctx: object, formatter: Buffer) -> None:
        """Write the page instead of typer's."""
        formatter.write(self.page.render())


def build_command(
    name: str, flags: tuple[Flag, ...], page: Page, callback: Callable[[Mapping[str, object]], None]
) -> PagedCommand:
    """Return the command `name`; `callback` receives {flag name: str, bool or list of str} of what was typed."""

    def function(**typed: object) -> None:
        callback({key.removesuffix("_"): value for key, value in typed.items() if value is not None})

    parameters = [_parameter(flag) for flag in flags]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, cls=PagedCommand, context_settings=HELP_OPTIONS, help=page.about)(function)
    command = typer.main.get_command(app)
    assert isinstance(command, PagedCommand)
    command.page = page
    return command


def _parameter(flag: Flag) -> inspect.Parameter:
    """Every option is None when it is not typed, so that only what was typed overrides the other layers."""
    annotation: Any = str | None
    if flag.kind == "bool":
        annotation = bool | None
    elif flag.kind == "texts":
        annotation = list[str] | None
    return inspect.Parameter(
        flag.field, inspect.Parameter.KEYWORD_ONLY, default=_typer_info(flag), annotation=annotation
    )


def _typer_info(flag: Flag) -> Any:  # noqa: ANN401 - typer declares its Option() as Any
    if flag.name == "inputs":
        return typer.Argument(None, help=flag.help, show_default=False)
    if flag.positional:
        return typer.Argument(None, help=flag.help, show_default=False, autocompletion=_completer(flag.choices))
    spelling = f"{flag.option}/--no-{flag.option[2:]}" if flag.kind == "bool" else flag.option
    return typer.Option(
        None,
        *flag.short,
        spelling,
        help=flag.help,
        metavar=metavar(flag) or None,
        show_default=False,
        autocompletion=_completer(flag.choices) if flag.choices else None,
    )


def _completer(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete
