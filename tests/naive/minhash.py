"""MinHash and Jaccard similarity with plain sets and whole numbers of any size."""

import zlib

import numpy as np


def runs(form: str) -> set[str]:
    """All runs of five tokens; of a shorter form the form itself."""
    tokens = form.split("\n")
    return {"\n".join(tokens[place : place + 5]) for place in range(max(1, len(tokens) - 4))}


def jaccard(first: str, second: str) -> float:
    """The share of runs that both have among those that one has."""
    ours, theirs = runs(first), runs(second)
    return len(ours & theirs) / len(ours | theirs)


def signature(form: str, seed: int) -> list[int]:
    """The smallest image of the runs under each function."""
    factors, offsets = np.random.default_rng(seed).integers(0, 2**64, (2, 128), dtype=np.uint64).tolist()
    codes = [zlib.crc32(run.encode()) for run in runs(form)]
    return [min((a * x + b) % 2**64 // 2**32 for x in codes) for a, b in zip(factors, offsets, strict=True)]
