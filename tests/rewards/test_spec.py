"""Specs of reward sources: what each form means, and what each mistake is told."""

import pytest

from stages.core.errors import ConfigError
from stages.rewards.spec import Spec, names, parse_specs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("math:", ("math", "", 1.0)),
        ("code:@0.3", ("code", "", 0.3)),
        ("check:", ("check", "", 1.0)),
        ("check:words<=200@-.5", ("check", "words<=200", -0.5)),
        ('check:contains:"a@2"', ("check", 'contains:"a@2"', 1.0)),
        ("rm:rm@0.7", ("rm", "rm", 0.7)),
        ("rm:me@home", ("rm", "me@home", 1.0)),
        ("rm:me@home@2e-1", ("rm", "me@home", 0.2)),
        ("rm:x@", ("rm", "x@", 1.0)),
        ("rm:org/model", ("rm", "org/model", 1.0)),
        ("genrm:self", ("genrm", "self", 1.0)),
        ("genrm:http://localhost:8000/v1@0.5", ("genrm", "http://localhost:8000/v1", 0.5)),
        ("py:my.rewards:score@3", ("py", "my.rewards:score", 3.0)),
        (" math: ", ("math", "", 1.0)),
    ],
)
def test_forms(text: str, expected: tuple[str, str, float]) -> None:
    (spec,) = parse_specs([text])
    assert spec[:3] == expected
    assert spec.text == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("maths:", "did you mean math:?"),
        ("math", "did you mean math:?"),
        ("math@0.5", "did you mean math:@0.5?"),
        ("Code:@2", "did you mean code:@2?"),
        ("genmr:judge", "did you mean genrm:judge?"),
        ("http://host/v1", "did you mean genrm:http://host/v1?"),
        ("runs/rm", "did you mean rm:runs/rm?"),
        ("zzzz:", "write one of rm:, genrm:, code:, math:, check:, py: first"),
        ("", "write one of"),
        ("rm:", "rm:FOLDER"),
        ("rm:@0.5", "rm:FOLDER"),
        ("genrm:", "self"),
        ("py:", "py: takes module and function, as py:my_rewards:score"),
        ("py:module", "py:module:function"),
        ("py:rewards.py:score", "leave out .py"),
        ("py:folder/rewards:score", "--py-path"),
        ("math:5", "takes no '5'"),
        ("code:all", "--reward-code"),
        ("math:@0", "the weight 0"),
        ("math:@nan", "the weight nan"),
        ("rm:x@-inf", "the weight -inf"),
        ("rm:x@1e999", "the weight inf"),
    ],
)
def test_mistakes_are_named_with_their_remedy(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_specs([text])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_source_twice_is_refused_whatever_its_weights() -> None:
    with pytest.raises(ConfigError, match=r"twice, 'rm:a@0.5' and 'rm:a'.*rm:a@1.5"):
        parse_specs(["rm:a@0.5", "math:", "rm:a"])
    assert len(parse_specs(["rm:a", "rm:b", "genrm:a"])) == 3


def test_names_are_kinds_until_two_are_of_a_kind() -> None:
    assert names(parse_specs(["rm:runs/a", "math:"])) == ("rm", "math")
    assert names(parse_specs(["rm:runs/a", "math:", "rm:runs/b"])) == ("rm:a", "math", "rm:b")
    assert names(parse_specs(["rm:one/rm", "rm:two/rm"])) == ("rm:one/rm", "rm:two/rm")
    assert names(parse_specs(["check:", "check:words<=9"])) == ("check", "check:words<=9")
    urls = ("genrm:http://a/v1", "genrm:http://b/v1")
    assert names(parse_specs(urls)) == urls
    assert names(parse_specs(["genrm:http://a/v1", "genrm:runs/b"])) == ("genrm:http://a/v1", "genrm:b")


def test_nothing_is_no_source() -> None:
    assert parse_specs([]) == ()
    assert names([Spec("math", "", 1.0, "math:")]) == ("math",)
