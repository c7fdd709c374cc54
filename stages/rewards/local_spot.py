"""Which token of an answer written in this process begins Yes or No in its judgement, and which would begin the other.

The same rule as in judgement.py, with a tokenizer at hand: the other answer always has a token, so none goes unlisted.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from stages.core.chat import TokenLogprobs
from stages.models.encoding import Ids
from stages.models.next_token import Choice
from stages.rewards.judgement import OTHER, YES, Found, find_judgement, judgement_tokens


class Spot(NamedTuple):
    """Where an answer decides: the tokens to compare, and the texts of the tokens of its last line.

    `place` is the deciding one among `texts`; `other` is what would be spelled in its place.
    """

    choice: Choice
    texts: tuple[str, ...]
    place: int
    answer: str
    other: str

    def tokens(self, yes: float, no: float) -> tuple[TokenLogprobs, ...]:
        """Return the line's tokens as a server would, with the log-probabilities of Yes and No at the deciding one."""
        mine, others = (yes, no) if self.answer == YES else (no, yes)
        line = [TokenLogprobs(text, None) for text in self.texts]
        line[self.place] = TokenLogprobs(self.texts[self.place], mine, ((self.other, others),))
        return judgement_tokens(line)


def find_spot(prompt: Ids, ids: Ids, tokenizer: Any) -> Spot | None:  # noqa: ANN401 - tokenizers share no type
    """Return where the answer `ids` decides between Yes and No; None without a judgement.

    None as well if the tokenizer has no token for the other answer in that place; byte-level ones always have.
    """
    answer = _Decoded(ids, tokenizer)
    found = find_judgement(answer.text)
    if found is None:
        return None
    place = answer.token_at(found.at)
    lead = answer.text[answer.length(place) : found.at]
    other = _other_token(answer, place, lead, found)
    if other is None:
        return None
    token, spelled = other
    first, last = answer.token_at(found.start), answer.token_at(found.end - 1)
    own = ids[place]
    yes, no = (own, token) if found.answer == YES else (token, own)
    return Spot(
        choice=Choice((*prompt, *ids[:place]), yes, no),
        texts=tuple(answer.piece(n) for n in range(first, last + 1)),
        place=place - first,
        answer=found.answer,
        other=spelled,
    )


class _Decoded:
    """An answer's tokens and its text; a token's text is what it adds to that of all before it."""

    def __init__(self, ids: Ids, tokenizer: Any) -> None:  # noqa: ANN401 - as above
        self.ids = ids
        self.tokenizer = tokenizer
        self.text = self.decode(ids)

    def decode(self, ids: Ids) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def length(self, count: int) -> int:
        """Characters of the first `count` tokens."""
        return len(self.decode(self.ids[:count]))

    def piece(self, place: int) -> str:
        return self.text[self.length(place) : self.length(place + 1)]

    def token_at(self, offset: int) -> int:
        """The token that writes the character at `offset`."""
        return bisect_right(range(len(self.ids)), offset, key=self.length) - 1


def _other_token(answer: _Decoded, place: int, lead: str, found: Found) -> tuple[int, str] | None:
    """The token that would begin the other answer, and the whole of what it stands for."""
    written = answer.piece(place)[len(lead) :]
    rest = written[len(found.answer) :] if written.startswith(found.answer) else ""
    other = OTHER[found.answer]
    before = answer.ids[:place]
    begin = answer.length(place)
    vocabulary = answer.tokenizer.get_vocab()
    for word in [other + rest, *(other[:n] for n in range(len(other), 0, -1))]:
        for name in _names(lead + word):
            token = vocabulary.get(name)
            if token is not None and answer.decode((*before, token))[begin:] == lead + word:
                return token, lead + other + rest
    return None


def _names(text: str) -> Iterator[str]:
    """How a vocabulary may write this text: as it is, byte-level, or with SentencePiece's mark for a space."""
    yield text
    yield text.replace(" ", "Ġ").replace("\n", "Ċ")
    yield text.replace(" ", "▁")
