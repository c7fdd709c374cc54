"""What is added to a reward before the advantage, by the length of the completion alone."""


def overlong_penalty(length: int, max_new_tokens: int, buffer: int) -> float:
    """Return DAPO's soft overlong penalty, from 0 to -1, of a completion of `length` tokens.

    0 up to max_new_tokens - buffer, then falling linearly to -1 at max_new_tokens and beyond; without a buffer always
    0. Source: eq. 13 of arXiv 2503.14476, where L_max is max_new_tokens and L_cache the buffer.
    """
    assert 0 <= buffer <= max_new_tokens
    if buffer == 0:
        return 0.0
    return -min(1.0, max(0, length - (max_new_tokens - buffer)) / buffer)
