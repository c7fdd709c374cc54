"""The weighted sum of one completion's results, rule by rule in words: (value, status)."""

from stages.rewards.item import RewardResult


def naive_sum(
    results: list[RewardResult], weights: list[float], timeout_value: float | None
) -> tuple[float | None, str]:
    if any(result.status == "error" for result in results):
        return None, "error"
    if any(result.status == "timeout" for result in results):
        return timeout_value, "timeout"
    total, counted, silent = 0.0, 0, False
    for result, weight in zip(results, weights, strict=True):
        if result.status == "skipped":
            continue
        assert result.value is not None
        total += weight * result.value
        counted += 1
        silent = silent or result.status == "no_answer"
    if counted == 0:
        return None, "skipped"
    return total, "no_answer" if silent else "ok"
