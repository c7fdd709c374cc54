"""Slow twin of RapidFuzz's partial ratio: every window is compared by a plain table of common subsequences."""


def common_subsequence(a: str, b: str) -> int:
    """Length of the longest common subsequence."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, left in enumerate(a, start=1):
        for j, right in enumerate(b, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if left == right else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def ratio(a: str, b: str) -> float:
    """RapidFuzz's `ratio`: 100 * (1 - indel distance / summed length) = 200 * LCS / summed length."""
    return 200 * common_subsequence(a, b) / (len(a) + len(b)) if a or b else 100.0


def partial_ratio(a: str, b: str) -> float:
    """Best ratio of the shorter text with any window of its length in the longer, or with a cut one at either end."""
    best = _best_window(a, b) if len(a) <= len(b) else _best_window(b, a)
    return max(best, _best_window(b, a)) if len(a) == len(b) else best


def _best_window(short: str, long: str) -> float:
    size = len(short)
    windows = [long[max(0, end - size) : end] for end in range(1, len(long) + size)]
    return max(ratio(short, window) for window in windows if window)
