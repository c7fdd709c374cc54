from collections.abc import Sequence

from stages.core.progress import Quiet
from stages.eval.measured import Figure
from stages.eval.show import headline, show


class Table(Quiet):
    def __init__(self) -> None:
        self.rows: list[Sequence[object]] = []

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.rows += rows


def test_values_are_short_but_never_zero_by_rounding() -> None:
    figures = [
        Figure("all", "accuracy", 0.78095238, 0.7357, 0.8248, 420),
        Figure("all", "mcnemar_p", 2.6e-7, None, None, 53),
        Figure("all", "difference", -0.00002, -0.1, 0.1, 9),
        Figure("all", "ties", 0.0, 0.0, 0.0, 9),
        Figure("chat", "auroc", None, None, None, 0),
    ]
    table = Table()
    show("x", figures, table)
    assert [(row[2], row[3]) for row in table.rows] == [
        ("0.780952", "[0.7357, 0.8248]"),
        ("2.6e-07", "-"),
        ("-2e-05", "[-0.1000, 0.1000]"),
        ("0", "[0.0000, 0.0000]"),
        ("-", "-"),
    ]
    assert headline(figures)["mcnemar_p"] == 2.6e-7
    assert "auroc" not in headline(figures)
