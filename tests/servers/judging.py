"""What the test server says as a judge: tokens with log-probabilities whose odds follow from what was asked."""

import hashlib
import json
import math
from typing import Any, NamedTuple

LABEL = ("\n", "Final", " Judgement", ":")


class Token(NamedTuple):
    """One written token, its log-probability, and what else could have stood there."""

    text: str
    logprob: float = -0.01
    top: tuple[tuple[str, float], ...] = ()


def odds_asked(messages: list[dict[str, str]], seed: int | None) -> float:
    """The log-odds of Yes, within +-8, that the server gives to a question: a hash of its words and the seed."""
    digest = hashlib.sha256(json.dumps([[m["role"], m["content"]] for m in messages] + [[str(seed)]]).encode()).digest()
    return round(int.from_bytes(digest[:4]) / 2**32 * 16 - 8, 3)


def answer_token(odds: float, lead: str = " ") -> Token:
    """The token that answers Yes or No at these odds, the two being all there is."""
    chances = {lead + "Yes": -math.log1p(math.exp(-odds)), lead + "No": -math.log1p(math.exp(odds))}
    text = max(chances, key=lambda text: chances[text])
    return Token(text, chances[text], tuple(chances.items()))


def judge_tokens(body: dict[str, Any], fault: str = "") -> list[Token]:
    """The answer to a request for a judgement, or in one word where only one token is asked for.

    `length` cuts it in half, `schema` leaves out the judgement, `fabricated` names a third answer.
    """
    odds = odds_asked(body["messages"], body.get("seed"))
    if body.get("max_tokens") == 1:
        return [answer_token(odds, lead="")]
    reasoning = [Token(word) for word in ("It", " does", " what", " is", " asked", ".")]
    tokens = [*reasoning, *map(Token, LABEL), answer_token(odds), Token("<|im_end|>")]
    if fault == "length":
        return tokens[: len(tokens) // 2]
    if fault == "schema":
        return reasoning
    return [*tokens[:-2], Token(" Perhaps")] if fault == "fabricated" else tokens


def text_of(tokens: list[Token]) -> str:
    """The answer as a server shows it, without the token that ends it."""
    return "".join(token.text for token in tokens if not token.text.startswith("<|"))


def logprobs_of(tokens: list[Token]) -> dict[str, object]:
    """The `logprobs` of a choice, as the OpenAI protocol has them."""
    content = [
        _chance(token.text, token.logprob) | {"top_logprobs": [_chance(*other) for other in token.top]}
        for token in tokens
    ]
    return {"content": content}


def _chance(text: str, logprob: float) -> dict[str, object]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
