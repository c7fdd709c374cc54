"""Reads the comma-separated word lists in which the data of the rules is written."""


def phrases(text: str) -> list[str]:
    """The entries of a list, in order."""
    return [entry for raw in text.split(",") if (entry := raw.strip())]


def words(text: str) -> frozenset[str]:
    """The entries of a list as a set."""
    return frozenset(phrases(text))
