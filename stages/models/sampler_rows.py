"""The rows that are under way in one call of the sampler: who is in, what was drawn, who has ended.

Legend: B rows, T most tokens of a completion, P tokens of a prompt, N prompts, V vocabulary.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.errors import DataError
from stages.models.sampler_cache import RowCache, Source, gather
from stages.models.sampler_draw import draw, uniforms
from stages.models.sampler_lean import lean_decoder
from stages.models.sampler_stop import StopText

_PREFILL_TOKENS: Final = 8192
"""Tokens of one forward pass over prompts, beyond which only a longer prompt goes."""

_LEAST_ROOM: Final = 64
"""Columns that a cache has free when it is made, where completions can become that long."""

_SHARE: Final = 4
"""Rows are taken out, and waiting ones in, when one in so many has ended: the cache is copied for it."""

_UNSEEN_STEPS: Final = 8
"""Tokens drawn on a GPU before the rows are looked at, which waits for it."""


class Asked(NamedTuple):
    """A prompt to be continued; its `seed` and the number of a token decide the random number of that token."""

    prompt_ids: tuple[int, ...]
    seed: int


class Drawn(NamedTuple):
    """A completion: its tokens, the one that ended it among them, and ln softmax(logits / temperature) at each, f32.

    `finish` is "stop" where the model or a stop text ended it, "length" where max_new_tokens did.
    """

    ids: tuple[int, ...]
    logprobs: NDArray[np.float32]
    finish: Literal["stop", "length"]


class NotFiniteError(DataError):
    """The model's logits for token `token`, from 0, of the completion at `place` in the call are NaN or infinite."""

    def __init__(self, text: str, place: int = 0, token: int = 0) -> None:
        super().__init__(text)
        self.place, self.token = place, token


class Settings(NamedTuple):
    """How completions are drawn; as in `Sampler`."""

    max_new_tokens: int
    temperature: float
    top_p: float
    ends: tuple[int, ...]
    stop: StopText | None
    batch_size: int


class _State(NamedTuple):
    """What is known of B rows: their place in the call, tokens of each in the cache and of each completion.

    place, cached and drawn (B,) int64, live (B,) bool; ids B x T int64, logprobs B x T f32, numbers B x T f64.
    """

    place: NDArray[Any]
    cached: NDArray[Any]
    drawn: NDArray[Any]
    live: NDArray[Any]
    ids: NDArray[Any]
    logprobs: NDArray[Any]
    numbers: NDArray[Any]


def _taken(state: _State, rows: NDArray[np.int64]) -> _State:
    return _State(*(field[rows] for field in state))


def _joined(first: _State, second: _State) -> _State:
    return _State(*(np.concatenate([one, other]) for one, other in zip(first, second, strict=True)))


class Rows:
    """The rows under way. The model is under `sampling_attention`, and no gradient is computed."""

    def __init__(self, model: Any, settings: Settings, asked: Sequence[Asked]) -> None:  # noqa: ANN401 - no shared type
        self.drawn: dict[int, Drawn] = {}
        self._model, self._settings, self._asked = model, settings, asked
        self._device: torch.device = model.device
        self._waiting = _pieces(asked, settings.batch_size)[::-1]
        self._num_positions = max((len(one.prompt_ids) for one in asked), default=0) + settings.max_new_tokens
        self._lean = lean_decoder(model, self._num_positions)
        self._ends = np.array(settings.ends, np.int64)
        self._state = self._new_state([])
        self._tokens = torch.empty(0, dtype=torch.int64, device=self._device)
        self._cache = RowCache()
        self._seen: Tensor | None = None
        self._positions = self._tokens

    @property
    def open(self) -> bool:
        """Whether a completion is missing."""
        return bool(self._waiting) or bool(self._state.live.any())

    def admit(self) -> None:
        """Read waiting prompts and draw their first tokens, if there is room for a good share of new rows."""
        free = self._settings.batch_size - int(self._state.live.sum())
        if free * _SHARE < self._settings.batch_size:
            return
        pieces = []
        while self._waiting and len(self._waiting[-1]) <= free:
            pieces.append(self._waiting.pop())
            free -= len(pieces[-1])
        if not pieces:
            return
        pieces.sort(key=lambda piece: len(self._asked[piece[0]].prompt_ids))
        sources, logits = [], []
        for batch in self._prompt_batches(pieces):
            found, source = self._prefill(batch)
            logits.append(found)
            sources.append(source)
        new = self._new_state([index for piece in pieces for index in piece])
        numbers = torch.from_numpy(new.numbers[:, :1]).to(self._device)
        tokens, logprobs = self._draw(torch.cat(logits), numbers[:, 0])
        self._arrange(sources, new, tokens, logprobs)

    def step(self) -> None:
        """Draw a token for each row, or several where looking at each would cost time."""
        state = self._state
        if not state.live.any():
            return
        if (len(state.live) - state.live.sum()) * _SHARE >= len(state.live):
            self._arrange()
        steps = 1 if self._device.type == "cpu" else _UNSEEN_STEPS
        if self._cache.end + steps > self._cache.capacity:
            self._arrange()
        state = self._state
        places = np.minimum(state.drawn[:, None] + np.arange(steps), self._settings.max_new_tokens - 1)
        numbers = torch.from_numpy(np.take_along_axis(state.numbers, places, axis=1)).to(self._device)
        drawn = []
        for step in range(steps):
            seen = None if self._seen is None else self._seen[..., : self._cache.end + 1]
            if self._lean is not None:
                logits = self._lean.logits(self._tokens, self._positions[:, 0], self._cache, seen)
            else:
                logits = self._forward(self._tokens[:, None], self._positions, self._cache, seen)
            self._tokens, logprobs = self._draw(logits, numbers[:, step])
            drawn.append((self._tokens, logprobs))
            # rows that have ended may stay for a while, beyond the positions that there are
            self._positions = (self._positions + 1).clamp(max=self._num_positions - 1)
        state.cached[:] += steps
        for tokens, logprobs in zip(
            *(torch.stack(part).cpu().numpy() for part in zip(*drawn, strict=True)), strict=True
        ):
            self._record(tokens, logprobs, state)

    def _prompt_batches(self, pieces: Sequence[list[int]]) -> list[list[list[int]]]:
        """Prompts of equal length, as many as one forward pass takes."""
        batches: list[list[list[int]]] = []
        for length, equal in groupby(pieces, lambda piece: len(self._asked[piece[0]].prompt_ids)):
            most, same = max(1, _PREFILL_TOKENS // length), list(equal)
            batches += [same[at : at + most] for at in range(0, len(same), most)]
        return batches

    def _prefill(self, pieces: Sequence[list[int]]) -> tuple[Tensor, Source]:
        """Logits after N prompts of equal length, one row a completion, and the keys and values of their tokens."""
        prompts = torch.tensor([self._asked[piece[0]].prompt_ids for piece in pieces], device=self._device)
        length = prompts.shape[1]
        cache = RowCache()
        logits = self._forward(prompts, torch.arange(length, device=self._device)[None], cache, None)
        rows = torch.tensor([row for row, piece in enumerate(pieces) for _ in piece], device=self._device)
        return logits[rows], Source(cache.layers, rows, length, length)

    def _forward(self, ids: Tensor, positions: Tensor, cache: RowCache, seen: Tensor | None) -> Tensor:
        """Logits B x V after the last of the tokens B x T."""
        output = self._model(
            input_ids=ids,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            seen=seen,
        )
        cache.end += ids.shape[1]
        logits: Tensor = output.logits[:, -1]
        return logits

    def _draw(self, logits: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        temperature = self._settings.temperature
        if temperature == 0:
            return draw(logits, None, 1.0)
        return draw(logits, numbers, temperature, self._settings.top_p)

    def _new_state(self, index: Sequence[int]) -> _State:
        size, most = len(index), self._settings.max_new_tokens
        return _State(
            place=np.array(index, np.int64),
            cached=np.array([len(self._asked[at].prompt_ids) for at in index], np.int64),
            drawn=np.zeros(size, np.int64),
            live=np.ones(size, np.bool_),
            ids=np.zeros((size, most), np.int64),
            logprobs=np.zeros((size, most), np.float32),
            numbers=uniforms([self._asked[at].seed for at in index], most),
        )

    def _arrange(
        self,
        sources: Sequence[Source] = (),
        new: _State | None = None,
        tokens: Tensor | None = None,
        logprobs: Tensor | None = None,
    ) -> None:
        """Take ended rows out and new ones in, and make room for further tokens."""
        kept = np.flatnonzero(self._state.live)
        state = _taken(self._state, kept)
        every = list(sources)
        rows = torch.from_numpy(kept).to(self._device)
        if len(kept):
            every.insert(0, Source(self._cache.layers, rows, self._cache.end, int(state.cached.max())))
        if new is not None:
            assert tokens is not None
            assert logprobs is not None
            self._record(tokens.cpu().numpy(), logprobs.cpu().numpy(), new)
            state = _joined(state, new)
            self._tokens = torch.cat([self._tokens[rows], tokens])
        else:
            self._tokens = self._tokens[rows]
        self._state = state
        end = max(source.width for source in every)
        left = self._settings.max_new_tokens - int(state.drawn.min())
        self._cache = gather(every, end + max(_UNSEEN_STEPS, min(left, max(_LEAST_ROOM, end // 2))))
        starts = end - state.cached
        self._positions = torch.from_numpy(state.cached[:, None]).to(self._device)
        self._seen = None
        if starts.any():
            columns = torch.arange(self._cache.capacity, device=self._device)
            self._seen = columns >= torch.from_numpy(starts).to(self._device)[:, None, None, None]
        else:
            self._positions = self._positions[:1]

    def _record(self, tokens: NDArray[np.int64], logprobs: NDArray[np.float32], state: _State) -> None:
        """Write down one drawn token a row that has not ended, and the completions that it ends."""
        rows = np.flatnonzero(state.live)
        places = state.drawn[rows]
        _check_finite(logprobs[rows], state.place[rows], places)
        state.ids[rows, places] = tokens[rows]
        state.logprobs[rows, places] = logprobs[rows]
        state.drawn[rows] += 1
        ended = (tokens[rows, None] == self._ends).any(axis=1)
        if self._settings.stop is not None:
            texts = [state.ids[row, : state.drawn[row]].tolist() for row in rows]
            ended |= [self._settings.stop.holds(text) for text in texts]
        over = ended | (state.drawn[rows] == self._settings.max_new_tokens)
        for row, by_model in zip(rows[over], ended[over], strict=True):
            count = state.drawn[row]
            ids = tuple(state.ids[row, :count].tolist())
            finish: Literal["stop", "length"] = "stop" if by_model else "length"
            self.drawn[int(state.place[row])] = Drawn(ids, state.logprobs[row, :count].copy(), finish)
        state.live[rows[over]] = False


def _check_finite(logprobs: NDArray[np.float32], place: NDArray[np.int64], token: NDArray[np.int64]) -> None:
    faults = np.flatnonzero(~np.isfinite(logprobs))
    if not len(faults):
        return
    at, number = int(place[faults[0]]), int(token[faults[0]])
    raise NotFiniteError(
        f"The model's probabilities are not finite (NaN) for token {number} of completion {at}; its weights are "
        "damaged, or the temperature is too small for its logits.",
        at,
        number,
    )


def _pieces(asked: Sequence[Asked], most: int) -> list[list[int]]:
    """The places in the call of adjacent equal prompts, at most so many a piece."""
    pieces: list[list[int]] = []
    for _, group in groupby(range(len(asked)), lambda index: asked[index].prompt_ids):
        same = list(group)
        pieces += [same[at : at + most] for at in range(0, len(same), most)]
    return pieces
