"""Success over seeds: counting, and how often the interval holds the truth, summed exactly over all outcomes."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from practicum import ParameterError
from practicum.specialization.seeds import success, wilson

PROBABILITIES = np.linspace(0.005, 0.995, 199)


def clopper_pearson(k, n, confidence=0.95):
    tail = (1 - confidence) / 2
    low, high = beta.ppf(tail, k, n - k + 1), beta.ppf(1 - tail, k + 1, n - k)
    return np.where(k == 0, 0, low), np.where(k == n, 1, high)


def normal(k, n, confidence=0.95):
    half = 1.959964 * np.sqrt(k * (n - k) / n**3)
    return k / n - half, k / n + half


def held(interval, n):
    """The probability that the interval holds p, for each p: a sum over the n + 1 outcomes, no simulation."""
    k = np.arange(n + 1)
    low, high = interval(k, np.full(n + 1, n))
    p = PROBABILITIES[:, None]
    return (binom.pmf(k, n, p) * ((low <= p) & (p <= high))).sum(axis=1)


def width(interval, n):
    k = np.arange(n + 1)
    low, high = interval(k, np.full(n + 1, n))
    return (binom.pmf(k, n, PROBABILITIES[:, None]) * (high - low)).sum(axis=1).mean()


@pytest.mark.parametrize("n", [16, 32, 64])
def test_the_interval_holds_the_truth_as_often_as_it_says(n):
    """On average over p within 1 % of 95 %; for each p, 83 % at the least: the dips near 0 and 1 are known of it."""
    ours, exact, naive = held(wilson, n), held(clopper_pearson, n), held(normal, n)
    assert abs(ours.mean() - 0.95) < 0.01
    assert ours.min() > 0.83
    assert exact.mean() > 0.965  # what its docstring says of the alternatives
    assert 1.05 < width(clopper_pearson, n) / width(wilson, n) < 1.2
    assert naive.mean() < 0.93  # the power of this test: the usual formula fails it
    assert naive.min() < 0.5


def test_wilson_at_the_ends_and_in_the_middle():
    low, high = wilson(np.array([0, 16, 32]), np.array([32, 32, 32]))
    z = 1.959964
    assert low[0] == 0
    assert high[0] == pytest.approx(z**2 / (32 + z**2), rel=1e-6)
    assert high[2] == 1
    assert low[2] == pytest.approx(32 / (32 + z**2), rel=1e-6)
    assert (high - low)[1] == pytest.approx(2 * z * np.sqrt(0.25 / (32 + z**2)), rel=1e-6)
    assert np.isnan(wilson(np.array([0]), np.array([0]))).all()


def test_success_counts_seeds():
    best = np.array([[0.99, 0.2], [0.96, 0.97], [0.5, 0.95], [np.nan, np.nan]])
    found = success(best)
    assert found.share == pytest.approx([2 / 3, 1 / 3])
    assert found.seeds.tolist() == [3, 3]  # the last seed diverged
    assert (found.low < found.share).all()
    assert (found.share < found.high).all()
    turned = success(best.T, axis=1)
    assert all(np.array_equal(a, b) for a, b in zip(turned, found))
    assert (success(best, confidence=0.5).low > found.low).all()


def test_no_seed_left_is_nan():
    found = success(np.full((3, 2), np.nan))
    assert np.isnan([found.share, found.low, found.high]).all()


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_probability(confidence):
    with pytest.raises(ParameterError, match="'confidence' parameter must be > 0 and < 1"):
        success(np.ones((2, 2)), confidence=confidence)


def test_success_needs_seeds():
    with pytest.raises(ParameterError, match="at least one seed"):
        success(np.ones((0, 2)))
    with pytest.raises(ParameterError, match="'axis' parameter must be one of the 2 axes"):
        success(np.ones((2, 2)), axis=2)
    with pytest.raises(ParameterError, match="'axis' parameter must be one of the 0 axes"):
        success(0.5)
