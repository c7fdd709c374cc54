"""How probable two tokens are after given ones, in this process: one forward pass over each row, nothing generated."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch

from stages.models.answer_tokens import AnswerTokens
from stages.models.batching import padded_batches
from stages.models.encoding import Ids
from stages.models.log_odds import answer_head, answer_mass, log_odds
from stages.models.scorer import padded_hidden


class Choice(NamedTuple):
    """The tokens of a row so far, and the two tokens of which one comes next."""

    row: Ids
    yes: int
    no: int


def choice_log_probs(
    model: Any,  # noqa: ANN401 - transformers' models share no useful type
    choices: Sequence[Choice],
    row_tokens: int,
    *,
    autocast: torch.dtype | None = None,
) -> list[tuple[float, float]]:
    """Return (log p(yes), log p(no)) after each row, in the order given, under the model's softmax at temperature 1.

    Rows are padded on the right to batches of at most `row_tokens`. `autocast` is the dtype of the products before the
    head, None for that of the weights. The difference of the two is computed in fp32 from two rows of the head; what
    both have together takes the full head, in the head's dtype.
    """
    assert not model.training
    result: dict[Choice, Sequence[float]] = {}
    mixed = nullcontext() if autocast is None else torch.autocast(model.device.type, autocast)
    order = sorted(set(choices), key=lambda choice: (len(choice.row), choice))
    with torch.inference_mode():
        for batch in padded_batches(order, lambda choice: len(choice.row), row_tokens):
            with mixed:
                hidden = padded_hidden(model.get_decoder(), [choice.row for choice in batch], model.device)
            for pair in sorted({(choice.yes, choice.no) for choice in batch}):
                places = [n for n, choice in enumerate(batch) if (choice.yes, choice.no) == pair]
                head = answer_head(model, AnswerTokens(*pair, lead="", space=""))
                odds = log_odds(hidden[places], head).double()
                mass = answer_mass(hidden[places], head).double().log()
                yes = (mass + torch.nn.functional.logsigmoid(odds)).tolist()
                no = (mass + torch.nn.functional.logsigmoid(-odds)).tolist()
                result |= {batch[place]: chances for place, *chances in zip(places, yes, no, strict=True)}
    return [(result[choice][0], result[choice][1]) for choice in choices]
