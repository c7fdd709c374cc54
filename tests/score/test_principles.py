import pytest

from stages.core.errors import ConfigError
from stages.core.rows import Problem, Row
from stages.score.principles import Principle, PrincipleSet, from_options
from stages.score.principles_file import parse_principles


def texts(found: PrincipleSet, row: Row) -> list[str]:
    principles = found.of_row(row)
    assert not isinstance(principles, Problem), principles
    return [principle.text for principle in principles]


def test_options_go_before_the_rows_own_column() -> None:
    row = {"id": "r", "principle": "clarity"}
    assert texts(from_options(("a", "b")), row) == ["a", "b"]
    assert texts(from_options(()), row) == ["clarity"]


def test_a_rows_own_list_counts_each_principle_once() -> None:
    assert texts(from_options(()), {"principle": ["b", "a", "b", " "]}) == ["b", "a"]


@pytest.mark.parametrize("row", [{}, {"principle": None}, {"principle": " "}, {"principle": []}, {"principle": [""]}])
def test_a_row_without_a_principle_is_told_the_remedy(row: Row) -> None:
    found = from_options(()).of_row(row)
    assert isinstance(found, Problem)
    assert found.reason == "no_principle"
    assert "--principle" in found.error


def test_a_principle_that_is_no_text_is_refused() -> None:
    for value in (3, ["a", 3], {"a": 1}):
        found = from_options(()).of_row({"principle": value})
        assert isinstance(found, Problem)
        assert found.reason == "bad_type"


def test_a_text_file_holds_one_a_line() -> None:
    found = parse_principles("clarity\n\n# a remark\n  correctness of the code \r\n", "p.txt")
    assert texts(found, {}) == ["clarity", "correctness of the code"]
    assert not found.weighted


def test_a_yaml_list_is_for_all_rows() -> None:
    assert texts(parse_principles("- clarity\n- yes\n", "p.yaml"), {"domain": "code"}) == ["clarity", "yes"]


def test_principles_by_domain_fall_back_to_the_default() -> None:
    text = "code: [correctness of the code, brevity]\nsafety: harmlessness\ndefault:\n- clarity\n"
    found = parse_principles(text, "p.yml")
    assert texts(found, {"domain": "code"}) == ["correctness of the code", "brevity"]
    assert texts(found, {"domain": "safety"}) == ["harmlessness"]
    assert texts(found, {"domain": "stem"}) == texts(found, {}) == texts(found, {"domain": None}) == ["clarity"]
    assert not found.weighted


def test_a_domain_without_principles_is_told_the_remedy() -> None:
    found = parse_principles("code: [x]\n", "p.yaml")
    for row, words in (({"domain": "stem"}, "the domain 'stem'"), ({}, "a row without a domain")):
        problem = found.of_row(row)
        assert isinstance(problem, Problem)
        assert (problem.reason, words in problem.error, "p.yaml" in problem.error) == ("no_principle", True, True)
    problem = found.of_row({"domain": 3})
    assert isinstance(problem, Problem)
    assert problem.reason == "bad_type"


def test_a_domain_that_decides_nothing_may_be_anything() -> None:
    assert texts(from_options(("a",)), {"domain": 3}) == ["a"]


def test_weights_stand_behind_principles() -> None:
    found = parse_principles("clarity: 2\nyes: 0.5\n", "p.yaml")
    assert found.weighted
    assert found.of_row({}) == (Principle("clarity", 2.0), Principle("yes", 0.5))
    by_domain = parse_principles("code:\n  correctness: 3\ndefault: {clarity: 1e-1}\n", "p.yaml")
    assert by_domain.weighted
    assert by_domain.of_row({"domain": "code"}) == (Principle("correctness", 3.0),)
    assert by_domain.of_row({}) == (Principle("clarity", 0.1),)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.txt", "\n# only\n", "p.txt holds no principle"),
        ("p.txt", "a\nb\na\n", "p.txt line 3: 'a' stands already in line 1"),
        ("p.yaml", "", "holds no list and no mapping"),
        ("p.yaml", "clarity", "holds no list and no mapping"),
        ("p.yaml", "[]", "holds no list and no mapping"),
        ("p.yaml", "a: [b\n", "this is not YAML"),
        ("p.yaml", "- a\n- a\n", "p.yaml line 2: 'a' is in the list already"),
        ("p.yaml", "- a\n- [b]\n", "line 2: a principle or domain must be a text"),
        ("p.yaml", "- a\n- ''\n", "line 2: a principle or domain must be a text"),
        ("p.yaml", "a: 1\na: 2\n", "line 2: the key 'a' is given twice"),
        ("p.yaml", "a: 1\nb: 0\n", "line 2: the weight of 'b' must be a number above 0"),
        ("p.yaml", "a: 1\nb: .inf\n", "some keys have a number and others"),
        ("p.yaml", "a: 1\nb: inf\n", "the weight of 'b'"),
        ("p.yaml", "a: nan\n", "the weight of 'a'"),
        ("p.yaml", "a: 1\nb: [c]\n", "some keys have a number and others principles"),
        ("p.yaml", "a: {x: 1}\nb: [c]\n", "some domains have weights and others none"),
        ("p.yaml", "a: {x: heavy}\n", "the weight of 'x'"),
        ("p.yaml", "a: []\n", "line 1: the domain has no principle"),
    ],
)
def test_a_mistake_in_a_file_is_found_with_its_line(name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_principles(text, name)
    assert words in str(caught.value)
