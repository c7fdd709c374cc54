import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import lambertw

from stages.train_policy.arrays import TokenStats
from stages.train_policy.ledger import entropy_change, logit_gradient_norm, low_probability, threshold
from tests.naive import entropy_ledger as naive

F64 = NDArray[np.float64]

DISTRIBUTIONS = [(vocabulary, scale) for vocabulary in (5, 40, 300, 1000) for scale in (1.0, 1.7, 2.5, 5.0)]


def tokens_of(
    p: F64, tokens: NDArray[np.int64], coefficients: F64 | float = 1.0, dtype: type = np.float64
) -> TokenStats:
    """Some sampled tokens of one context, with F = 1 and A = c."""
    ones = np.ones(len(tokens), dtype)
    logs = np.log(p)
    logp = logs[tokens].astype(dtype)
    return TokenStats(
        logp=logp,
        old=logp,
        entropy=ones * dtype(-(p * logs).sum()),
        sum_p2=ones * dtype((p * p).sum()),
        sum_p2_logp=ones * dtype((p * p * logs).sum()),
        advantage=(ones * coefficients).astype(dtype),
        weight=ones,
        factor=ones,
        value=ones,
        surrogate=ones,
        region=np.zeros(len(tokens), np.int8),
        row=np.zeros(len(tokens), np.int64),
    )


def random_distribution(vocabulary: int, scale: float) -> tuple[F64, F64]:
    logits = np.random.default_rng([vocabulary, int(10 * scale)]).normal(0, scale, vocabulary)
    return logits, np.array(naive.softmax(logits.tolist()))


@pytest.mark.parametrize(("vocabulary", "scale"), DISTRIBUTIONS)
def test_the_law_of_the_expected_step_holds(vocabulary: int, scale: float) -> None:
    # what the ledger rests on: true change against -eta Cov(ln p, p A), within 0.2 % at eta = 1e-3
    logits, p = random_distribution(vocabulary, scale)
    advantage = np.random.default_rng(1).normal(size=vocabulary)
    advantage -= p @ advantage
    measured = naive.step_change(logits.tolist(), (1e-3 * p * advantage).tolist())
    assert measured == pytest.approx(-1e-3 * naive.covariance(p.tolist(), advantage.tolist()), rel=2e-3)


@pytest.mark.parametrize(("vocabulary", "scale"), DISTRIBUTIONS)
def test_the_ledger_sums_to_the_law(vocabulary: int, scale: float) -> None:
    # all tokens, each as often as it is drawn: sum_a p_a dH_a(A_a) = -Cov for a centred advantage
    _, p = random_distribution(vocabulary, scale)
    advantage = np.random.default_rng(1).normal(size=vocabulary)
    advantage -= p @ advantage
    ledger = entropy_change(tokens_of(p, np.arange(vocabulary), p * advantage))
    assert ledger.sum() == pytest.approx(-naive.covariance(p.tolist(), advantage.tolist()), rel=1e-9)


@pytest.mark.parametrize(("vocabulary", "scale"), DISTRIBUTIONS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_token_changes_entropy_as_the_ledger_says(vocabulary: int, scale: float, sign: float) -> None:
    logits, p = random_distribution(vocabulary, scale)
    tokens = np.random.default_rng(2).choice(vocabulary, size=6, p=p)
    told = entropy_change(tokens_of(p, tokens, sign))
    for token, change in zip(tokens.tolist(), told.tolist(), strict=True):
        step = naive.token_step(logits.tolist(), [token], [1e-4 * sign])
        assert naive.step_change(logits.tolist(), step) == pytest.approx(1e-4 * change, rel=1e-2)


def test_the_sign_of_a_step_of_several_tokens_is_that_of_the_ledger() -> None:
    right = 0
    cases = 400
    for case in range(cases):
        rng = np.random.default_rng(case)
        logits = rng.normal(0, rng.uniform(0.5, 4), 100)
        p = np.array(naive.softmax(logits.tolist()))
        tokens = rng.choice(100, size=8, p=p)
        coefficients = rng.normal(size=8)
        coefficients -= coefficients.mean()
        told = entropy_change(tokens_of(p, tokens, coefficients)).sum()
        step = naive.token_step(logits.tolist(), tokens.tolist(), (1e-2 * coefficients).tolist())
        right += (told > 0) == (naive.step_change(logits.tolist(), step) > 0)
    assert right >= 0.95 * cases


@pytest.mark.parametrize(("vocabulary", "scale"), DISTRIBUTIONS)
def test_pushing_up_changes_sides_once_at_the_threshold(vocabulary: int, scale: float) -> None:
    _, p = random_distribution(vocabulary, scale)
    order = np.argsort(p)
    stats = tokens_of(p, order)
    raises = entropy_change(stats) > 0
    assert np.count_nonzero(raises[1:] != raises[:-1]) == 1
    assert raises[0]
    assert not raises[-1]
    (border,) = set(np.round(threshold(stats), 12))
    assert p[order][raises].max() < border <= p[order][~raises].min()
    assert border >= np.exp(-stats.entropy[0])
    np.testing.assert_array_equal(low_probability(stats), raises)


def test_the_threshold_is_lamberts() -> None:
    rng = np.random.default_rng(3)
    stats = [
        tokens_of(random_distribution(int(rng.integers(2, 3000)), float(rng.uniform(0, 9)))[1], np.array([0]))
        for _ in range(40)
    ]
    told = np.concatenate([threshold(one) for one in stats])
    spread = np.array([one.sum_p2_logp[0] + one.entropy[0] * one.sum_p2[0] for one in stats]).clip(0)
    entropies = np.array([one.entropy[0] for one in stats])
    expected = np.exp(lambertw(spread * np.exp(entropies)).real - entropies)
    np.testing.assert_allclose(told, expected, rtol=1e-9)


def test_two_tokens_by_hand() -> None:
    # p = (0.8, 0.2): H = 0.50040, S = 0.68 * 0.50040 + 0.64 ln 0.8 + 0.04 ln 0.2 = 0.13308;
    # 0.8 (ln 0.8 + H) = 0.22181, 0.2 (ln 0.2 + H) = -0.22181
    p = np.array([0.8, 0.2])
    stats = tokens_of(p, np.array([0, 1]), 0.5)
    np.testing.assert_allclose(entropy_change(stats), [-0.5 * (0.22181 - 0.13308), -0.5 * (-0.22181 - 0.13308)], 1e-4)
    assert low_probability(stats).tolist() == [False, True]
    # e_a - p = (0.2, -0.2) and (-0.8, 0.8)
    np.testing.assert_allclose(logit_gradient_norm(stats), [0.5 * 0.2 * 2**0.5, 0.5 * 0.8 * 2**0.5])


def test_the_coefficient_is_factor_times_advantage_times_weight() -> None:
    p = random_distribution(20, 1.0)[1]
    one = tokens_of(p, np.array([3]))
    three = one._replace(factor=one.factor * 0.5, advantage=one.advantage * -4, weight=one.weight * 0.25, logp=one.logp)
    np.testing.assert_allclose(entropy_change(three), -0.5 * entropy_change(one))
    np.testing.assert_allclose(logit_gradient_norm(three), 0.5 * logit_gradient_norm(one))


@pytest.mark.parametrize("vocabulary", [2, 30])
def test_norms_are_those_of_the_vectors(vocabulary: int) -> None:
    _, p = random_distribution(vocabulary, 2.0)
    norms = logit_gradient_norm(tokens_of(p, np.arange(vocabulary), -3.0))
    for token in range(vocabulary):
        np.testing.assert_allclose(norms[token], 3 * np.linalg.norm(np.eye(vocabulary)[token] - p))


@pytest.mark.parametrize("rest", [1e-4, 1e-6, 1e-7])
def test_tokens_that_are_nearly_certain_stay_right_in_single_precision(rest: float) -> None:
    p = np.array([1 - rest, *np.full(9, rest / 9)])
    exact, rounded = (tokens_of(p, np.array([0, 1]), dtype=dtype) for dtype in (np.float64, np.float32))
    assert low_probability(rounded).tolist() == [False, True]
    # the others' squares, 1e-15, are far below the rounding of sum p^2, but bounded by the square of their sum
    np.testing.assert_allclose(logit_gradient_norm(rounded)[0], logit_gradient_norm(exact)[0], rtol=0.5)
    np.testing.assert_allclose(logit_gradient_norm(rounded)[1], logit_gradient_norm(exact)[1], rtol=1e-5)


def test_the_likeliest_token_is_never_low() -> None:
    # the entropy of logits near 20 is right to 2e-6 in f32, which may be more than the entropy itself
    for exponent in range(2, 8):
        rest = 10.0**-exponent
        stats = tokens_of(np.array([1 - rest, *np.full(9, rest / 9)]), np.array([0]), dtype=np.float32)
        assert not low_probability(stats._replace(entropy=stats.entropy - np.float32(2e-6))).any()


def test_a_certain_token_changes_nothing() -> None:
    ones, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    stats = tokens_of(np.array([0.5, 0.5]), np.array([0]), dtype=np.float32)._replace(
        logp=none, entropy=none, sum_p2=ones, sum_p2_logp=none
    )
    assert entropy_change(stats).tolist() == [0]
    assert logit_gradient_norm(stats).tolist() == [0]
    assert low_probability(stats).tolist() == [False]
    np.testing.assert_allclose(threshold(stats), [1])
