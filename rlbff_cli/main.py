"""The entry point `rlbff`: which command was called, and what its end means as an exit code."""

import atexit
import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Final, Protocol, cast

import typer
import typer.main
from typer.core import TyperGroup

from rlbff_cli.bind import HELP_OPTIONS, Buffer, PagedCommand, build_command
from rlbff_cli.call import call
from rlbff_cli.hints import did_you_mean
from rlbff_cli.table import COMMANDS, flags_for, front_page, page_for
from rlbff_cli.terminal import open_streams, say_error
from stages.core.disk import told_of_disk
from stages.core.errors import ConfigError, RlbffError

# Every complaint of the parser about what was typed; public only through its subclass.
_UsageError: Final = cast("type[Exception]", typer.BadParameter.__base__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; an exception that is nobody's mistake but ours propagates."""
    sys.excepthook = _report_bug
    open_streams()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = build_app().main(args=typed or ["--help"], prog_name="rlbff", standalone_mode=False)
    except RlbffError as error:
        say_error(str(error))
        return error.exit_code
    except OSError as error:
        if (told := told_of_disk(error)) is None:
            raise
        say_error(str(told))
        return told.exit_code
    except _UsageError as error:
        say_error(_usage_sentence(error, typed))
        return ConfigError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    code = result if isinstance(result, int) else 0
    _leave_torchrun(code)
    return code


def _leave_torchrun(code: int) -> None:
    """End a process of torchrun on the spot, after all that was to be done at its exit; what it made is stored.

    Threads of gloo that are just ending now and then abort a process that tears its modules down. torchrun then calls
    the run a failure, and ends the other processes, too.
    """
    if "RANK" in os.environ and "torch" in sys.modules:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Parsing(Protocol):
    """The part of click's context that tells a call from a completion."""

    resilient_parsing: bool


class Commands(TyperGroup):
    """The group `rlbff`: a command is built when it is called, so that the options of no other are imported."""

    def list_commands(self, ctx: object) -> list[str]:
        """The names in the order of the table."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: Parsing, cmd_name: str) -> PagedCommand | None:
        """Build one command; an unknown name is the user's mistake, unless the shell is completing."""
        for entry in COMMANDS:
            if entry.name == cmd_name:
                flags = flags_for(entry)
                return build_command(entry.name, flags, page_for(entry, flags), partial(call, entry))
        if ctx.resilient_parsing:
            return None
        names = self.list_commands(ctx)
        hint = did_you_mean(cmd_name, names) or f" The commands are {', '.join(names)}."
        raise ConfigError(f"There is no command {cmd_name}.{hint}")

    def format_help(self, ctx: object, formatter: Buffer) -> None:
        """Write our page instead of typer's."""
        formatter.write(front_page().render())


def build_app() -> TyperGroup:
    """The group with --version and shell completion; its commands are built on demand."""
    app = typer.Typer(cls=Commands, rich_markup_mode=None, context_settings=HELP_OPTIONS)

    @app.callback()
    def root(version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True)) -> None:
        """Composable commands for post-training language models."""

    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        # Slow to import, and wanted only here.
        from importlib.metadata import version

        sys.stdout.write(f"rlbff {version('rlbff')}\n")
        raise typer.Exit


def _usage_sentence(error: Exception, typed: Sequence[str]) -> str:
    """The parser's complaint as one sentence of ours."""
    called = next((entry.name for entry in COMMANDS if entry.name in typed[:1]), None)
    command = f"rlbff {called}" if called else "rlbff"
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        possible = error.possibilities
        hint = f" Did you mean {possible[0]}?" if possible else ""
        return f"{command} has no option {option}.{hint}"
    message = getattr(error, "format_message", error.__str__)()
    return f"{message.rstrip('.')}. `{command} --help` shows what can be written."


def _report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    traceback.print_exception(kind, error, trace)
    say_error(f"This is a bug in rlbff, not a mistake of yours ({kind.__name__}). Please report the lines above.")


if __name__ == "__main__":
    sys.exit(main())
