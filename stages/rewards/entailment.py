"""Reward models that answer Yes or No to a principle: a folder written by train-rm, or any chat model as it is."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.models.attention_plan import plan_attention
from stages.models.encoding import PairEncoder
from stages.models.load import Loaded, load_causal_lm, load_config, load_tokenizer, model_name
from stages.models.scorer import Item, PairScore, score_pairs
from stages.models.template import make_template
from stages.rewards.card import CARD, Calibration, RewardCard
from stages.rewards.local import introduce, placement, window
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions

NUM_MASSES: Final = 8
"""Pairs of each share of the work whose Yes+No mass is computed."""

LOW_MASS: Final = 0.9
"""Below this median a model would often rather say something else than Yes or No."""


class EntailmentModel:
    """A causal language model and the encoder of its pairs; scores are the log-odds of Yes over No.

    Without a calibration there is no p_yes. `notice` is told once if Yes and No are not what the model wants to say.
    """

    reads_principles: Final = True

    def __init__(
        self,
        name: str,
        loaded: Loaded,
        encoder: PairEncoder,
        calibration: Calibration | None,
        *,
        row_tokens: int,
        notice: Callable[[str], None],
    ) -> None:
        self.name: Final = name
        self._loaded = loaded
        self._encoder = encoder
        self._calibration = calibration
        self._row_tokens = row_tokens
        self._notice = notice
        self._masses: list[float] = []
        self._warned = False
        self._num_pairs = 0
        self._num_truncated = 0

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        """Judge each response by each of its principles; see RewardModel.

        Problems are principle_too_long, conversation_too_long, bad_chat and not_finite.
        """
        scored = score_pairs(
            self._loaded.model,
            self._encoder,
            [Item(*query[:3]) for query in queries],
            row_tokens=self._row_tokens,
            num_masses=NUM_MASSES,
            advance=advance,
        )
        self._watch([score for scores in scored for score in scores if isinstance(score, PairScore)])
        return [[self._judgement(score) for score in scores] for scores in scored]

    def facts(self) -> dict[str, object]:
        """Pairs scored, those with a cut conversation, and the Yes+No mass of the sampled ones."""
        low, median = np.quantile(self._masses, (0.05, 0.5)).tolist() if self._masses else (None, None)
        return {
            "kind": "entailment",
            "attention": plan_attention(self._loaded.model.config).kind,
            "dtype": str(self._loaded.model.dtype).removeprefix("torch."),
            "max_length": self._encoder.max_tokens,
            "calibrated": self._calibration is not None,
            "pairs": self._num_pairs,
            "truncated": self._num_truncated,
            "mass_pairs": len(self._masses),
            "mass_median": median,
            "mass_low": low,
        }

    def close(self) -> None:
        """Nothing is held beside memory."""

    def _judgement(self, score: PairScore | Problem) -> Judgement | Problem:
        if isinstance(score, Problem):
            return score
        p_yes = None if self._calibration is None else self._calibration.p_yes([score.log_odds])[0]
        return Judgement(score.log_odds, p_yes, score.mass, score.truncated)

    def _watch(self, scores: Sequence[PairScore]) -> None:
        self._num_pairs += len(scores)
        self._num_truncated += sum(score.truncated for score in scores)
        self._masses += [score.mass for score in scores if score.mass is not None]
        if self._masses and not self._warned and (median := float(np.median(self._masses))) < LOW_MASS:
            self._warned = True
            self._notice(
                f"{self.name} gives Yes and No together a median probability of {median:.3f} (of {len(self._masses)} "
                "sampled pairs): left to itself it would say something else. Scores compare the two alone; how good "
                "they are, only rows with labels tell."
            )


def open_entailment(
    model: str, card: RewardCard | None, options: RewardOptions, notice: Callable[[str], None]
) -> EntailmentModel:
    """Open a folder or hub id, with the card of its folder if it has one.

    Without a card the template is made on the spot and nothing is calibrated, which `notice` is told, as it is told
    how principles share their prefix. The tokenizer is checked before the weights are read. Raises ConfigError for a
    tokenizer that renders otherwise than the card says, has no chat template, or no single tokens for Yes and No; and
    as load_causal_lm.
    """
    name = model_name(model)
    device, dtype = placement(options)
    config, tokenizer = load_config(model), load_tokenizer(model)
    template = make_template(tokenizer) if card is None else card.template
    if template is None:
        raise DataError(f"The {CARD} in {model} is that of a scalar model; use the folder as train-rm wrote it.")
    encoder = PairEncoder(template, tokenizer, window(options, card, config))
    introduce(name, card, notice)
    if card is None:
        notice(f"{name} has no {CARD}: it is asked as it is, with our own template, and without calibrated p_yes.")
    elif card.calibration is None:
        notice(f"{name} is not calibrated: there is no p_yes, only log-odds.")
    plan = plan_attention(config)
    how = "principles share the tokens of their response" if plan.kind == "tree" else "principles are read one by one"
    notice(f"{name}: {how}, since {plan.reason}.")
    loaded = load_causal_lm(model, device, dtype, tokenizer)
    calibration = None if card is None else card.calibration
    return EntailmentModel(name, loaded, encoder, calibration, row_tokens=options.row_tokens, notice=notice)
