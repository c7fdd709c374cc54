"""The entropy ledger: how much each sampled token of an update raises or lowers the entropy of its context.

First order, per context, of plain gradient ascent on logits: neither Adam's scaling nor what weights share is in it,
so read shares and signs, not nats. Nothing is logged here. Legend: T tokens, V vocabulary.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.train_policy.arrays import TokenStats

F64 = NDArray[np.float64]

_ROUNDS: Final = 5
"""Of the iteration for p*, which doubles the right digits each time; the first guess is within a factor of two."""


def entropy_change(stats: TokenStats) -> F64:
    """dH_t / eta in nats, shape (T,): -c_t [p_a (ln p_a + H) - S], where c_t = F_t A_t w_t.

    The update moves the logits of a token's context by eta c_t (e_a - p). S = sum_j p_j^2 (ln p_j + H) is the
    covariance of p and ln p under p, never negative.
    """
    p, mean = _probability(stats), _mean_pull(stats)
    return -_coefficient(stats) * (_pull(p, stats) - mean)


def low_probability(stats: TokenStats) -> NDArray[np.bool_]:
    """Which tokens, shape (T,), raise the entropy of their context when pushed up: p_a (ln p_a + H) < S.

    Those are the tokens with p_a < p*, see `threshold`.
    """
    p = _probability(stats)
    # The likeliest token is never one of them; where p is nearly 1 the rounding of H, f32, would hide that.
    return np.asarray((_pull(p, stats) < _mean_pull(stats)) & (p <= 0.5))


def threshold(stats: TokenStats) -> F64:
    """p* of each token's context, shape (T,): the one x >= e^-H at which x (ln x + H) = S.

    With x = e^(w - H) that is w e^w = S e^H, solved by w <- w (1 + ln(S e^H / w)) / (1 + w).
    """
    entropy = stats.entropy.astype(np.float64)
    target = np.maximum(_mean_pull(stats) * np.exp(entropy), 1e-30)
    w = np.log1p(target)
    for _ in range(_ROUNDS):
        w *= (1 + np.log(target / w)) / (1 + w)
    return np.asarray(np.exp(w - entropy))


def logit_gradient_norm(stats: TokenStats) -> F64:
    """Norm of the gradient that each token sends into the logits of its context, shape (T,): |c_t| |e_a - p|.

    |e_a - p|^2 = 1 - 2 p_a + sum_j p_j^2 = (1 - p_a)^2 + sum over the others of p_j^2.
    """
    rest = -np.expm1(stats.logp.astype(np.float64))
    others = stats.sum_p2.astype(np.float64) - _probability(stats) ** 2
    # The others' squares sum to at most the square of their sum; beyond that is rounding of f32.
    return np.asarray(np.abs(_coefficient(stats)) * np.sqrt(rest**2 + np.clip(others, 0, rest**2)))


def _coefficient(stats: TokenStats) -> F64:
    return np.asarray(stats.factor.astype(np.float64) * stats.advantage * stats.weight)


def _probability(stats: TokenStats) -> F64:
    return np.asarray(np.exp(stats.logp.astype(np.float64)))


def _pull(p: F64, stats: TokenStats) -> F64:
    """How strongly pushing a sampled token up lowers entropy: x (ln x + H)."""
    return np.asarray(p * (stats.logp.astype(np.float64) + stats.entropy))


def _mean_pull(stats: TokenStats) -> F64:
    """The same for the vocabulary on average: S."""
    return np.asarray(np.maximum(stats.sum_p2_logp.astype(np.float64) + stats.entropy * stats.sum_p2, 0))
