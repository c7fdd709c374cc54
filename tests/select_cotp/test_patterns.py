import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import DataError, InputMissing
from stages.select_cotp.patterns import (
    LONGEST_CHAIN,
    Inventory,
    normalise_chain,
    normalise_name,
    read_pattern_map,
    too_many,
)


def written(folder: Path, text: str, name: str = "map.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- one name ---


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Checking", "checking"),
        ("  Case\n\tSplit ", "case split"),
        ("1. Checking", "checking"),
        ("12) checking", "checking"),
        ("2.checking", "checking"),
        ("(2) checking", "checking"),
        ("（3）验证", "验证"),
        ("3、验证", "验证"),
        ("[iv] checking", "checking"),
        ("iv. checking", "checking"),
        ("(a) checking", "checking"),
        ("a) checking", "checking"),
        ("- checking", "checking"),
        ("• checking", "checking"),
        ("## checking", "checking"),
        ("① checking", "checking"),
        ("Step 3: checking", "checking"),
        ("Step 3. checking", "checking"),
        ("Pattern #4 - checking", "checking"),
        ("第二步：验证", "验证"),
        ("步骤2 计算", "计算"),
        ("- 1. Step 2: checking", "checking"),
        ("Straße", "strasse"),
        ("e\u0301tape", "étape"),
        ("验", "验"),
        # folding takes it apart
        ("\u0390", "\u0390"),
    ],
)
def test_names_lose_their_numbering_and_their_case(name: str, normal: str) -> None:
    assert normalise_name(name) == normal


@pytest.mark.parametrize(
    "name", ["1.5 times rule", "step by step", "3d view", "i think", "vi is", "-checking", "a case"]
)
def test_what_only_looks_like_numbering_stays(name: str) -> None:
    assert normalise_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "1.", "(2)", "-", "Step 3:", "step 3", "# ", "1. - ", "①"])
def test_nothing_is_left_of_numbering_alone(name: str) -> None:
    assert normalise_name(name) == ""


@given(st.text(st.sampled_from("aAßİΐſ1.2)(-• \t\u0301第步：iv#s") | st.characters(), max_size=12))
def test_a_normal_name_is_its_own_normal_form(name: str) -> None:
    normal = normalise_name(name)
    assert normalise_name(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert normal == " ".join(normal.split())


# --- a chain ---


def test_chains_keep_their_order_and_lose_empty_names() -> None:
    names = ["1. Restate", "-", "Compute", "compute", "(3)", "Checking"]
    assert normalise_chain(names, {}) == (("restate", "compute", "compute", "checking"), (0, 2, 3, 5))
    assert normalise_chain(names, {"checking": "verify"})[0][-1] == "verify"
    assert normalise_chain([], {}) == ((), ())
    assert normalise_chain(["-"], {}) == ((), ())


def test_a_chain_that_is_too_long_is_a_problem_that_says_how_long() -> None:
    problem = too_many(LONGEST_CHAIN + 1)
    assert problem.reason == "too_many_patterns"
    assert problem.field == "patterns"
    assert "1,025" in problem.error
    assert "1,024" in problem.error


# --- many chains ---


def test_an_inventory_counts_names_whatever_the_order_of_chains() -> None:
    chains = [("b", "a", "b"), ("c",), ("b", "a")]
    inventory = Inventory.of(chains)
    assert list(inventory.occurrences.items()) == [("b", 3), ("a", 2), ("c", 1)]
    assert inventory == Inventory.of(reversed(chains))
    assert list(Inventory.of([("b", "a", "c")]).occurrences) == ["a", "b", "c"]
    assert inventory.median == 2
    assert inventory.warning() is None
    assert inventory.facts({"z": "a", "a": "a", "y": "b"}) == {
        "chains": 3,
        "names": 6,
        "distinct": 3,
        "median_occurrences": 2.0,
        "merged": {"y": "b", "z": "a"},
    }


def test_names_that_occur_once_are_warned_of() -> None:
    warning = Inventory.of([("a", "b"), ("a", "c"), ("d",)]).warning()
    assert warning is not None
    assert "3 of 4 distinct" in warning
    assert "--pattern-map" in warning
    # two once, two twice: the median is 1.5
    assert Inventory.of([("a", "b"), ("a", "b"), ("c", "d")]).warning() is None


def test_no_chains_have_no_names() -> None:
    empty = Inventory.of([])
    assert empty.median == 0
    assert empty.warning() is None


# --- the map ---


@pytest.mark.parametrize("name", ["map.json", "map.JSON", "map.yaml", "map"])
def test_a_map_is_json_or_yaml(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, json.dumps({"Double-Check": "verify", "2. 验证": "Verify"}, ensure_ascii=False), name)
    assert read_pattern_map(path) == {"double-check": "verify", "验证": "verify"}


def test_yaml_names_are_texts_whatever_yaml_makes_of_them(tmp_path: Path) -> None:
    assert read_pattern_map(written(tmp_path, "yes: no\n3: Null\n1.5: '2024-01-01'\n")) == {
        "yes": "no",
        "3": "null",
        "1.5": "2024-01-01",
    }


def test_merges_of_merges_are_followed_to_the_last_name(tmp_path: Path) -> None:
    path = written(tmp_path, "A: b\nb: C\nc: d\ne: e\nf: E\n")
    assert read_pattern_map(path) == {"a": "d", "b": "d", "c": "d", "e": "e", "f": "e"}


def test_two_lines_about_one_name_may_agree(tmp_path: Path) -> None:
    assert read_pattern_map(written(tmp_path, "Check: verify\n1. check: Verify\n")) == {"check": "verify"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b\nb: c\nc: a\n", r"circle \(a -> b -> c -> a\)"),
        ("z: a\na: b\nb: a\n", "circle"),
        ("a: b\nA: c\n", "'A' is merged into 'b' and into 'c'"),
        ("a: [b]\n", "'a' holds a list"),
        ("a: {b: c}\n", "'a' holds a list"),
        ("a:\n", "'a' has the name ''"),
        ("a: '1.'\n", "'a' has the name '1.'"),
        ("'-': a\n", "'-' has the name '-'"),
        ("- a\n", "no mapping"),
        ("", "no mapping"),
        ("a: b: c\n", "not YAML"),
        ("a: \x00\n", "not YAML"),
    ],
)
def test_a_bad_yaml_map_is_told_with_file_and_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_pattern_map(written(tmp_path, text))
    assert "map.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": "b", "a": "c"}', "'a' is merged into 'b' and into 'c'"),
        ('{"a": 3}', "'a' holds a int"),
        ('{"a": null}', "'a' holds a NoneType"),
        ('["a"]', "holds a list"),
        ('{"a": "b"', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_json_map_is_told_with_file_and_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_pattern_map(written(tmp_path, text, "map.json"))
    assert "map.json" in str(caught.value)


def test_a_map_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="--pattern-map"):
        read_pattern_map(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_pattern_map(tmp_path / "bytes.yaml")
    with pytest.raises(DataError, match="cannot be read"):
        read_pattern_map(tmp_path)
