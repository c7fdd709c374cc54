"""Log-odds of many (conversation, response, principle): in trees where the model can, else in batches of like length.

A score depends on its pair alone; which others are scored beside it moves it by rounding only.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.models.attention_plan import plan_attention
from stages.models.encoding import EncodedPair, Ids, PairEncoder
from stages.models.log_odds import AnswerHead, answer_head, answer_mass, log_odds
from stages.models.tree import pack_trees, tree_attention, tree_hidden

ROW_TOKENS: Final = 4096
"""Tokens of one forward pass, beyond which only a longer single prefix goes."""


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
) -> list[list[PairScore]]:
    """Return one score a principle, item by item, in the order given.

    `num_masses` pairs, evenly spread, also get their Yes+No mass, which costs the full head. Raises DataError for an
    item that cannot be encoded (see PairEncoder.encode) and for a score that is not finite.
    """
    encoded = [encoder.encode(*item) for item in items]
    flat = [pair for pairs in encoded for pair in pairs]
    scores = iter(score_encoded(model, answer_head(model, encoder.template.answers), flat, row_tokens, num_masses))
    return [[next(scores) for _ in pairs] for pairs in encoded]


def score_encoded(
    model: Any,  # noqa: ANN401 - as above
    head: AnswerHead,
    pairs: Sequence[EncodedPair],
    row_tokens: int = ROW_TOKENS,
    num_masses: int = 0,
) -> list[PairScore]:
    """Return one score a pair in the order given; equal pairs are computed once. `model` is in evaluation mode."""
    assert not model.training
    sampled = {pairs[n * len(pairs) // num_masses][:2] for n in range(num_masses)} if pairs else set()
    scores: dict[tuple[Ids, Ids], tuple[float, float | None]] = {}
    with torch.inference_mode():
        for keys, hidden in _hidden_states(model, _grouped(pairs), row_tokens):
            values = log_odds(hidden, head).tolist()
            wanted = [n for n, key in enumerate(keys) if key in sampled]
            masses = dict(zip(wanted, answer_mass(hidden[wanted], head).tolist(), strict=True)) if wanted else {}
            scores |= {key: (values[n], masses.get(n)) for n, key in enumerate(keys)}
    for place, pair in enumerate(pairs):
        if not abs(scores[pair[:2]][0]) < float("inf"):
            raise DataError(f"The model gives pair {place} the score {scores[pair[:2]][0]}; its weights are damaged.")
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
        for batch in _batches(singles, row_tokens):
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


def _batches(pairs: Iterable[tuple[Ids, Ids]], row_tokens: int) -> Iterator[list[tuple[Ids, Ids]]]:
    """Pairs of ascending length in batches of at most `row_tokens` with their padding, at least one pair each."""
    batch: list[tuple[Ids, Ids]] = []
    for pair in pairs:
        if batch and (len(batch) + 1) * _num_tokens(pair) > row_tokens:
            yield batch
            batch = []
        batch.append(pair)
    if batch:
        yield batch


def _num_tokens(pair: tuple[Ids, Ids]) -> int:
    return len(pair[0]) + len(pair[1])
