"""Words and runs of words: hashes are equal exactly where the words are."""

import random
import unicodedata

import pytest

from stages.select_cotp.word_runs import normalised, run_hashes, word_hashes
from tests.naive import word_runs as naive


def test_normalised_by_hand() -> None:
    assert normalised("  Straße\t\n\nÉ é  ") == "strasse é é"
    assert normalised("e\N{COMBINING ACUTE ACCENT}") == "é"
    assert normalised(" \n ") == ""


def test_text_in_ascii_is_no_special_case() -> None:
    for text in ("A  b\x1cC\tD", "X_9.Z"):
        assert normalised(text + " é") == f"{normalised(text)} é"


def test_normalising_twice_changes_nothing() -> None:
    for code in (*range(0x3000), *range(0x1E00, 0x2000), *range(0xFB00, 0xFB50)):
        once = normalised(chr(code) + "\N{COMBINING GREEK YPOGEGRAMMENI}x")
        assert normalised(once) == once
        assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x+3", "$x + 3$"),
        ("Find, x.", "find x"),
        ("a_b", "a b"),
        ("第一步：计算", "第 一 步 计 算"),
        ("ก ข", "กข"),
        ("İstanbul", "i\N{COMBINING DOT ABOVE}stanbul"),
    ],
)
def test_same_words(one: str, other: str) -> None:
    assert word_hashes(one).tolist() == word_hashes(other).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [("ab c", "a bc"), ("a b", "b a"), ("x 23", "x 2 3"), ("नमस्ते", "नमसते"), ("a", "a a"), ("第一", "第二")],
)
def test_different_words(one: str, other: str) -> None:
    assert word_hashes(one).tolist() != word_hashes(other).tolist()


def test_marks_are_parts_of_words() -> None:
    assert len(word_hashes("नमस्ते दुनिया")) == 2


def test_no_word() -> None:
    assert len(word_hashes("")) == len(word_hashes("!? + 。")) == 0
    assert len(run_hashes(word_hashes(""), 5)) == 0


def test_runs_by_hand() -> None:
    a, b, c = (word_hashes(word)[0] for word in "abc")
    whole = word_hashes("a b c a b")
    assert whole.tolist() == [a, b, c, a, b]
    runs = run_hashes(whole, 2).tolist()
    assert len(runs) == 4
    assert runs[0] == runs[3]
    assert len(set(runs)) == 3
    assert run_hashes(whole, 5).tolist() == run_hashes(whole, 9).tolist()
    assert len(run_hashes(whole, 5)) == 1


def test_hashes_are_equal_exactly_where_words_and_runs_are() -> None:
    draw = random.Random(5)
    alphabet = "ab1  é+,$第ก_\n"
    words: dict[str, int] = {}
    runs: dict[tuple[str, ...], int] = {}
    for _ in range(500):
        text = "".join(draw.choices(alphabet, k=draw.randrange(40)))
        hashes = word_hashes(text)
        plain = naive.words(text)
        assert len(hashes) == len(plain)
        assert all(words.setdefault(word, value) == value for word, value in zip(plain, hashes.tolist(), strict=True))
        found = run_hashes(hashes, 3).tolist()
        expected = naive.runs(text, 3)
        assert len(found) == len(expected)
        assert all(runs.setdefault(run, value) == value for run, value in zip(expected, found, strict=True))
    for table in (words, runs):
        assert len(table) > 100
        assert len(set(table.values())) == len(table)


def test_hashes_are_those_of_every_machine() -> None:
    # FNV-1a and splitmix64 by whole numbers of any size
    value = ((0xCBF29CE484222325 ^ ord("a")) * 0x100000001B3) % 2**64
    assert word_hashes("a").tolist() == [_mixed(value)]
    assert run_hashes(word_hashes("a"), 1).tolist() == [_mixed(_mixed(value))]


def _mixed(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31
