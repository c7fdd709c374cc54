"""The model that training begins with: a folder, a hub id, or `tiny`, which is made from the rows trained on."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from torch import nn

from stages.core.errors import ConfigError
from stages.models.answer_tokens import AnswerTokens
from stages.models.conversation import ConversationEncoder
from stages.models.encoding import PairEncoder
from stages.models.load import find_model, load_config, load_for_training, load_tokenizer, model_name, quiet_bars
from stages.models.storing import writing
from stages.models.template import make_template
from stages.models.tiny import save_tiny
from stages.train_rm.adapters import add_adapters
from stages.train_rm.config import TINY, TrainRmConfig
from stages.train_rm.examples import Comparison, Example
from stages.train_rm.module import RewardModule


class Base(NamedTuple):
    """A base whose weights are not loaded yet: where it is, its name in records, its tokenizer and its encoder."""

    source: str
    name: str
    tokenizer: Any
    encoder: PairEncoder | ConversationEncoder

    @property
    def answers(self) -> AnswerTokens | None:
        """The tokens of Yes and No; None for a model that learns to compare."""
        return self.encoder.template.answers if isinstance(self.encoder, PairEncoder) else None


def base_name(model: str) -> str:
    """The name of a base for records and fingerprints. Raises InputMissing for a folder that is not there."""
    return TINY if model == TINY else model_name(find_model(model))


@contextmanager
def open_base(config: TrainRmConfig, trained_on: Iterable[Example] | Iterable[Comparison]) -> Iterator[Base]:
    """Find the base, check its tokenizer, and hold it while the block runs; `tiny` reads the texts of `trained_on`.

    Raises:
        ConfigError: the tokenizer has no chat template, or no single tokens for Yes and No. Others as load_tokenizer.
    """
    quiet_bars()
    with TemporaryDirectory() as scratch:
        source = config.model
        if source == TINY:
            with writing(Path(scratch)):
                source = str(save_tiny(Path(scratch), _texts(trained_on), seed=config.run.seed))
        tokenizer = load_tokenizer(source)
        positions = getattr(load_config(source).get_text_config(), "max_position_embeddings", None)
        window = min(config.max_length, positions or config.max_length)
        encoder = (
            PairEncoder(make_template(tokenizer), tokenizer, window)
            if config.objective == "entailment"
            else ConversationEncoder(tokenizer, window)
        )
        yield Base(source, base_name(config.model), tokenizer, encoder)


def open_module(config: TrainRmConfig, base: Base) -> RewardModule:
    """Load the weights to be trained, with adapters if they are asked for.

    Raises:
        ConfigError: a model that does not read from left to right, or has no linear head. Others as load_for_training.
    """
    scalar = base.answers is None
    loaded = load_for_training(base.source, scalar_head=scalar, seed=config.run.seed, tokenizer=base.tokenizer)
    _check_architecture(loaded.model, config.model, scalar=scalar)
    module = RewardModule(loaded.model, base.answers, full_vocab=config.loss == "full-vocab")
    if config.lora_rank is not None:
        alpha = 2.0 * config.lora_rank if config.lora_alpha is None else config.lora_alpha
        add_adapters(module, rank=config.lora_rank, alpha=alpha, seed=config.run.seed)
    return module


def _check_architecture(model: Any, name: str, *, scalar: bool) -> None:  # noqa: ANN401 - any model of transformers
    looks_ahead = any(getattr(part, "is_causal", True) is False for part in model.modules())
    if looks_ahead or (scalar and not isinstance(getattr(model, "score", None), nn.Linear)):
        raise ConfigError(
            f"{name} is a {type(model).__name__}, which does not read from left to right with a head on its last "
            "token; use a causal language model."
        )


def _texts(rows: Iterable[Example] | Iterable[Comparison]) -> Iterator[str]:
    """Each text once, since a response is repeated in the row of each of its principles."""
    return iter(dict.fromkeys(text for row in rows for text in _texts_of(row)))


def _texts_of(row: Example | Comparison) -> Iterator[str]:
    answers = [row.answer] if isinstance(row, Example) else [row.better, row.worse]
    for answer in answers:
        yield from (message.content for message in answer.messages)
        yield answer.response
    if isinstance(row, Example):
        yield row.principle
