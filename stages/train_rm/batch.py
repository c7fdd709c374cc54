"""What one forward pass of training takes, and what makes one optimiser step.

How rows become trees is in trees.py, how trees are dealt into steps in plan.py, what is computed of them in losses.py.
"""

from dataclasses import dataclass
from typing import NamedTuple

Ids = tuple[int, ...]


class Tree(NamedTuple):
    """A prefix and the suffixes that share it, in tokens; none is empty.

    Entailment: conversation and response, then one suffix a principle. Bradley-Terry: what two responses share, then
    what is left of each.
    """

    prefix: Ids
    suffixes: tuple[Ids, ...]

    @property
    def num_tokens(self) -> int:
        """Unique tokens: each is computed once."""
        return len(self.prefix) + sum(map(len, self.suffixes))


class Pair(NamedTuple):
    """Places of two suffixes among those of a micro-batch, and by how much the better one should win."""

    better: int
    worse: int
    margin: float


@dataclass(frozen=True, kw_only=True)
class MicroBatch:
    """One forward pass. `targets` are the soft labels in [0, 1], one a suffix in the order of the trees (empty for
    Bradley-Terry); `pairs` are compared with one another (Bradley-Terry, or the auxiliary margin). A micro-batch that
    only evens out the number of passes has neither targets nor pairs: its loss is zero. `rows` are the places of the
    input rows, one a suffix, to name them where a loss is not finite.
    """

    trees: tuple[Tree, ...]
    targets: tuple[float, ...] = ()
    pairs: tuple[Pair, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Unique tokens."""
        return sum(tree.num_tokens for tree in self.trees)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimiser step: its sum of row losses / `num_rows`, plus sum of pair losses / `num_pairs`.

    All steps of a run have the same number of micro-batches, a multiple of the number of processes.
    """

    micro_batches: tuple[MicroBatch, ...]

    @property
    def num_tokens(self) -> int:
        """Unique tokens of the micro-batches that teach something."""
        return sum(batch.num_tokens for batch in self.micro_batches if batch.targets or batch.pairs)

    @property
    def num_rows(self) -> int:
        """Rows that have a target."""
        return sum(len(batch.targets) for batch in self.micro_batches)

    @property
    def num_pairs(self) -> int:
        """Pairs that are compared."""
        return sum(len(batch.pairs) for batch in self.micro_batches)
