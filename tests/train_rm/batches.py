"""Micro-batches of random tokens for tests of training."""

import torch

from stages.models.answer_tokens import AnswerTokens
from stages.train_rm.batch import Ids, MicroBatch, Pair, Step, Tree

ANSWERS = AnswerTokens(yes=7, no=11, lead="", space="")


def tokens(length: int, seed: int) -> Ids:
    return tuple(torch.randint(0, 400, (length,), generator=torch.Generator().manual_seed(seed)).tolist())


def random_tree(num_suffixes: int, prefix: int, seed: int) -> Tree:
    suffixes = tuple(tokens(2 + (5 * n + seed) % 7, 100 * seed + n + 1) for n in range(num_suffixes))
    return Tree(tokens(prefix, 100 * seed), suffixes)


def random_batch(
    shape: tuple[tuple[int, int], ...], seed: int, *, pairs: bool = False, first_row: int = 0
) -> MicroBatch:
    """Trees of (suffixes, prefix length), soft labels, and with `pairs` one pair of neighbours a tree."""
    trees = tuple(random_tree(num, prefix, 31 * seed + n) for n, (num, prefix) in enumerate(shape))
    num_rows = sum(num for num, _ in shape)
    targets = tuple(((seed + 2 * n) % 4) / 3 for n in range(num_rows))
    starts = [sum(num for num, _ in shape[:n]) for n in range(len(shape))]
    return MicroBatch(
        trees=trees,
        targets=targets,
        pairs=tuple(Pair(start, start + 1, 0.5) for start in starts) if pairs else (),
        rows=tuple(range(first_row, first_row + num_rows)),
    )


def random_steps(num_steps: int, num_batches: int, *, pairs: bool = False) -> list[Step]:
    """Steps of small, unlike micro-batches, rows numbered through."""
    steps, row = [], 0
    for n in range(num_steps):
        batches = []
        for m in range(num_batches):
            shape = ((2 + (n + m) % 3, 5 + (3 * n + m) % 11),) * (1 + m % 2)
            batches.append(random_batch(shape, 50 * n + m + 1, pairs=pairs, first_row=row))
            row += len(batches[-1].rows)
        steps.append(Step(micro_batches=tuple(batches)))
    return steps
