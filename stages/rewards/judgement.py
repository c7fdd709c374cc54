"""Where in an answer its judgement stands, and the log-odds of Yes over No there. Nothing here asks a model.

The judgement is the last line that begins with `Final Judgement`, and after it, apart from signs, holds Yes or No and
nothing else. It is searched from the end; what stands before the end of a block of reasoning (</think>) does not count.
A last such line without Yes or No is no judgement, whatever stands before it.

The token that writes the first letter of the answer is compared with what else could have stood in its place, by what
is spelled, since tokenizers cut words differently. A token that writes the whole answer (" Yes") is compared with the
one that writes the other with the same signs around it (" No"); one that writes a beginning (Y + es) also with one that
writes a beginning of the other, the longest there is. Other spellings ("yes", " YES") are never added.
"""

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from stages.core.chat import TokenLogprobs

YES: Final = "Yes"
NO: Final = "No"
OTHER: Final = {YES: NO, NO: YES}

NOT_LISTED: Final = -50.0
"""What counts as the log-probability of a token that is not listed among the most probable ones, or below this."""

PRECISE: Final = 16.0
"""Size of log-odds beyond which a probability in single precision no longer tells them apart."""

NO_JUDGEMENT: Final = f'the answer has no last line "Final Judgement: {YES}" or "Final Judgement: {NO}"'
NO_ANSWER: Final = f"neither {YES} nor {NO} is among the most probable tokens"

_TAG: Final = r"<[^\w<>\s]{0,4}\w[^<>\s]{0,40}>"
_LABEL: Final = re.compile(rf"(?:\A|\n|{_TAG})[^\w\n<]*(?i:final\s*judge?ment)\b")
_ANSWER: Final = re.compile(rf"\W*({YES}|{NO})[^\w\n]*?(?:\n|\Z|{_TAG})")
_END_OF_REASONING: Final = "</think>"


class Found(NamedTuple):
    """A judgement in a text: where its line begins, where its answer does, where its line ends, and the answer."""

    start: int
    at: int
    end: int
    answer: str


class Odds(NamedTuple):
    """What Yes and No are given: the difference of their log-probabilities, and the sum of their probabilities.

    `listed` says that both were among the tokens told of; `clamped` that the difference was cut to +-16, because it was
    made of probabilities.
    """

    log_odds: float
    mass: float
    listed: bool = True
    clamped: bool = False


def find_judgement(text: str) -> Found | None:
    """Return the judgement of an answer, None if it has none."""
    begin = text.rfind(_END_OF_REASONING) + len(_END_OF_REASONING) if _END_OF_REASONING in text else 0
    labels = list(_LABEL.finditer(text[begin:]))
    answer = _ANSWER.match(text, begin + labels[-1].end()) if labels else None
    if answer is None:
        return None
    return Found(begin + labels[-1].start(), answer.start(1), answer.end(), answer[1])


def judgement_tokens(tokens: Sequence[TokenLogprobs]) -> tuple[TokenLogprobs, ...]:
    """Return the tokens of the judgement's line, with log-probabilities at its answer alone; raises ValueError without.

    Given what it returned, it returns the same.
    """
    judgement_odds(tokens)
    found = _found(tokens)
    last, _ = token_at(tokens, found.end - 1)
    place, _ = token_at(tokens, found.at)
    first, begin = token_at(tokens, found.start)
    kept = [TokenLogprobs(token.token, None) for token in tokens[first : last + 1]]
    # what stands before the line in its first token could hide where it begins
    kept[0] = TokenLogprobs(kept[0].token[begin:], None)
    kept[place - first] = tokens[place]
    return tuple(kept)


def judgement_odds(tokens: Sequence[TokenLogprobs]) -> Odds:
    """Return the log-odds of Yes over No at the judgement's answer.

    Raises ValueError for tokens without a judgement, and where neither answer is listed.
    """
    found = _found(tokens)
    place, lead = token_at(tokens, found.at)
    token = tokens[place]
    written = token.token[lead:]
    is_whole = written.startswith(found.answer)
    rest = written[len(found.answer) :] if is_whole else ""
    listed = _listed(token)
    other = OTHER[found.answer]
    spellings = [other + rest] + ([] if is_whole else [other[:n] for n in range(len(other) - 1, 0, -1)])
    chances = {
        found.answer: listed.get(token.token),
        other: next((listed[text] for word in spellings if (text := token.token[:lead] + word) in listed), None),
    }
    return _odds(chances[YES], chances[NO], exact=token.exact)


def first_token(tokens: Sequence[TokenLogprobs]) -> tuple[TokenLogprobs, ...]:
    """Return the first token, where an answer of one word stands; raises ValueError if neither Yes nor No is listed."""
    first_odds(tokens)
    return tuple(tokens[:1])


def first_odds(tokens: Sequence[TokenLogprobs]) -> Odds:
    """Return the log-odds of Yes over No at the first token; ValueError if neither is listed.

    With or without a space before them, whichever form has the more probable answer; the two forms are not added.
    """
    listed = _listed(tokens[0]) if tokens else {}
    pairs = [(listed.get(space + YES), listed.get(space + NO)) for space in ("", " ")]
    yes, no = max(pairs, key=lambda pair: max(_known(pair[0]), _known(pair[1])))
    return _odds(yes, no, exact=not tokens or tokens[0].exact)


def token_at(tokens: Sequence[TokenLogprobs], offset: int) -> tuple[int, int]:
    """Return the number of the token that writes the character at `offset`, and the place of that character in it."""
    for n, token in enumerate(tokens):
        if offset < len(token.token):
            return n, offset
        offset -= len(token.token)
    raise AssertionError("the offset lies beyond the tokens")


def _found(tokens: Sequence[TokenLogprobs]) -> Found:
    found = find_judgement("".join(token.token for token in tokens))
    if found is None:
        raise ValueError(NO_JUDGEMENT)
    return found


def _listed(token: TokenLogprobs) -> dict[str, float]:
    """Log-probabilities by text, of two tokens with one text the larger; NOT_LISTED and less says nothing."""
    result: dict[str, float] = {}
    own = [] if token.logprob is None else [(token.token, token.logprob)]
    for text, logprob in [*own, *token.top]:
        if logprob > NOT_LISTED:
            result[text] = max(logprob, result.get(text, NOT_LISTED))
    return result


def _odds(yes: float | None, no: float | None, *, exact: bool) -> Odds:
    if yes is None and no is None:
        raise ValueError(NO_ANSWER)
    log_odds = _known(yes) - _known(no)
    mass = math.exp(_known(yes)) + math.exp(_known(no))
    clamped = not exact and abs(log_odds) > PRECISE
    if clamped:
        log_odds = math.copysign(PRECISE, log_odds)
    return Odds(log_odds, mass, yes is not None and no is not None, clamped)


def _known(logprob: float | None) -> float:
    return NOT_LISTED if logprob is None else logprob
