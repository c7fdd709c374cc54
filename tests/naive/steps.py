"""Which characters of a text stand inside a formula or a code block, by trying every opener at every place."""

CLOSERS = {"```": "```", "~~~": "~~~", "\\[": "\\]", "\\(": "\\)", "$$": "$$", "$": "$", "\\begin{": "\\end{"}


def kept_spans(text: str) -> list[tuple[int, int]]:
    """The spans [start, end), one after the other; an opener inside one opens nothing, nor does one without closer."""
    found = []
    place = 0
    while place < len(text):
        if text.startswith(("\\\\", "\\$"), place):
            place += 2
            continue
        opener = next((sign for sign in CLOSERS if text.startswith(sign, place)), None)
        if opener is None:
            place += 1
            continue
        behind = place + len(opener)
        inside, closer, _ = text[behind:].partition(CLOSERS[opener])
        if closer and not (opener == "$" and "\n" in inside):
            found.append((place, behind + len(inside) + len(closer)))
            place = found[-1][1]
        else:
            place = behind
    return found
