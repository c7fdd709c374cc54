"""Log-odds of many (conversation, response, principle): in trees where the model can, else in batches of like length.

A score depends on its pair alone; which others are scored beside it moves it by rounding only.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.models.attention_plan import plan_attention
from stages.models.batching import padded_batches, shares
from stages.models.encoding import EncodedPair, Ids, PairEncoder
from stages.models.log_odds import AnswerHead, answer_head, answer_mass, log_odds
from stages.models.tree import pack_trees, tree_attention, tree_hidden

ROW_TOKENS: Final = 4096
"""Tokens of one forward pass, beyond which only a longer single prefix goes."""

SHARE_ROWS: Final = 16
"""Forward passes, about, between two reports of how far a run is; texts are sorted by length among those of one."""


class Item(NamedTuple):
    """A response to a conversation, and the principles to judge it by."""

    messages: Sequence[Message]
    response: str
    principles: Sequence[str]


class PairScore(NamedTuple):
    """The log-odds of Yes over No for one pair.

    `mass` is p(Yes) + p(No) where it was sampled, else None; `truncated` says that the conversation was cut.
    """

    log_odds: float
    mass: float | None
    truncated: bool


def score_pairs(
    model: Any,  # noqa: ANN401 - transformers' models share no useful type
    encoder: PairEncoder,
    items: Sequence[Item],
    *,
    row_tokens: int = ROW_TOKENS,
    num_masses: int = 0,
    advance: Callable[[int], None] = lambda items: None,
) -> list[list[PairScore | Problem]]:
    """Return one score a principle, item by item, in the order given; `advance` is told of items finished.

    Items are taken in shares of some forward passes. Of each share, `num_masses` pairs, evenly spread, also get their
    Yes+No mass, which costs the full head. A Problem stands for what cannot be encoded (see PairEncoder.encode_each),
    and for a score that is not finite (not_finite).
    """
    head = answer_head(model, encoder.template.answers)
    encoded = (encoder.encode_each(*item) for item in items)
    result: list[list[PairScore | Problem]] = []
    for share in shares(encoded, _unique_tokens, SHARE_ROWS * row_tokens):
        good = [pair for pairs in share for pair in pairs if isinstance(pair, EncodedPair)]
        scores = iter(_raw_scores(model, head, good, row_tokens, num_masses))
        result += [
            [_finite(next(scores)) if isinstance(pair, EncodedPair) else pair for pair in pairs] for pairs in share
        ]
        advance(len(share))
    return result


def score_encoded(
    model: Any,  # noqa: ANN401 - as above
    head: AnswerHead,
    pairs: Sequence[EncodedPair],
    row_tokens: int = ROW_TOKENS,
    num_masses: int = 0,
) -> list[PairScore]:
    """Return one score a pair in the order given; equal pairs are computed once. `model` is in evaluation mode.

    `num_masses` pairs, evenly spread, also get their Yes+No mass. Raises DataError for a score that is not finite.
    """
    scores = _raw_scores(model, head, pairs, row_tokens, num_masses)
    for place, score in enumerate(scores):
        if not math.isfinite(score.log_odds):
            raise DataError(f"The model gives pair {place} the score {score.log_odds}; its weights are damaged.")
    return scores


def not_finite(score: float) -> Problem:
    """What is wrong with a score that is no number."""
    return Problem(
        "not_finite", None, f"The model's score is {score}; its weights are damaged, or they need --precision fp32."
    )


def _finite(score: PairScore) -> PairScore | Problem:
    return score if math.isfinite(score.log_odds) else not_finite(score.log_odds)


def _unique_tokens(pairs: Sequence[EncodedPair | Problem]) -> int:
    good = [pair for pair in pairs if isinstance(pair, EncodedPair)]
    return sum(len(pair.suffix) for pair in good) + (len(good[0].prefix) if good else 0)


def _raw_scores(
    model: Any,  # noqa: ANN401 - as above
    head: AnswerHead,
    pairs: Sequence[EncodedPair],
    row_tokens: int,
    num_masses: int,
) -> list[PairScore]:
    assert not model.training
    sampled = {pairs[n * len(pairs) // num_masses][:2] for n in range(num_masses)} if pairs else set()
    scores: dict[tuple[Ids, Ids], tuple[float, float | None]] = {}
    with torch.inference_mode():
        for keys, hidden in _hidden_states(model, _grouped(pairs), row_tokens):
            values = log_odds(hidden, head).tolist()
            wanted = [n for n, key in enumerate(keys) if key in sampled]
            masses = dict(zip(wanted, answer_mass(hidden[wanted], head).tolist(), strict=True)) if wanted else {}
            scores |= {key: (values[n], masses.get(n)) for n, key in enumerate(keys)}
    return [PairScore(*scores[pair[:2]], pair.truncated) for pair in pairs]


Group = tuple[Ids, list[Ids]]
"""A prefix and its distinct suffixes."""


def _grouped(pairs: Iterable[EncodedPair]) -> list[Group]:
    """Pairs by prefix, all sorted by length and then by their tokens, so that the order given decides nothing."""
    groups: dict[Ids, set[Ids]] = {}
    for pair in pairs:
        groups.setdefault(pair.prefix, set()).add(pair.suffix)
    ordered = sorted(groups.items(), key=lambda group: (len(group[0]), group[0]))
    return [(prefix, sorted(suffixes, key=lambda ids: (len(ids), ids))) for prefix, suffixes in ordered]


def _hidden_states(
    model: Any,  # noqa: ANN401 - as above
    groups: Sequence[Group],
    row_tokens: int,
) -> Iterator[tuple[list[tuple[Ids, Ids]], Tensor]]:
    """The pairs of one forward pass after another, and their last hidden states."""
    decoder = model.get_decoder()
    if plan_attention(model.config).kind == "sorted":
        singles = sorted(
            ((prefix, suffix) for prefix, suffixes in groups for suffix in suffixes),
            key=lambda pair: (_num_tokens(pair), pair),
        )
        for batch in padded_batches(singles, _num_tokens, row_tokens):
            yield batch, padded_hidden(decoder, [prefix + suffix for prefix, suffix in batch], model.device)
        return
    with tree_attention(model):
        for trees in _rows(groups, row_tokens):
            row = pack_trees(trees, model.device)
            keys = [(prefix, suffix) for prefix, suffixes in trees for suffix in suffixes]
            yield keys, tree_hidden(decoder, row, "cascade")


def padded_hidden(decoder: Any, rows: Sequence[Ids], device: torch.device) -> Tensor:  # noqa: ANN401 - as above
    """Return the hidden state at the last token of each row, padded on the right to the longest of them.

    Where a row ends comes from its length, so that any token may pad; no token sees one that comes after it, so that
    padding on the right needs no mask.
    """
    longest = max(map(len, rows))
    ids = torch.tensor([row + (0,) * (longest - len(row)) for row in rows], device=device)
    ends = torch.tensor([len(row) - 1 for row in rows], device=device)
    states = decoder(input_ids=ids, attention_mask=None, use_cache=False).last_hidden_state
    hidden: Tensor = states[torch.arange(len(rows), device=device), ends]
    return hidden


def _rows(groups: Iterable[Group], row_tokens: int) -> Iterator[list[Group]]:
    """Trees packed into rows of at most `row_tokens`; a tree with more suffixes than fit is split, prefix repeated."""
    row: list[Group] = []
    used = 0
    for tree in (part for group in groups for part in _parts(group, row_tokens)):
        size = len(tree[0]) + sum(map(len, tree[1]))
        if row and used + size > row_tokens:
            yield row
            row, used = [], 0
        row.append(tree)
        used += size
    if row:
        yield row


def _parts(group: Group, row_tokens: int) -> Iterator[Group]:
    """A prefix with as many suffixes at a time as fit into a row, or as are as long as the prefix if that is more."""
    prefix, suffixes = group
    room = max(row_tokens - len(prefix), len(prefix))
    part: list[Ids] = []
    used = 0
    for suffix in suffixes:
        if part and used + len(suffix) > room:
            yield prefix, part
            part, used = [], 0
        part.append(suffix)
        used += len(suffix)
    yield prefix, part


def _num_tokens(pair: tuple[Ids, Ids]) -> int:
    return len(pair[0]) + len(pair[1])
