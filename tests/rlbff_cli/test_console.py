import io
import re

import pytest

from rlbff_cli import console as console_module
from rlbff_cli.console import Console


class Clock:
    """time.monotonic that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(console_module, "time", clock)
    return clock


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_come_at_growing_intervals(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    console.start("scoring", 1000, 100)
    said: list[int] = []
    for second in range(1, 151):
        clock.now = float(second)
        before = out.getvalue()
        console.advance(2)
        if out.getvalue() != before:
            said.append(second)
    # 10, then 20 s later, then 40, then 80
    assert said == [10, 30, 70, 150]
    lines = out.getvalue().splitlines()
    assert lines[0] == "scoring: 100 rows were finished earlier"
    # 20 rows in 10 s; 880 left at 2 rows/s are 440 s
    assert lines[1] == "scoring: 120 of 1,000 rows, 2 rows/s, 7 min left"


def test_no_interval_is_longer_than_ten_minutes(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    console.start("scoring", None)
    said: list[int] = []
    for second in range(1, 5000):
        clock.now = float(second)
        before = len(out.getvalue())
        console.advance()
        if len(out.getvalue()) != before:
            said.append(second)
    assert said == [10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030, 3630, 4230, 4830]


def test_the_end_of_a_step_is_said_once(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    console.start("reading", None)
    console.advance(3)
    console.finish()
    console.finish()
    assert out.getvalue() == "reading: 3 rows\n"


def test_a_step_that_ends_below_its_total_is_done_all_the_same(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    console.start("scoring", 5)
    console.advance(3)
    clock.now = 2.0
    console.finish()
    console.abandon()
    assert out.getvalue() == "scoring: done, 3 rows, 1.5 rows/s\n"


def test_a_step_that_an_error_ends_is_not_done(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    console.start("scoring", 5)
    console.advance(3)
    clock.now = 3.0
    console.abandon()
    console.finish()
    assert out.getvalue() == "scoring: 3 of 5 rows, 1 rows/s, 2 s left\n"


def test_advance_without_a_step_is_no_error() -> None:
    Console(stream=io.StringIO()).advance(3)


def test_a_long_notice_stays_one_line_in_a_log() -> None:
    out = io.StringIO()
    Console(stream=out).notice("word " * 100 + "[red]not markup[/red]")
    assert out.getvalue() == "note: " + "word " * 100 + "[red]not markup[/red]\n"


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("error", []),
        ("warning", ["warning:"]),
        ("info", ["warning:", "note:", "title", "kept", "step:"]),
        ("debug", ["warning:", "note:", "title", "kept", "step:"]),
    ],
)
def test_the_level_decides_what_is_said(level: str, words: list[str]) -> None:
    out = io.StringIO()
    console = Console(level, out)
    console.start("step", 1)
    console.warn("w")
    console.notice("n")
    console.table("title", ("a",), [(1,)])
    console.summary({"kept": 1})
    console.finish()
    said = [word for word in ("warning:", "note:", "title", "kept", "step:") if word in out.getvalue()]
    assert sorted(said) == sorted(words)


def test_a_table_sets_numbers_flush_right() -> None:
    out = io.StringIO()
    rows = [("raw", 12345, "100.0 %"), ("kept", 7, "0.1 %"), ("none", None, "")]
    Console(stream=out).table("Waterfall", ("rule", "rows", "of raw"), rows)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "",
        "Waterfall",
        "rule     rows    of raw",
        "raw    12,345   100.0 %",
        "kept        7     0.1 %",
        "none        -",
    ]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        # 3 + 20 + 5 letters, and two gaps
        (34, "all   0.919 [0.846, 0.982]   1,000"),
        (33, "all  0.919 [0.846, 0.982]  1,000"),
        (32, "all  0.919 [0.846, 0.982]  1,000"),
        (31, "all 0.919 [0.846, 0.982] 1,000"),
    ],
)
def test_a_table_moves_together_before_it_folds_a_number(
    monkeypatch: pytest.MonkeyPatch, width: int, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    Console(stream=out).table("Agreement", ("of", "alpha", "rows"), [("all", "0.919 [0.846, 0.982]", 1000)])
    assert out.getvalue().splitlines()[-1] == line


def test_words_are_folded_before_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    out = io.StringIO()
    Console(stream=out).table("Agreement", ("of", "alpha"), [("some longer words", "0.919 [0.846, 0.982]")])
    assert "0.919 [0.846, 0.982]" in out.getvalue()


def test_a_table_is_not_folded_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    Console(stream=out).table("Wide", ("a", "b"), [("x" * 90, "y" * 90)])
    assert len(out.getvalue().splitlines()) == 4


def test_the_summary_aligns_its_values() -> None:
    out = io.StringIO()
    files = [{"name": "a", "sha256": "0123456789abcdef" * 4}, {"name": "b", "rows_left": 2}]
    facts = {"kept": 1234567, "by": {"a": 2, "b_c": 0.5}, "would_read": files, "list": [1, True], "none": []}
    Console(stream=out).summary(facts)
    assert out.getvalue().splitlines() == [
        "",
        "kept        1,234,567",
        "by          a 2, b c 0.5",
        "would read  name a, sha256 0123456789ab",
        "            name b, rows left 2",
        "list        1; yes",
        "none        ",
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_bar_that_ends_complete() -> None:
    out = Screen()
    console = Console(stream=out)
    console.start("scoring", 4, 1)
    console.advance(3)
    console.finish()
    assert "\r" in out.getvalue()
    assert "4 of 4 rows" in out.getvalue()


@pytest.mark.usefixtures("terminal")
def test_the_bar_of_a_step_that_ends_below_its_total_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for total in (40, None):
        out = Screen()
        console = Console(stream=out)
        console.start("scoring", total)
        console.advance(20)
        console.finish()
        assert "\u2501" * 40 in out.getvalue().split("scoring")[-1]
        assert "20 rows" in out.getvalue().split("scoring")[-1]


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_log_with_a_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    out = Screen()
    console = Console(stream=out)
    console.start("scoring", 4)
    console.advance(4)
    console.finish()
    assert "\r" not in out.getvalue()
    assert "\x1b[?25l" not in out.getvalue()
    assert "scoring: 4 of 4 rows" in out.getvalue()


@pytest.mark.usefixtures("terminal")
def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured, plain = Screen(), Screen()
    Console(stream=coloured).warn("x")
    monkeypatch.setenv("NO_COLOR", "1")
    Console(stream=plain).warn("x")
    assert "\x1b[1;33m" in coloured.getvalue()
    assert "33m" not in plain.getvalue()


@pytest.mark.usefixtures("terminal")
def test_a_terminal_cuts_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "41")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    out = Screen()
    console = Console(stream=out)
    console.notice("one two three four five six seven eight nine")
    console.warn("one two three four five six seven eight nine")
    console.table("One two three four five six seven eight nine", ("a",), [(1,)])
    console.summary({"kept": "one two three four five six seven eight nine"})
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "note: one two three four five six seven",
        "  eight nine",
        "warning: one two three four five six",
        "  seven eight nine",
        "",
        "One two three four five six seven eight",
        "  nine",
        "a",
        "1",
        "",
        "kept  one two three four five six seven",
        "      eight nine",
    ]


def figures_of(step: int) -> dict[str, str]:
    return {"step": str(step), "reward": f"0.{step:02}", "entropy": "2.31"}


def test_a_log_gets_a_line_of_figures_at_growing_intervals(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(stream=out)
    for second in range(100):
        clock.now = float(second)
        console.figures(figures_of(second))
    lines = out.getvalue().splitlines()
    # at once, then after 20 s, then after 40 more
    assert lines == [f"step {second}, reward 0.{second:02}, entropy 2.31" for second in (0, 20, 60)]


def test_figures_say_nothing_where_only_warnings_are_wanted() -> None:
    for out in (io.StringIO(), Screen()):
        console = Console("warning", out)
        console.start("updating", 3)
        console.figures(figures_of(1))
        console.finish()
        assert out.getvalue() == ""


def screen_of(written: str) -> list[str]:
    """What a terminal shows after `written`, line by line, for the few codes that a live display uses."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[?\d;]*[a-zA-Z]|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece.startswith("\x1b[") and piece.endswith("A"):
            row -= int(piece[2:-1])
        elif piece != "\r" and not piece.startswith("\x1b["):
            lines[row] += piece
    return [line.rstrip() for line in lines]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal of 60 columns and 24 lines, without colours."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CI", raising=False)
    return Screen()


def test_a_terminal_keeps_the_last_figures_above_the_bar(clock: Clock, screen: Screen) -> None:
    console = Console(stream=screen)
    console.start("updating", 20)
    for step in range(1, 10):
        clock.now = float(step)
        console.figures(figures_of(step))
        console.advance()
    lines = screen_of(screen.getvalue())
    assert lines[0] == "step  reward  entropy"
    assert lines[1:7] == [f"{step:>4}{f'0.{step:02}':>8}     2.31" for step in range(4, 10)]
    assert lines[7].startswith("updating")
    assert "8 of 20" in lines[7] or "9 of 20" in lines[7]
    console.finish()
    # the table belongs to what runs; the bar stays
    left = [line for line in screen_of(screen.getvalue()) if line]
    assert len(left) == 1
    assert left[0].startswith("updating")


def test_the_table_goes_on_in_the_next_step(clock: Clock, screen: Screen) -> None:
    console = Console(stream=screen)
    console.figures(figures_of(1))
    assert screen.getvalue() == ""
    console.start("sampling", 20)
    assert screen_of(screen.getvalue())[:2] == ["step  reward  entropy", "   1    0.01     2.31"]
    console.abandon()
    assert [line.split()[0] for line in screen_of(screen.getvalue()) if line] == ["sampling"]


def test_figures_wait_for_the_next_drawing(clock: Clock, screen: Screen) -> None:
    console = Console(stream=screen)
    console.start("updating", 20)
    console.figures(figures_of(1))
    clock.now = 1.0
    console.figures(figures_of(2))
    before = screen.getvalue()
    clock.now = 1.1
    console.figures(figures_of(3))
    assert screen.getvalue() == before
    clock.now = 1.3
    console.figures(figures_of(4))
    assert [line.split()[0] for line in screen_of(screen.getvalue())[1:5]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(("columns", "names"), [("22", 3), ("21", 2), ("13", 2), ("12", 1), ("4", 0)])
def test_a_narrow_terminal_drops_the_last_figures(
    columns: str, names: int, clock: Clock, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    console = Console(stream=screen)
    console.start("up", 20)
    clock.now = 1.0
    console.figures(figures_of(7))
    head = screen_of(screen.getvalue())[0]
    assert head == "step  reward  entropy"[: (0, 4, 12, 21)[names]] or (names == 0 and "step" not in head)


def test_a_low_terminal_shows_fewer_steps(clock: Clock, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "6")
    console = Console(stream=screen)
    console.start("updating", 20)
    for step in range(1, 6):
        clock.now = float(step)
        console.figures(figures_of(step))
    lines = [line.split()[0] for line in screen_of(screen.getvalue()) if line]
    assert lines == ["step", "4", "5", "updating"]


def test_a_name_that_a_step_lacks_is_a_dash(clock: Clock, screen: Screen) -> None:
    console = Console(stream=screen)
    console.start("updating", 20)
    console.figures({"step": "1", "[b]old": "x"})
    clock.now = 1.0
    console.figures({"step": "2", "[red]": "[/]"})
    assert screen_of(screen.getvalue())[:3] == [
        "step  [b]old  [red]",
        "   1       x      -",
        "   2       -    [/]",
    ]


def test_a_ci_log_gets_lines(clock: Clock, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    console = Console(stream=screen)
    console.start("updating", 20)
    console.figures(figures_of(1))
    assert screen.getvalue() == "step 1, reward 0.01, entropy 2.31\n"
