import pytest

from stages.programs.fences import Block, blocks, chosen

DEF = "def f(x):\n    return x\n"


def test_blocks_with_their_languages() -> None:
    text = f"Text\n```Python title=x\n{DEF}```\nmore\n~~~\nx = '```'\n~~~~\n```{{.py}}\n1\n```"
    assert blocks(text) == [Block("python", DEF), Block("", "x = '```'\n"), Block("py", "1\n")]


def test_a_block_without_an_end_goes_to_the_end() -> None:
    assert blocks("```py\nx = 1\ny") == [Block("py", "x = 1\ny\n")]


def test_longer_fences_hold_shorter_ones() -> None:
    assert blocks("````\n```\nx\n```\n````") == [Block("", "```\nx\n```\n")]
    assert blocks("```\nx\n~~~\ny\n```") == [Block("", "x\n~~~\ny\n")]
    assert blocks("```py\nx\n```py\ny\n```") == [Block("py", "x\n```py\ny\n")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blocks_in_lists_lose_the_indentation_of_their_fences(newline: str) -> None:
    text = "1. So:\n   ```python\n   def f(x):\n       return x\n\n   ```\n".replace("\n", newline)
    assert blocks(text) == [Block("python", "def f(x):\n    return x\n\n")]


def test_other_indentation_stays() -> None:
    assert blocks("```\n    return x\n```") == [Block("", "    return x\n")]
    assert blocks("  ```\nx\n  y\n  ```") == [Block("", "x\n  y\n")]


def test_inline_code_is_no_fence() -> None:
    assert blocks("``` x``` and\n```x``` y") == []
    assert chosen("prose", "f") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"```\n{DEF}```\n```\nprint(f(1))\n```", DEF),
        (f"```\ndef f(x): pass\n```\n```\n{DEF}```", DEF),
        (f"```python\n{DEF}```\n```text\n3\n```", DEF),
        ("```\na = 1\n```\n```\nb = 2\n```", "b = 2\n"),
        ("```json\n{}\n```", "{}\n"),
        (f"```\n{DEF}```\n```\n```", DEF),
        ("```\ndef f(x:\n```\n```\ny = 1\n```", "def f(x:\n"),
        (
            "```\nclass Solution:\n    def f(self): pass\n```\n```\ny = f\n```",
            "class Solution:\n    def f(self): pass\n",
        ),
        ("```\ndef g():\n    def f(): pass\n```\n```\ny = 1\n```", "y = 1\n"),
    ],
)
def test_the_last_block_that_defines_the_entry_point_is_chosen(text: str, code: str) -> None:
    assert chosen(text, "f") == code
