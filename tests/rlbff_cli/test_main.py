import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlbff_cli.main import main
from rlbff_cli.table import COMMANDS
from tests.rlbff_cli.conftest import DRIVER, Result
from tests.rlbff_cli.folders import ROWS, make_folder

Rlbff = Callable[..., Result]

THERE_ARE = f"The commands are {', '.join(entry.name for entry in COMMANDS)}, fake."


def error_of(result: Result) -> str:
    """The error, which must be the last line of stderr and one line."""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_stdout_is_one_line_the_finished_folder(rlbff: Rlbff) -> None:
    result = rlbff("fake", "a", "b", "-o", "res")
    assert (result.returncode, result.stdout) == (0, "res\n")


def test_what_libraries_print_goes_to_stderr(rlbff: Rlbff) -> None:
    result = rlbff("fake", "a", "--loud")
    assert result.stdout == "out\n"
    assert "noise of python" in result.stderr
    assert "noise of a child" in result.stderr


def test_json_is_one_object_on_one_line(rlbff: Rlbff) -> None:
    result = rlbff("fake", "a", "--json")
    assert result.stdout.count("\n") == 1
    report = json.loads(result.stdout)
    assert report["folder"] == "out"
    assert report["complete"] is True
    assert report["rows"] == {"in": 1}
    assert report["facts"]["inputs"] == ["a"]


def test_an_unfinished_folder_is_not_handed_on(rlbff: Rlbff) -> None:
    result = rlbff("fake", "a", "--partial")
    assert (result.returncode, result.stdout) == (0, "")
    assert json.loads(rlbff("fake", "a", "--partial", "--json").stdout)["complete"] is False


def test_paths_are_read_from_stdin_in_place_of_the_dash(rlbff: Rlbff) -> None:
    result = rlbff("fake", "first", "-", "last", "--json", stdin="one\n\ntwo words\r\n")
    assert json.loads(result.stdout)["facts"]["inputs"] == ["first", "one", "two words", "last"]


def test_an_option_may_take_its_path_from_stdin(rlbff: Rlbff) -> None:
    result = rlbff("fake", "x", "--helper", "-", "--json", stdin="the rm\n")
    facts = json.loads(result.stdout)["facts"]
    assert (facts["inputs"], facts["helper"], facts["heavy"]) == (["x"], "the rm", [])


def test_a_pipe_of_stages(environ: dict[str, str], tmp_path: Path) -> None:
    call = f"{sys.executable} {DRIVER} fake"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {call} a -o first | {call} - -o second --json"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(result.stdout)["facts"]["inputs"] == ["first"]


def test_empty_stdin_points_at_pipefail(rlbff: Rlbff) -> None:
    result = rlbff("fake", "-")
    assert (result.returncode, result.stdout) == (65, "")
    assert "set -o pipefail" in error_of(result)


def test_stdin_is_read_before_a_stage_is_imported(rlbff: Rlbff) -> None:
    facts = json.loads(rlbff("fake", "-", "--json", stdin="x\n").stdout)["facts"]
    assert facts["heavy"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nope"], 2, f"There is no command nope. {THERE_ARE}"),
        (["stauts"], 2, "There is no command stauts. Did you mean status?"),
        (["fake", "x", "--treshold", "1"], 2, "rlbff fake has no option --treshold. Did you mean --threshold?"),
        (["--treshold"], 2, "rlbff has no option --treshold."),
        (["fake", "x", "--limit"], 2, "--limit' requires an argument"),
        (["fake", "x", "--limit", "y"], 2, "--limit is 'y'; it must be a whole number."),
        (["fake", "x", "--size", "larg"], 2, "Did you mean large?"),
        (["fake", "x", "--loud=1"], 2, "--loud' does not take a value"),
        (["fake", "x", "--limit", "0"], 2, "--limit is 0; it must be at least 1."),
        (["fake"], 2, "No input."),
        (["fake", "-", "-"], 2, "- is given twice"),
        (["fake", "-", "--helper", "-"], 2, "- stands for stdin in the inputs and --helper; stdin can be read only"),
        (["fake", "x", "--tool-path", "-", "--helper", "-"], 2, "- stands for stdin in --helper and --tool-path;"),
        (["fake", "x", "--helper", "-"], 65, "- found no path on stdin"),
        (["fake", "x", "--config", "none.yaml"], 2, "none.yaml cannot be read"),
        (["fake", "x", "--log-level", "loud"], 2, "must be one of error, warning, info, debug"),
        (["fake", "x", "--fail", "failed"], 3, "7 of 9 rows failed"),
        (["fake", "x", "--fail", "signal"], 75, "Stopped by SIGTERM."),
        (["status", "none"], 66, "The folder none does not exist."),
        (["cat", "none"], 66, "The folder none does not exist."),
        (["cat", str(DRIVER)], 65, "driver.py is a file, not an output folder."),
        (["status", str(DRIVER)], 65, "driver.py is a file, not an output folder."),
        (["status", "x" * 5000], 66, "does not exist."),
    ],
)
def test_every_mistake_is_one_line_and_an_exit_code(
    rlbff: Rlbff, arguments: list[str], code: int, sentence: str
) -> None:
    result = rlbff(*arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert sentence in error_of(result)
    assert "Traceback" not in result.stderr


def test_a_mistake_in_the_options_is_the_only_line(rlbff: Rlbff) -> None:
    assert rlbff("fake", "x", "--treshold", "1").stderr.count("\n") == 1


def test_a_misspelt_variable_is_refused_for_every_stage(rlbff: Rlbff) -> None:
    result = rlbff("fake", "x", RLBFF_TRESHOLD="1")
    assert result.returncode == 2
    assert error_of(result).endswith("RLBFF_TRESHOLD is not an option. Did you mean RLBFF_THRESHOLD?")


def test_a_variable_of_another_stage_and_a_secret_are_no_mistake(rlbff: Rlbff) -> None:
    assert rlbff("fake", "x", RLBFF_CONSENSUS_GROUP="clique", RLBFF_LLM_KEY="k").returncode == 0


def test_the_common_options_come_from_the_environment_too(rlbff: Rlbff, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("out: named\n", encoding="utf-8")
    assert rlbff("fake", "x", RLBFF_CONFIG="c.yaml").stdout == "named\n"


def test_utilities_ignore_the_environment_of_stages(rlbff: Rlbff) -> None:
    assert rlbff("status", "none", RLBFF_LIMT="1").returncode == 66


def test_a_bug_keeps_its_traceback(rlbff: Rlbff) -> None:
    result = rlbff("fake", "x", "--fail", "bug")
    assert (result.returncode, result.stdout) == (1, "")
    assert "ZeroDivisionError: surprise" in result.stderr
    assert "This is a bug in rlbff" in error_of(result)


def test_debug_shows_where_an_error_came_from(rlbff: Rlbff) -> None:
    assert "Traceback" in rlbff("fake", "x", "--fail", "failed", "--log-level", "debug").stderr


def test_log_levels(rlbff: Rlbff) -> None:
    assert rlbff("fake", "x", "--log-level", "error").stderr == ""
    assert rlbff("fake", "x", "--log-level", "warning").stderr == "warning: this is a fake\n"
    assert "note: read x" in rlbff("fake", "x").stderr


def start(arguments: list[str], environ: dict[str, str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The notice says that the stage is at work.
    while "note" not in process.stderr.readline():
        assert process.poll() is None
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stage_resumable(number: signal.Signals, environ: dict[str, str]) -> None:
    process = start(["fake", "x", "--fail", "sleep"], environ)
    process.send_signal(number)
    # `timeout` and shells signal twice; the second must not spoil the clean end.
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (75, "")
    assert err.splitlines()[-1].startswith(f"error: Stopped by {number.name}.")


def test_a_signal_while_waiting_for_stdin(environ: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), "fake", "-"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        process.kill()
        process.communicate()
        pytest.skip("needs /proc to know when the process waits")
    # Bit 14 of SigCgt: the handler of SIGTERM is installed.
    while not int(status.read_text().split("SigCgt:")[1].split()[0], 16) & 1 << signal.SIGTERM - 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 75


def test_a_reader_that_has_gone_is_no_error(environ: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, str(DRIVER), "fake", "x", "--log-level", "error"],
        env=environ,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_an_empty_one(closed: str, environ: dict[str, str]) -> None:
    command = f'"$0" "$1" fake x --log-level error {closed}'
    shell = ["sh", "-c", command, sys.executable, str(DRIVER)]
    result = subprocess.run(shell, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == ("" if " >&-" in f" {closed}" else "out\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [["fake", "x", "--log-level", "error"], ["status", "run"], ["cat", "run"]])
def test_a_full_disk_under_stdout_is_73(command: list[str], tmp_path: Path, environ: dict[str, str]) -> None:
    make_folder(tmp_path / "run", [ROWS])
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, str(DRIVER), *command],
            cwd=tmp_path,
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 73
    assert result.stderr == "error: stdout cannot be written: No space left on device.\n"


def test_a_terminal_on_stdin_is_not_waited_for(environ: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    result = subprocess.run(
        [sys.executable, str(DRIVER), "fake", "-"],
        env=environ,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert result.returncode == 2
    assert "stdin is the terminal" in error_of(result)


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rlbff ")
    assert main([]) == 0
    front = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == front
    assert "extract-principles" in front


def test_an_unknown_exception_leaves_main(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("rlbff_cli.main.flags_for", broken)
    with pytest.raises(ZeroDivisionError):
        main(["cat", "x"])


def test_a_word_before_the_inputs_is_read_by_its_place(rlbff: Rlbff) -> None:
    page = rlbff("eval", "--help").stdout
    assert "rlbff eval [OPTIONS] BENCHMARK ROWS..." in page
    assert "--benchmark" not in page
    assert "what.jsonl does not exist" in error_of(rlbff("eval", "llmbar", "what.jsonl"))
    assert "BENCHMARK is 'llmba'; it must be one of" in error_of(rlbff("eval", "llmba", "what.jsonl"))
    refused = rlbff("eval", "llmbar", "what.jsonl", RLBFF_BENCHMARK="rm-bench")
    assert refused.returncode == 2
    assert "RLBFF_BENCHMARK is not an option" in error_of(refused)


@pytest.mark.parametrize(
    ("launched", "module", "ordinary"),
    [
        ({"RANK": "1"}, "torch", False),
        ({"RANK": "0"}, "torch", False),
        ({"RANK": "1"}, "other", True),
        ({}, "torch", True),
    ],
)
def test_a_process_of_torchrun_ends_without_tearing_down(
    environ: dict[str, str], launched: dict[str, str], module: str, ordinary: bool
) -> None:
    program = (
        f"import atexit, sys, types; sys.modules[{module!r}] = types.ModuleType({module!r}); "
        "kept = type('Kept', (), {'__del__': lambda self, say=print: say('torn down')})(); "
        "atexit.register(print, 'stored'); from rlbff_cli.main import main; sys.exit(main(['--version']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ | launched, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rlbff ")
    assert done.stdout.count("stored") == 1
    assert ("torn down" in done.stdout) is ordinary
