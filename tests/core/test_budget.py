from pathlib import Path

import pytest

from stages.core.budget import Budget, Spent, SpentOnDisk
from stages.core.journal import Entry, Journal

NO_LIMIT = Budget(max_tokens=None, max_cost=None, price_in=None, price_out=None)


def add(path: Path, key: str, *tokens: tuple[int, int], estimated: bool = False) -> None:
    raw = ("x",) * len(tokens)
    with Journal(path) as journal:
        journal.add(Entry(key=key, outcome="ok", raw=raw, tokens=tokens, estimated=estimated))


def test_all_journals_count_with_their_bad_answers_and_changes_are_seen(tmp_path: Path) -> None:
    on_disk = SpentOnDisk()
    assert on_disk.total(tmp_path / "absent") == Spent()
    add(tmp_path / "part-00000.jsonl", "a", (10, 1), (20, 2))
    add(tmp_path / "part-00001.jsonl", "b", (5, 5), estimated=True)
    assert on_disk.total(tmp_path) == Spent(35, 8, 1)
    add(tmp_path / "part-00001.jsonl", "c", (100, 0))
    assert on_disk.total(tmp_path) == Spent(135, 8, 1)
    add(tmp_path / "part-00001.jsonl", "d")
    assert on_disk.total(tmp_path) == Spent(135, 8, 1)


@pytest.mark.parametrize(
    ("limits", "spent", "words"),
    [
        ({}, Spent(10**9, 10**9), None),
        ({"max_tokens": 10}, Spent(5, 4), None),
        ({"max_tokens": 10}, Spent(6, 4), "10 tokens of --max-tokens 10."),
        ({"max_tokens": 10}, Spent(6, 4, 1), "10 tokens (partly estimated: the server does not count tokens) of"),
        ({"max_cost": 2.0}, Spent(1_000_000, 249_999), None),
        ({"max_cost": 2.0}, Spent(1_000_000, 250_000), "USD 2.00 of --max-cost 2."),
        ({"max_cost": 0.0}, Spent(), "USD 0 of --max-cost 0."),
    ],
)
def test_limits_are_reached_when_equalled(limits: dict[str, float], spent: Spent, words: str | None) -> None:
    budget = Budget(**({"max_tokens": None, "max_cost": None, "price_in": 1.0, "price_out": 4.0} | limits))  # type: ignore[arg-type]
    said = budget.reached(spent)
    assert (said is None) == (words is None)
    assert words is None or f"The budget is spent: {words}" in str(said)


def test_cost_is_unknown_without_prices() -> None:
    assert NO_LIMIT.cost(Spent(5, 5)) is None
    assert not NO_LIMIT.limited
