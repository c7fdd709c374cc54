from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from rlbff_cli.flags import REQUIRED, Flag, flags_of
from rlbff_cli.page import names
from rlbff_cli.table import COMMANDS, flags_for
from stages.core.options import Panel
from stages.eval.config import EvalConfig
from tests.rlbff_cli.fake_stage import FakeConfig


def frozen_lines() -> list[str]:
    lines = []
    for entry in COMMANDS:
        lines.append(f"rlbff {entry.name} {entry.argument}...")
        for flag in flags_for(entry):
            if flag.name != "inputs":
                choices = f" {{{','.join(flag.choices)}}}" if flag.choices else ""
                default = "required" if flag.default is REQUIRED else repr(flag.default)
                lines.append(f"  {names(flag)}{choices} = {default}")
    return lines


def test_an_option_is_a_decision_so_the_list_is_frozen(root: Path) -> None:
    golden = (root / "tests" / "golden" / "flags.txt").read_text(encoding="utf-8").splitlines()
    assert frozen_lines() == golden, (
        "Options changed. If that is meant, note it in CHANGELOG.md and write tests/golden/flags.txt anew with "
        "`python -m tests.rlbff_cli.test_flags`."
    )


def test_a_name_or_short_flag_occurs_once_in_a_command() -> None:
    for entry in COMMANDS:
        flags = flags_for(entry)
        spelled = [text for flag in flags for text in (flag.option, *flag.short)]
        assert len(set(spelled)) == len(spelled), entry.name


def test_the_common_options_are_the_same_in_every_stage() -> None:
    wanted = {"--limit", "--shard", "--workers", "--runner", "--seed", "--resume", "--overwrite", "--dry-run"}
    wanted |= {"--max-failed", "--config", "--json", "--log-level"}
    for entry in COMMANDS:
        if entry.stage:
            assert wanted <= {flag.option for flag in flags_for(entry)}, entry.name


def by_name(config_class: type) -> dict[str, Flag]:
    return {flag.name: flag for flag in flags_of(config_class)}


def test_groups_are_shown_flat_under_their_panel() -> None:
    flags = by_name(FakeConfig)
    assert flags["max_cost"].group == "llm"
    assert flags["max_cost"].panel == "Language model"
    assert flags["max_cost"].option == "--max-cost"
    assert flags["max_cost"].variable == "RLBFF_MAX_COST"
    assert flags["threshold"].group is None
    assert flags["threshold"].panel is None


def test_a_single_option_can_name_its_panel() -> None:
    assert by_name(FakeConfig)["speed"].panel == "Run"
    assert by_name(FakeConfig)["speed"].group is None


@pytest.mark.parametrize(
    ("name", "kind", "nullable", "default"),
    [
        ("inputs", "texts", False, REQUIRED),
        ("out", "path", True, None),
        ("mode", "choice", False, "auto"),
        ("size", "choice", True, None),
        ("threshold", "float", False, 0.5),
        ("skip", "texts", False, ("a", "b")),
        ("loud", "bool", False, False),
        ("limit", "int", True, None),
        ("llm", "text", True, None),
    ],
)
def test_the_type_of_a_field_decides_the_kind(name: str, kind: str, nullable: bool, default: object) -> None:
    flag = by_name(FakeConfig)[name]
    assert (flag.kind, flag.nullable, flag.default) == (kind, nullable, default)


def test_texts_beginning_with_a_dash_are_short_flags() -> None:
    assert by_name(FakeConfig)["skip"].short == ("-s",)
    assert by_name(FakeConfig)["skip"].help == "Names to leave out."


def test_a_positional_option_goes_by_the_word_that_stands_for_it() -> None:
    flag = by_name(EvalConfig)["benchmark"]
    assert (flag.positional, flag.option, names(flag), flag.default) == (True, "BENCHMARK", "BENCHMARK", REQUIRED)
    assert not by_name(EvalConfig)["scores"].positional


def test_two_options_of_one_name_are_our_mistake() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Inner:
        seed: Annotated[int, "x"] = 0

    @dataclass(frozen=True, kw_only=True)
    class Outer:
        seed: Annotated[int, "x"] = 0
        inner: Annotated[Inner, Panel("Inner")] = field(default_factory=Inner)

    with pytest.raises(AssertionError, match="two options of one name"):
        flags_of(Outer)


def test_a_type_that_no_option_can_have_is_our_mistake() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Odd:
        when: Annotated[dict[str, int], "x"] = field(default_factory=dict)

    with pytest.raises(AssertionError, match="no option can have the type"):
        flags_of(Odd)


def test_literals_become_choices() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Config:
        a: Annotated[Literal["x", "y"], "help"] = "x"

    assert by_name(Config)["a"].choices == ("x", "y")


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "golden" / "flags.txt"
    target.write_text("\n".join(frozen_lines()) + "\n", encoding="utf-8")
