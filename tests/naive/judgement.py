"""Slow, obvious twin of rewards/judgement.py: finds the judgement line by line, and reads the odds at its answer."""

import re

from stages.core.chat import TokenLogprobs

END = "\0"


def find_judgement_naively(text: str) -> tuple[int, str] | None:
    """Where the answer of the judgement stands, and which it is; None without a judgement."""
    begin = text.rfind("</think>")
    begin = 0 if begin < 0 else begin + len("</think>")
    # tags end a line; each is covered by as many signs, so that places stay
    tail = re.sub(r"<[^\w<>\s]{0,4}\w[^<>\s]{0,40}>", lambda tag: END * len(tag[0]), text[begin:])
    starts = [0, *(n + 1 for n, sign in enumerate(tail) if sign in ("\n", END))]
    for start in reversed(starts):
        place = skipped(tail, start, "\n<" + END)
        label = re.match(r"final\s*judge?ment", tail[place:], re.IGNORECASE)
        after = place + (label.end() if label else 0)
        if label is None or (after < len(tail) and is_letter(tail[after])):
            continue
        place = skipped(tail, after, END)
        for word in ("Yes", "No"):
            end = skipped(tail, place + len(word), "\n" + END)
            if tail.startswith(word, place) and (end == len(tail) or not is_letter(tail[end])):
                return begin + place, word
        return None
    return None


def skipped(text: str, place: int, stops: str) -> int:
    """The first place from `place` on that holds no sign, or one of `stops`."""
    while place < len(text) and not is_letter(text[place]) and text[place] not in stops:
        place += 1
    return place


def is_letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def odds_naively(tokens: list[TokenLogprobs]) -> float | None:
    """Log-odds at the judgement, for tokens that write whole words; -50 for what is not listed."""
    found = find_judgement_naively("".join(token.token for token in tokens))
    if found is None:
        return None
    offset, _ = found
    for token in tokens:
        if offset < len(token.token):
            lead = token.token[:offset]
            listed = dict(token.top) | {token.token: token.logprob}
            return (listed.get(lead + "Yes") or -50.0) - (listed.get(lead + "No") or -50.0)
        offset -= len(token.token)
    raise AssertionError
