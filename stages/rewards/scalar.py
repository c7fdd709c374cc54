"""Reward models with a scalar head: one number for a response, whatever the principle.

That is what Bradley-Terry training makes: sequence-classification models with one label.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from stages.core.chat import Message
from stages.core.errors import ConfigError
from stages.core.rows import Problem
from stages.models.batching import padded_batches, shares
from stages.models.conversation import ConversationEncoder, EncodedConversation
from stages.models.encoding import Ids
from stages.models.load import Loaded, load_classifier, load_config, load_tokenizer, model_name
from stages.models.scorer import SHARE_ROWS, not_finite, padded_hidden
from stages.rewards.card import RewardCard
from stages.rewards.local import introduce, placement, window
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions


class ScalarModel:
    """A sequence-classification model of one label and the encoder of its conversations; nothing is calibrated."""

    reads_principles: Final = False

    def __init__(
        self,
        name: str,
        loaded: Loaded,
        encoder: ConversationEncoder,
        *,
        row_tokens: int,
        notice: Callable[[str], None],
    ) -> None:
        self.name: Final = name
        self._loaded = loaded
        self._encoder = encoder
        self._row_tokens = row_tokens
        self._notice = notice
        self._warned = False
        self._num_responses = 0
        self._num_truncated = 0

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        """Give each response its number; see RewardModel. Problems: conversation_too_long, bad_chat, not_finite."""
        if not self._warned and any(query.principles for query in queries):
            self._warned = True
            self._notice(f"{self.name} knows no principles: each response has one score, principles are ignored.")
        encoded = (self._encoder.encode(query.messages, query.response) for query in queries)
        result: list[list[Judgement | Problem]] = []
        for share in shares(encoded, _num_tokens, SHARE_ROWS * self._row_tokens):
            good = [each for each in share if isinstance(each, EncodedConversation)]
            numbers = iter(scalar_scores(self._loaded.model, [each.ids for each in good], self._row_tokens))
            result += [
                [_judgement(each, next(numbers)) if isinstance(each, EncodedConversation) else each] for each in share
            ]
            self._num_responses += len(good)
            self._num_truncated += sum(each.truncated for each in good)
            advance(len(share))
        return result

    def facts(self) -> dict[str, object]:
        """Responses scored, and those with a cut conversation."""
        return {
            "kind": "scalar",
            "dtype": str(self._loaded.model.dtype).removeprefix("torch."),
            "max_length": self._encoder.max_tokens,
            "responses": self._num_responses,
            "truncated": self._num_truncated,
        }

    def close(self) -> None:
        """Nothing is held beside memory."""


def scalar_scores(model: Any, rows: Sequence[Ids], row_tokens: int) -> list[float]:  # noqa: ANN401 - any classifier
    """Return the head's number at the last token of each row, in the order given; equal rows are computed once.

    Where a row ends comes from its length, so that the padding token and its side decide nothing. The head's product
    is fp32, because bf16 numbers are coarse and tie.
    """
    assert not model.training
    weight = model.score.weight[0].float()
    bias = 0.0 if model.score.bias is None else model.score.bias[0].float()
    found: dict[Ids, float] = {}
    with torch.inference_mode():
        for batch in padded_batches(sorted(set(rows), key=lambda row: (len(row), row)), len, row_tokens):
            hidden = padded_hidden(model.base_model, batch, model.device)
            found |= zip(batch, (hidden.float() @ weight + bias).tolist(), strict=True)
    return [found[row] for row in rows]


def open_scalar(
    model: str, card: RewardCard | None, options: RewardOptions, notice: Callable[[str], None]
) -> ScalarModel:
    """Open a folder or hub id of a sequence-classification model, with the card of its folder if it has one.

    Raises ConfigError for another number of labels than one, for a model that does not read from left to right, and
    for a tokenizer without a chat template, and as load_classifier.
    """
    name = model_name(model)
    device, dtype = placement(options)
    config, tokenizer = load_config(model), load_tokenizer(model)
    if config.num_labels != 1:
        raise ConfigError(
            f"{model} is a classifier of {config.num_labels} labels; a reward model has one label, its score."
        )
    encoder = ConversationEncoder(tokenizer, window(options, card, config))
    introduce(name, card, notice)
    if card is None and _ends_with(encoder, config.get_text_config().pad_token_id):
        notice(
            f"{name} pads with the token that ends its chats: its score is read at that last token here, while "
            "transformers' own forward pass takes it for padding and reads the one before."
        )
    loaded = load_classifier(model, device, dtype, tokenizer)
    if not isinstance(getattr(loaded.model, "score", None), torch.nn.Linear):
        raise ConfigError(
            f"{model} is a {type(loaded.model).__name__}, which has no linear head on its last token; a reward model "
            "with a scalar head is a causal language model with one."
        )
    return ScalarModel(name, loaded, encoder, row_tokens=options.row_tokens, notice=notice)


def _ends_with(encoder: ConversationEncoder, token: int | None) -> bool:
    sample = encoder.encode([Message("user", "Hi")], "Hi")
    return isinstance(sample, EncodedConversation) and sample.ids[-1] == token


def _num_tokens(encoded: EncodedConversation | Problem) -> int:
    return len(encoded.ids) if isinstance(encoded, EncodedConversation) else 0


def _judgement(encoded: EncodedConversation, score: float) -> Judgement | Problem:
    return Judgement(score, truncated=encoded.truncated) if math.isfinite(score) else not_finite(score)
