"""The null models against enumeration and Monte Carlo; what dependence does to them; Phi against a BatchNorm."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from practicum.specialization.batchnorm.signs import (
    coin_by_channel,
    coin_by_layer,
    firing_rate,
    overdispersion,
    standard_error,
)


@pytest.mark.parametrize(("negative", "positive"), [(0, 1), (3, 4), (5, 5), (20, 4), (0, 30), (700, 800)])
def test_coins_are_a_binomial_test(negative, positive):
    null = coin_by_channel(negative, positive)
    expected = stats.binomtest(negative, negative + positive, 0.5)
    assert null.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    # The interval is what the test at 5 % does not reject.
    for found in range(negative + positive + 1):
        rejected = coin_by_channel(found, negative + positive - found).p_value < 0.05
        assert rejected == (not null.low <= found <= null.high)


def test_no_signs_say_nothing():
    assert coin_by_channel(0, 0) == (0, 0, 1.0)
    assert coin_by_layer(np.array([0, 0]), np.array([0, 0])).p_value == 1.0


def test_very_small_probabilities_are_still_numbers():
    assert coin_by_channel(0, 1000).p_value == pytest.approx(2.0**-999)
    assert coin_by_channel(0, 5000).p_value == 0.0


def enumerated(negative, positive):
    """All 2^L reversals, one by one: the p-value, and the sorted numbers of negative channels."""
    differences = negative - positive
    found = [int(np.dot(flips, differences)) for flips in itertools.product((-1, 1), repeat=len(differences))]
    p_value = np.mean(np.abs(found) >= abs(differences.sum()))
    return p_value, np.sort((np.sum(negative + positive) + np.array(found)) // 2)


@pytest.mark.parametrize("seed", range(8))
def test_reversals_of_layers_are_counted_exactly(seed):
    rng = np.random.default_rng(seed)
    channels = rng.integers(1, 60, size=rng.integers(1, 11))
    negative = rng.binomial(channels, 0.7)
    zero = rng.binomial(channels - negative, 0.3)
    positive = channels - negative - zero
    null = coin_by_layer(negative, positive)
    p_value, numbers = enumerated(negative, positive)
    assert null.p_value == pytest.approx(p_value, rel=1e-12)
    assert null.p_value >= 2.0 ** (1 - len(channels))
    assert np.mean(numbers < null.low) <= 0.025 >= np.mean(numbers > null.high)
    assert np.mean(numbers < null.low + 1) > 0.025 < np.mean(numbers > null.high - 1)


def test_one_layer_alone_proves_nothing_if_its_channels_may_depend_on_each_other():
    assert coin_by_channel(512, 0).p_value < 1e-150
    assert coin_by_layer(np.array([512]), np.array([0])) == (0, 512, 1.0)


def test_many_layers_of_many_channels():
    negative, positive = np.full(150, 300), np.full(150, 212)
    null = coin_by_layer(negative, positive)
    assert null.p_value == pytest.approx(2.0**-149)
    # S / 88 is a sum of 150 signs: standard deviation sqrt(150).
    width = 88 * math.sqrt(150) * 1.96 / 2
    assert null.high - 150 * 256 == pytest.approx(width, rel=0.05)


def rejections(draw, count=2000, seed=3):
    """How often both null models are rejected at 5 %, over networks that `draw` draws without a preference."""
    rng = np.random.default_rng(seed)
    by_channel = by_layer = 0
    for _ in range(count):
        negative, positive = draw(rng)
        by_channel += coin_by_channel(int(negative.sum()), int(positive.sum())).p_value <= 0.05
        by_layer += coin_by_layer(negative, positive).p_value <= 0.05
    return by_channel / count, by_layer / count


def test_both_null_models_keep_their_level_for_independent_channels():
    def draw(rng):
        negative = rng.binomial(np.array([64] * 8 + [33] * 4), 0.5)
        return negative, np.array([64] * 8 + [33] * 4) - negative

    # 2000 networks: at 5 % the standard error is 0.5 %, so 3 of them above.
    assert max(rejections(draw)) <= 0.05 + 3 * 0.005


def test_dependent_channels_fool_the_binomial_and_not_the_layers():
    """Signs of a layer that agree with correlation 1/3 (a share drawn uniformly): no preference, and yet."""

    def draw(rng):
        negative = rng.binomial(64, rng.random(12))
        return negative, 64 - negative

    by_channel, by_layer = rejections(draw)
    assert by_layer <= 0.05 + 3 * 0.005
    # 1 + (n - 1) c = 22: the binomial interval is too narrow by 4.7, and 1.96 / 4.7 leaves out two thirds.
    assert by_channel == pytest.approx(2 * stats.norm.sf(1.96 / math.sqrt(22)), abs=0.04)


def test_a_preference_is_seen_through_dependence():
    """The power of the test by layers: shares of mean 2/3 and deviation .18 in 24 layers, 4.6 deviations from 1/2."""

    def draw(rng):
        negative = rng.binomial(64, rng.beta(4, 2, 24))
        return negative, 64 - negative

    assert rejections(draw, count=500)[1] > 0.95


def test_the_standard_error_is_the_spread_over_networks():
    rng = np.random.default_rng(8)
    channels = np.array([64, 128, 256, 512] * 6)
    shares, errors, naive = [], [], []
    for _ in range(4000):
        negative = rng.binomial(channels, rng.beta(4, 2, len(channels)))
        shares.append(negative.sum() / channels.sum())
        errors.append(standard_error(negative, channels) ** 2)
        naive.append(shares[-1] * (1 - shares[-1]) / channels.sum())
    # The variance of 4000 draws has a relative standard error of 2.2 %; the linearization is short by 1 - 1/L or so.
    assert np.mean(errors) == pytest.approx(np.var(shares), rel=0.12)
    assert np.mean(naive) < np.var(shares) / 20  # what independent channels would give: far too little


def test_the_standard_error_by_hand():
    # Shares 0, 1 of two layers of equal size: 1/2 +- 1/2.
    assert standard_error(np.array([0, 10]), np.array([10, 10])) == pytest.approx(0.5)
    assert math.isnan(standard_error(np.array([3]), np.array([10])))


def test_overdispersion_is_one_for_independent_channels_and_the_design_effect_otherwise():
    rng = np.random.default_rng(1)
    channels = np.full(20, 65)
    independent = [overdispersion(rng.binomial(channels, 0.3), channels) for _ in range(2000)]
    clustered = [overdispersion(rng.binomial(channels, rng.beta(3, 3, 20)), channels) for _ in range(2000)]
    # Each is about chi-square over 19 degrees: standard deviation .32, so .0073 for the mean of 2000.
    assert np.mean(independent) == pytest.approx(1, abs=3 * 0.0073)
    assert np.mean(clustered) == pytest.approx(1 + 64 / 7, rel=0.05)
    assert math.isnan(overdispersion(np.array([5, 5]), np.array([5, 5])))


def test_the_firing_rate_is_that_of_a_batchnorm_and_relu():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    gamma = np.array([1.0, 0.2, -0.7, 2.0, -1.5, 0.3])
    beta = np.array([-0.5, 0.1, 0.4, -3.0, -1.0, 0.0])
    count = 200_000
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(6), torch.nn.ReLU()).train()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor(gamma))
        module[0].bias.copy_(torch.tensor(beta))
        inputs = torch.tensor(3 + 2 * rng.standard_normal((count, 6)), dtype=torch.float32)
        fired = (module(inputs) > 0).double().mean(0).numpy()
    expected = firing_rate(gamma, beta)
    z = (fired - expected) / np.sqrt(expected * (1 - expected) / count)
    assert np.abs(z).max() < 4
    wrong = stats.norm.cdf(beta / gamma)  # without the modulus
    assert np.abs((fired - wrong) / np.sqrt(wrong * (1 - wrong) / count)).max() > 100


def test_a_channel_without_gain_fires_always_or_never():
    rates = firing_rate(np.zeros(4), np.array([1e-30, 0.0, -1e-30, -2.0]))
    assert rates.tolist() == [1, 0, 0, 0]
    assert firing_rate(np.array([1e-308]), np.array([1e10])) == 1
