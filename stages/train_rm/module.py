"""The trained function as one module: a micro-batch in, a score at the end of every suffix out.

Everything that reads weights happens in one `forward`, since data parallelism, sharding and autocast act on that call.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from stages.models.answer_tokens import AnswerTokens
from stages.models.attention_plan import plan_attention
from stages.models.batching import padded_batches
from stages.models.log_odds import answer_head, answer_logits, log_odds
from stages.models.scorer import ROW_TOKENS, padded_hidden
from stages.models.tree import Form, pack_trees, tree_attention, tree_hidden
from stages.train_rm.batch import Ids, MicroBatch, Tree


class RewardModule(nn.Module):
    """A causal language model and its two answers, or a classifier with one output (`answers` None).

    `full_vocab` asks for the logits of all tokens. Where the model can, suffixes share their prefix (`plan`), else
    they are padded in batches of like length.
    """

    def __init__(self, model: Any, answers: AnswerTokens | None, *, full_vocab: bool = False) -> None:  # noqa: ANN401
        super().__init__()
        assert not (full_vocab and answers is None)
        self.model = model
        self.answers = answers
        self.full_vocab = full_vocab
        self.plan = plan_attention(model.config)
        # what FSDP shards as units
        self._no_split_modules = model._no_split_modules

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Let the model attend as `forward` needs it. Backward passes belong inside too, since checkpointed layers are
        computed there again.
        """
        with tree_attention(self.model) if self.plan.kind == "tree" else nullcontext():
            yield

    def forward(self, batch: MicroBatch) -> Tensor:
        """Return one fp32 score a suffix, N, or the logits N x V, in the order of the trees. Only while `ready`."""
        hidden = self._hidden(batch.trees)
        if self.answers is None:
            with torch.autocast(hidden.device.type, enabled=False):
                scores: Tensor = self.model.score(hidden.to(self.model.score.weight.dtype))
            return scores.squeeze(1).float()
        head = answer_head(self.model, self.answers)
        return answer_logits(hidden, head) if self.full_vocab else log_odds(hidden, head)

    def _hidden(self, trees: Sequence[Tree]) -> Tensor:
        decoder, device = self.model.get_decoder(), self.model.device
        if self.plan.kind == "tree":
            form: Form = "cascade" if device.type == "cpu" else "two_calls"
            return tree_hidden(decoder, pack_trees(trees, device), form)
        rows: list[Ids] = [tree.prefix + suffix for tree in trees for suffix in tree.suffixes]
        order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
        batches = padded_batches(order, lambda n: len(rows[n]), ROW_TOKENS)
        hidden = torch.cat([padded_hidden(decoder, [rows[n] for n in batch], device) for batch in batches])
        return hidden[torch.tensor(order, device=device).argsort()]
