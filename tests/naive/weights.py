"""TF-IDF of a pattern in a question by counting lists."""

import math


def importance(chains: list[list[str]], questions: list[str], idf: str) -> list[list[float]]:
    """The weight of each element of each chain."""
    document = {
        q: [p for chain, of in zip(chains, questions, strict=True) if of == q for p in chain] for q in questions
    }

    def weight(pattern: str, question: str) -> float:
        df = sum(pattern in words for words in document.values())
        rare = math.log((1 + len(document)) / (1 + df)) + 1 if idf == "smooth" else math.log(len(document) / df)
        return document[question].count(pattern) / len(document[question]) * rare

    return [[weight(pattern, q) for pattern in chain] for chain, q in zip(chains, questions, strict=True)]
