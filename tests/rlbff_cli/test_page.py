import pytest

from rlbff_cli.flags import flags_of
from rlbff_cli.page import Page, Section, explanation, names
from rlbff_cli.table import COMMANDS, flags_for, page_for
from tests.rlbff_cli.fake_stage import FakeConfig

FLAGS = {flag.name: flag for flag in flags_of(FakeConfig)}


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("out", "-o, --out PATH", "Output folder."),
        ("mode", "--mode auto|on|off", "What is to be done. [default: auto]"),
        (
            "size",
            "--size NAME",
            "How much is to be done. One of: extra-small, small, medium, large, extra-large.",
        ),
        ("skip", "-s, --skip TEXT", "Names to leave out. [default: a, b]"),
        ("threshold", "--threshold X", "Between 0 and 1. [default: 0.5]"),
        ("loud", "--loud", "Write to stdout, as libraries do."),
        ("resume", "--resume / --no-resume", "Keep finished shards of the same configuration. [default: on]"),
    ],
)
def test_how_an_option_is_shown(name: str, left: str, right: str) -> None:
    assert (names(FLAGS[name]), explanation(FLAGS[name])) == (left, right)


def test_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    page = Page(
        usage="rlbff x",
        about="Do it.",
        sections=(Section("Options", (("-a", "word " * 12), ("--a-very-long-option NAME", "short"))),),
        example="rlbff x y",
    )
    assert page.render().splitlines() == [
        "Usage: rlbff x",
        "",
        "Do it.",
        "",
        "Options:",
        "  -a                        word word word word word word",
        "                            word word word word word word",
        "  --a-very-long-option NAME",
        "                            short",
        "",
        "Example:",
        "  rlbff x y",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for entry in COMMANDS:
        lines = page_for(entry, flags_for(entry)).render().splitlines()
        assert max(map(len, lines)) < width, entry.name


def test_panels_follow_the_options_in_the_order_of_the_fields() -> None:
    entry = next(entry for entry in COMMANDS if entry.stage)
    titles = [section.title for section in page_for(entry, flags_for(entry)).sections]
    assert titles == ["Arguments", "Options", "Consensus between annotators", "Language model", "Run", "Common"]
