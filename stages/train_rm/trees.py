"""From examples to trees of tokens, as the pieces of micro-batches that are never divided.

A piece is computed in one forward pass: one tree, or the trees whose scores are compared with one another. Trees of
Bradley-Terry are in forks.py; how pieces become steps is in plan.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stages.core.row_fields import Answer
from stages.core.rows import Problem
from stages.models.encoding import EncodedPair, PairEncoder
from stages.train_rm.batch import Ids, MicroBatch, Pair, Tree
from stages.train_rm.examples import Example

Advance = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Pieces, and what became of the rows that are in none of them.

    `problems` and `dropped` are by the row's place. `num_truncated` counts rows (comparisons for Bradley-Terry) with
    a conversation that was cut, `num_merged` rows that repeat another to the token and to the target, `num_apart`
    pairs that no forward pass can hold together.
    """

    pieces: tuple[MicroBatch, ...]
    problems: Mapping[int, Problem]
    dropped: Mapping[int, str]
    num_truncated: int = 0
    num_merged: int = 0
    num_apart: int = 0


class _Leaf(NamedTuple):
    """A suffix, its target, and the place of the first input row that it stands for."""

    suffix: Ids
    target: float
    row: int


class _Bush(NamedTuple):
    """A tree that is growing: its prefix and its leaves."""

    prefix: Ids
    leaves: list[_Leaf]

    @property
    def num_tokens(self) -> int:
        return len(self.prefix) + sum(len(leaf.suffix) for leaf in self.leaves)


def plant_entailment(
    examples: Sequence[Example],
    encoder: PairEncoder,
    *,
    pairs: Sequence[tuple[int, int]] = (),
    margin: float = 0.0,
    micro_tokens: int,
    advance: Advance = lambda rows: None,
) -> Planted:
    """Return one tree a response, or several where its principles need conversations cut to several lengths.

    `pairs` are places in `examples` of a better and a worse response (see pairs.opposites), whose trees stay together
    up to `micro_tokens`. Rows of equal tokens are one suffix if their targets are equal, else several. `advance` is
    told of examples finished.
    """
    forest = _Forest(encoder)
    groups: dict[Answer, list[int]] = {}
    for number, example in enumerate(examples):
        groups.setdefault(example.answer, []).append(number)
    for numbers in groups.values():
        forest.grow(examples, numbers)
        advance(len(numbers))
    linked = [(forest.leaf_of[a], forest.leaf_of[b]) for a, b in pairs if a in forest.leaf_of and b in forest.leaf_of]
    pieces, num_apart = _join(forest.bushes, list(dict.fromkeys(linked)), margin, micro_tokens)
    return Planted(
        pieces=tuple(pieces),
        problems=forest.problems,
        dropped={},
        num_truncated=forest.num_truncated,
        num_merged=forest.num_merged,
        num_apart=num_apart,
    )


def share_tokens(ids: Ids, known: dict[int, int]) -> Ids:
    """Return equal tokens as the very numbers in `known`, which grows: 8 bytes a token instead of 36."""
    return tuple(map(known.setdefault, ids, ids))


class _Forest:
    """The trees of all responses, as they grow."""

    def __init__(self, encoder: PairEncoder) -> None:
        self._encoder = encoder
        self._known: dict[int, int] = {}
        self.bushes: list[_Bush] = []
        self.leaf_of: dict[int, tuple[int, int]] = {}
        """The tree of an example, and which of its leaves."""
        self.problems: dict[int, Problem] = {}
        self.num_truncated = 0
        self.num_merged = 0

    def grow(self, examples: Sequence[Example], numbers: Sequence[int]) -> None:
        """Add the trees of one response, given the numbers of its examples."""
        own = [examples[number] for number in numbers]
        encoded = self._encoder.encode_each(*own[0].answer, [example.principle for example in own])
        trees: dict[Ids, int] = {}
        for number, example, pair in zip(numbers, own, encoded, strict=True):
            if isinstance(pair, Problem):
                self.problems[example.place] = pair
                continue
            if pair.prefix not in trees:
                trees[pair.prefix] = len(self.bushes)
                self.bushes.append(_Bush(share_tokens(pair.prefix, self._known), []))
            self._add(number, example, pair, trees[pair.prefix])

    def _add(self, number: int, example: Example, pair: EncodedPair, tree: int) -> None:
        self.num_truncated += pair.truncated
        leaves = self.bushes[tree].leaves
        for place, leaf in enumerate(leaves):
            if (leaf.suffix, leaf.target) == (pair.suffix, example.target):
                self.leaf_of[number] = (tree, place)
                self.num_merged += 1
                return
        self.leaf_of[number] = (tree, len(leaves))
        leaves.append(_Leaf(share_tokens(pair.suffix, self._known), example.target, example.place))


Linked = tuple[tuple[int, int], tuple[int, int]]
"""Two leaves, each by its tree and its place there."""


def _join(
    bushes: Sequence[_Bush], links: Sequence[Linked], margin: float, micro_tokens: int
) -> tuple[list[MicroBatch], int]:
    """One piece for all trees that links connect, as far as they fit; and how many links they do not hold."""
    pieces = []
    num_kept = 0
    by_tree: dict[int, list[Linked]] = {}
    for link in links:
        by_tree.setdefault(link[0][0], []).append(link)
    for trees in _components(len(bushes), [(a[0], b[0]) for a, b in links]):
        for part in _parts(trees, bushes, micro_tokens):
            inside = [link for tree in part for link in by_tree.get(tree, ()) if link[1][0] in part]
            num_kept += len(inside)
            pieces.append(_piece(part, bushes, inside, margin))
    return pieces, len(links) - num_kept


def _piece(part: Sequence[int], bushes: Sequence[_Bush], links: Iterable[Linked], margin: float) -> MicroBatch:
    starts: dict[int, int] = {}
    leaves: list[_Leaf] = []
    for tree in part:
        starts[tree] = len(leaves)
        leaves += bushes[tree].leaves
    return MicroBatch(
        trees=tuple(Tree(bushes[tree].prefix, tuple(leaf.suffix for leaf in bushes[tree].leaves)) for tree in part),
        targets=tuple(leaf.target for leaf in leaves),
        pairs=tuple(Pair(starts[a] + m, starts[b] + n, margin) for (a, m), (b, n) in links),
        rows=tuple(leaf.row for leaf in leaves),
    )


def _components(count: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Numbers below `count` that edges connect, each ascending, in order of their first."""
    root = list(range(count))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for a, b in edges:
        low, high = sorted((find(a), find(b)))
        root[high] = low
    groups: dict[int, list[int]] = {}
    for number in range(count):
        groups.setdefault(find(number), []).append(number)
    return list(groups.values())


def _parts(trees: Sequence[int], bushes: Sequence[_Bush], micro_tokens: int) -> list[list[int]]:
    """Consecutive trees, as many at a time as `micro_tokens` hold, at least one."""
    parts: list[list[int]] = []
    used = 0
    for tree in trees:
        size = bushes[tree].num_tokens
        if parts and used + size <= micro_tokens:
            parts[-1].append(tree)
            used += size
        else:
            parts.append([tree])
            used = size
    return parts
