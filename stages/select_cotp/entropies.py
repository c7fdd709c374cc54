"""Where token entropies come from when they are computed here: a causal language model in this process.

torch is imported only where there is one; entropies of a column never pass through this file.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from stages.core.chat import Message
from stages.core.rows import Problem
from stages.select_cotp.arrays import F32
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.reading import Cot

if TYPE_CHECKING:
    from stages.models.token_entropy import EntropyModel


class EntropySource(Protocol):
    """What gives the entropies of chains of thought.

    `name` is what is stored beside them, and two sources whose entropies cannot be compared have two names; `identity`
    is the same in parts, for a manifest. `vocabulary` is how many tokens the model chooses among.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def identity(self) -> Mapping[str, str | float | None]: ...  # noqa: D102
    @property
    def vocabulary(self) -> int: ...  # noqa: D102

    def entropies(self, rows: Sequence[Cot], part: int, advance: Callable[[int], None]) -> list[F32 | Problem]:
        """The entropies of the tokens of each completion (T,), or why there are none; `advance` hears of rows finished.

        Nothing is said of the values: `check_entropies` (bins.py) looks at them, as at those of a column.
        """


def open_entropies(config: SelectCotpConfig, tiny_texts: Iterable[str]) -> EntropySource | None:
    """Open what --entropy-model names, None where entropies come from the rows' column.

    `tiny_texts` make the vocabulary of the model `tiny`: they must be the same for all parts of a run.

    Raises:
        RlbffError: the extra `models` is not installed, the model cannot be loaded, or it is not understood.
    """
    chains = config.chains
    if chains.entropy_model is None:
        return None
    from stages.models.token_entropy import open_entropy_model

    return _InProcess(
        open_entropy_model(
            chains.entropy_model,
            revision=chains.revision,
            device=chains.device,
            dtype=chains.dtype,
            pack_tokens=chains.pack_tokens,
            tiny_texts=tiny_texts,
            seed=config.run.seed,
        )
    )


class _InProcess:
    """A model in this process."""

    def __init__(self, model: "EntropyModel") -> None:
        self._model = model
        self.name = str(model.identity)
        self.identity: Mapping[str, str | float | None] = model.identity._asdict()
        self.vocabulary = model.vocabulary

    def entropies(self, rows: Sequence[Cot], part: int, advance: Callable[[int], None]) -> list[F32 | Problem]:
        """One forward pass over each row's question and completion; the part decides nothing."""
        pairs = [([Message(turn["role"], turn["content"]) for turn in row.prompt], row.completion_text) for row in rows]
        return self._model.entropies(pairs, advance)
