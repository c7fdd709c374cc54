"""Stop texts, alone and while sampling: a completion ends with the token that first completes one."""

from collections.abc import Sequence
from typing import Any

import pytest

from stages.models.sampler import Sampler
from stages.models.sampler_stop import StopText
from tests.models.test_sampler import groups, model_with
from tests.tiny_families import answering_tokenizer


def first_stop(tokenizer: Any, ids: Sequence[int], stop: Sequence[str]) -> int | None:
    """How many tokens there are when their text first holds a stop text."""
    for count in range(1, len(ids) + 1):
        text = tokenizer.decode(ids[:count], skip_special_tokens=False)
        if any(one in text for one in stop):
            return count
    return None


def found_stop(tokenizer: Any, ids: Sequence[int], stop: Sequence[str]) -> int | None:
    stops = StopText(tokenizer, stop)
    return next((count for count in range(1, len(ids) + 1) if stops.holds(ids[:count])), None)


TEXTS = (
    "The response is clear.\n\nNext: two errors",
    "no stop here",
    "</answer>",
    "x" * 60 + "</answer> and more </answer>",
    "naïve – “quoted” 🦆🦆 duck",
    "a b  c\n \n\n",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "stop", [("\n\n",), ("</answer>",), ("🦆 duck",), ("–",), (" ",), ("e", "zz"), ("<|im_end|>",), ("  c\n",)]
)
def test_end_is_found_with_the_token_that_completes_the_text(text: str, stop: tuple[str, ...]) -> None:
    tokenizer = answering_tokenizer()
    ids = [*tokenizer(text)["input_ids"], 2]
    assert found_stop(tokenizer, ids, stop) == first_stop(tokenizer, ids, stop)


def test_stop_texts_of_several_tokens_are_found_across_them() -> None:
    tokenizer = answering_tokenizer()
    ids = tokenizer("Is it so? </answer> No.")["input_ids"]
    count = found_stop(tokenizer, ids, ["</answer>"])
    assert count is not None
    assert len(tokenizer("</answer>")["input_ids"]) > 1
    assert tokenizer.decode(ids[:count]).endswith("</answer>")


@pytest.mark.parametrize("stop", [("e",), ("s", "th"), ("er", "is"), ("\ufffd",)])
def test_completions_end_with_the_token_that_completes_a_stop_text(stop: tuple[str, ...]) -> None:
    model, tokenizer = model_with(None), answering_tokenizer()
    asked = groups([5, 9], 8)
    plain = Sampler(model, tokenizer, max_new_tokens=40).sample(asked)
    drawn = Sampler(model, tokenizer, max_new_tokens=40, stop=stop, batch_size=6).sample(asked)
    stopped = 0
    for whole, found in zip(plain, drawn, strict=True):
        count = first_stop(tokenizer, whole.ids, stop)
        assert found.ids == whole.ids[:count]
        assert len(found.logprobs) == len(found.ids)
        assert found.finish == ("length" if count is None and whole.finish == "length" else "stop")
        stopped += count is not None
    assert stopped > 3


class Pieces:
    """A tokenizer whose tokens are pieces of text; what it decodes loses the space that it begins with."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        assert not skip_special_tokens
        return "".join(self._pieces[token] for token in ids).removeprefix(" ")


def test_the_longest_stop_text_is_looked_for_in_as_many_tokens_as_it_can_span() -> None:
    long = "abcdefghijklmnopqrstuvwxyz"
    assert found_stop(Pieces(*long), range(len(long)), ["!", long]) == len(long)
    assert found_stop(Pieces(*long), range(len(long)), [long, "!"]) == len(long)


def test_a_space_that_a_token_shows_only_beside_others_ends_a_completion() -> None:
    assert found_stop(Pieces("a", " b"), [0, 1], [" "]) == 2
    assert found_stop(Pieces("a", " b"), [0, 1], ["a ", "e"]) == 2
    assert found_stop(Pieces("a", " b"), [0, 1], ["e", "a "]) == 2
