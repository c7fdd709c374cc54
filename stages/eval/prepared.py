"""What must be asked before rows can be measured: a reward model, a judge, or a policy, all in the same way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from stages.core.progress import Progress
from stages.eval.interviewer import Rows
from stages.eval.measured import Figure


class Prepared(Protocol):
    """A model that is asked about all rows, once; afterwards what it said is looked up row by row."""

    @property
    def name(self) -> str:
        """What decides its answers besides the options: a hub id, a server's name for it, a folder and its hash."""

    @property
    def wording(self) -> str | None:
        """The hash of the words with which it is asked, where there are any."""

    @property
    def noticed(self) -> Mapping[str, object]:
        """What it said about itself after it was asked."""

    def prepare(self, rows: Rows, total: int, progress: Progress) -> Sequence[Figure]:
        """Ask about `total` rows; further figures that come of it."""

    def score(self, item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        """The item with what was said. Raises Unfit where there was a problem."""

    def facts(self) -> dict[str, object]:
        """What the figures rest on, for the manifest."""

    def remarks(self) -> Iterator[str]:
        """What may be wrong with the figures."""
