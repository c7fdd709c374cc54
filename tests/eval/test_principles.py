import pytest

from stages.core.errors import ConfigError, DataError
from stages.eval.benchmarks import BENCHMARKS
from stages.eval.config import NO_SCORES, OWN_PRINCIPLES
from stages.eval.principles import DEFAULT, OURS, given_principles, our_principles, parse_principles
from stages.eval.reward_bench_2 import SUBSETS
from stages.eval.rm_bench import DOMAINS


def test_ours_cover_every_domain_of_every_benchmark_that_a_model_can_be_run_on() -> None:
    assert set(OURS) | set(OWN_PRINCIPLES) | set(NO_SCORES) == set(BENCHMARKS)
    assert set(OURS["rm-bench"]) == set(DOMAINS)
    assert set(OURS["reward-bench-2"]) == set(SUBSETS)
    assert set(OURS["judgebench"]) == {"knowledge", "reasoning", "math", "coding"}
    assert not our_principles("rm-bench").several
    assert our_principles("llmbar").of("anything") == ("following the user's instructions",)
    assert our_principles("hacking").by_domain == {}


def test_given_ones_hold_for_every_domain() -> None:
    given = given_principles(("a", "b"))
    assert given.of("chat") == given.of("code") == ("a", "b")
    assert given.several


def test_a_file_names_domains_and_a_default() -> None:
    found = parse_principles("chat: tone\ncode: [a, b]\ndefault: c\n", "p.yaml")
    assert (found.of("chat"), found.of("code"), found.of("math")) == (("tone",), ("a", "b"), ("c",))
    assert found.origin == "p.yaml"
    assert found.by_domain[DEFAULT] == ("c",)
    with pytest.raises(DataError, match="'math', for which there is no principle"):
        parse_principles("chat: tone\n", "p.yaml").of("math")


def test_a_list_or_lines_hold_for_every_domain() -> None:
    assert parse_principles("[a, b]\n", "p.yml").by_domain == {DEFAULT: ("a", "b")}
    assert parse_principles("# ours\n\n a: b\nc \n", "p.txt").by_domain == {DEFAULT: ("a: b", "c")}
    with pytest.raises(ConfigError, match="must be a principle"):
        parse_principles("# none\n", "p.txt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clarity\n", "a list of principles, or lines of the form domain: principle"),
        ("", "of the form domain: principle"),
        ("a: [", "is not YAML"),
        ("no: a\n", "the domain False is not a text"),
        ("chat: 3\n", "chat is 3; it must be a principle"),
        ("chat: []\n", "must be a principle"),
        ("chat: ['']\n", "must be a principle"),
        ("chat: [a, a]\n", "names a principle twice"),
        ("chat: {a: 2}\n", r"chat is \{'a': 2\}; it must be a principle, or a list of principles \(no weights\)"),
        ("[]\n", "it is \\[\\]"),
        ("[a, 3]\n", "must be a principle"),
    ],
)
def test_a_file_that_is_none(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_principles(text, "p.yaml")
