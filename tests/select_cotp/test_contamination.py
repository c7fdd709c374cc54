"""Decontamination: the rules by hand, files of several layouts, bad files, and real benchmarks that overlap."""

import gzip
import hashlib
import json
import random
from pathlib import Path

import pytest

from stages.core.errors import DataError, InputMissing
from stages.core.slices import ReadOptions
from stages.select_cotp.contamination import Benchmarks, Hit
from tests.naive import word_runs as naive

READING = ReadOptions(rows_per_shard=100, max_row_bytes=2**20, limit=1, mapping={"prompt": "query"})

WORDS = [f"w{number}" for number in range(40)]
LONG = " ".join(WORDS[:26])


def one(text: str) -> Benchmarks:
    return Benchmarks([("bench:1", text)], [])


def test_a_shared_run_of_13_words_is_a_hit() -> None:
    bench = one(LONG)
    assert bench.hit("Before: " + " ".join(WORDS[5:18]) + ", after.") == Hit("bench:1", 13 / 26)
    assert bench.hit("Before: " + " ".join(WORDS[5:17]) + ", after.") is None
    assert bench.hit(" ".join(WORDS[1:14]) + " x " + " ".join(WORDS[12:26])) == Hit("bench:1", 25 / 26)


def test_case_punctuation_and_formula_marks_do_not_matter() -> None:
    text = "Let $x + y = 3$. Find, for all real numbers, the largest value of $x y$ (in lowest terms)."
    bare = "let x+y = 3\nFIND for all real numbers the largest value of $xy$? no: x\ty -- in lowest terms"
    assert one(text).hit(bare) is not None
    assert one(text).hit(text.replace("largest", "smallest").replace("Find", "Say")) is None


def test_a_short_question_must_be_equal() -> None:
    bench = one("What is $2 + 3$?")
    assert bench.hit("what is 2+3") == Hit("bench:1", 1.0)
    assert bench.hit(r"Think step by step." + "\n" + r"What is \(2+3\)?" + "\nAnswer in a box.") == Hit("bench:1", 1.0)
    assert bench.hit("What is 2-3?") is None
    assert bench.hit("What is 2+3+4?") is None
    assert bench.hit("What is 2.+3?") is None
    assert bench.hit("What? Is 2+3 a number") is None


def test_thirteen_words_are_a_run_and_twelve_are_short() -> None:
    assert one(" ".join(WORDS[:13])).hit("so " + " ".join(WORDS[:13])) == Hit("bench:1", 1.0)
    assert one(" ".join(WORDS[:12])).hit("so " + " ".join(WORDS[:12])) is None
    assert one(" ".join(WORDS[:12])).hit(" ".join(WORDS[:12])) == Hit("bench:1", 1.0)


def test_a_question_without_words_hits_nothing() -> None:
    assert one("?!").hit("\n\n...\n") is None
    assert one("?!").hit("") is None
    assert Benchmarks([], []).hit(LONG) is None


def test_chinese_has_a_word_a_character() -> None:
    text = "已知函数满足条件求其最大值与最小值之和"
    assert one(text).hit("题目:" + text + "。请回答") == Hit("bench:1", 1.0)
    assert one(text).hit("已知函数求最大值") is None


def test_the_question_that_most_is_shared_of_is_named() -> None:
    bench = Benchmarks([("a:1", LONG + " " + " ".join(WORDS[26:])), ("b:7", LONG), ("b:8", LONG)], [])
    assert bench.hit(" ".join(WORDS[:20])) == Hit("b:7", 20 / 26)


def test_a_set_phrase_has_a_small_share() -> None:
    phrase = "The answer can be written as m/n where m and n are relatively prime positive integers."
    bench = one("In a box of 90 balls there are as many red ones as green ones, and some of them are heavy. " + phrase)
    hit = bench.hit("A train leaves at noon and arrives at six. " + phrase + " Find m+n.")
    assert hit is not None
    assert 0.3 < hit.share < 0.5


def test_hits_are_those_of_sets_of_runs() -> None:
    draw = random.Random(2)
    found = 0
    for _ in range(200):
        pool = [" ".join(draw.choices("abc", (8, 1, 1), k=draw.randrange(10, 40))) for _ in range(2)]
        expected = bool(set(naive.runs(pool[0], 13)) & set(naive.runs(pool[1], 13)))
        if min(len(text.split()) for text in pool) >= 13:
            assert (one(pool[0]).hit(pool[1]) is not None) == expected
            found += expected
    assert 10 < found < 150


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_files_of_several_layouts(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Third one?"}]
    first = write(
        tmp_path / "a.jsonl", {"question": "First one?", "answer": "42", "id": "x"}, {"problem": "Second one?"}
    )
    second = write(tmp_path / "b.jsonl", {"prompt": chat, "id": "x"}, {"input": "Fourth one?", "prompt": ""})
    bench = Benchmarks.read([first, second], READING)
    assert len(bench) == 4
    places = [f"{first}:1", f"{first}:2", f"{second}:1", f"{second}:2"]
    questions = ["first one", "second one", "third one", "fourth one"]
    assert [bench.hit(text) for text in questions] == [Hit(place, 1.0) for place in places]
    assert bench.hit("42") is None
    assert bench.hit("Be brief.") is None
    assert bench.identity == tuple(hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in (first, second))


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"answer": "42"}, r"benchmark .*b\.jsonl:2: .*'question' is missing.*'problem'"),
        ({"question": 5}, r"benchmark .*b\.jsonl:2: field 'question' is 5; it must be a text"),
        ({"question": " \n"}, r"benchmark .*b\.jsonl:2: field 'question' is empty"),
    ],
)
def test_row_without_a_question(tmp_path: Path, row: object, error: str) -> None:
    with pytest.raises(DataError, match=error):
        Benchmarks.read([write(tmp_path / "b.jsonl", {"question": "What?"}, row)], READING)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        Benchmarks.read([str(tmp_path / "none.jsonl")], READING)
    (tmp_path / "b.jsonl").write_text('{"question": "What?"}\n{"question"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"b\.jsonl:2: not valid JSON"):
        Benchmarks.read([str(tmp_path / "b.jsonl")], READING)


def questions(path: Path, name: str) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(dict.fromkeys(json.loads(line)[name] for line in file))


def test_real_overlap_is_found(shared_data: Path) -> None:
    math500 = questions(shared_data / "math500/test.jsonl.gz", "problem")
    path = shared_data / "processbench/math.jsonl.gz"
    bench = Benchmarks.read([str(path)], READING)
    hits = {text: hit for text in math500 if (hit := bench.hit(text)) is not None}
    both = set(math500) & set(questions(path, "problem"))
    assert len(both) == 108
    assert both == {text for text, hit in hits.items() if hit.share == 1}
    # four more are variants, such as the same triangle with another area
    assert len(hits) == 112
    assert all(hit.share > 0.5 for hit in hits.values())


def test_real_set_phrases_have_small_shares(shared_data: Path) -> None:
    competition = questions(shared_data / "skythought/Sky-T1-math-corrupt-0.7-32B-amc23.jsonl.gz", "question")
    run = "skythought/Sky-T1-math-correct-5K-32B-checkpoint-105-aime24.jsonl.gz"
    bench = Benchmarks.read([str(shared_data / run)], READING)
    shares = [hit.share for text in competition if (hit := bench.hit(text)) is not None]
    assert len(shares) == 10
    assert max(shares) == pytest.approx(15 / 59)
