from collections.abc import Callable

import pytest

from tests.rlbff_cli.conftest import Result

Rlbff = Callable[..., Result]


def completed(rlbff: Rlbff, line: str) -> list[str]:
    """What bash is offered for the last word of `line`."""
    words = line.split(" ")
    result = rlbff(_RLBFF_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rlbff ex", ["extract-principles"]),
        ("rlbff fake --mo", ["--mode"]),
        ("rlbff fake --mode ", ["auto", "on", "off"]),
        ("rlbff fake --mode o", ["on", "off"]),
        ("rlbff fake --size extra", ["extra-small", "extra-large"]),
        ("rlbff fake --log-level d", ["debug"]),
        ("rlbff cat --format j", ["jsonl"]),
        ("rlbff nope x", []),
    ],
)
def test_bash_completes_commands_options_and_choices(rlbff: Rlbff, line: str, offered: list[str]) -> None:
    assert completed(rlbff, line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_shown(rlbff: Rlbff, shell: str) -> None:
    result = rlbff("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert result.returncode == 0, result.stderr
    assert "_RLBFF_COMPLETE" in result.stdout


def test_completion_is_installed(rlbff: Rlbff, tmp_path: object) -> None:
    result = rlbff("--install-completion", "bash", HOME=str(tmp_path), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert result.returncode == 0, result.stderr
    assert "completion installed" in result.stdout
