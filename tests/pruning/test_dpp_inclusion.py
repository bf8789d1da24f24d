"""Probabilities of determinantal point processes against enumeration of all subsets with exact determinants."""

from itertools import combinations

import numpy as np
import pytest

from practicum import ParameterError
from practicum.pruning import Kernel, inclusion, log_probability, marginal_kernel, pair_inclusion
from pruning.dpp_reference import full_law, inclusions, kernels, law, random_kernel, smooth_kernel

KERNELS = kernels()


@pytest.mark.parametrize("name", KERNELS)
def test_a_kdpp_is_that_of_enumeration_for_every_k(name):
    kernel, L = KERNELS[name]
    for k in range(1, kernel.rank + 1):
        subsets, probabilities = law(L, k)
        found = np.exp(log_probability(kernel, subsets))
        assert found == pytest.approx(probabilities, abs=1e-12, rel=1e-10)
        assert found.sum() == pytest.approx(1, abs=1e-11)
        known = inclusions(subsets, probabilities, kernel.items)
        assert inclusion(kernel, k) == pytest.approx(known.diagonal(), abs=1e-10)
        assert pair_inclusion(kernel, k) == pytest.approx(known, abs=1e-10)


@pytest.mark.parametrize("name", KERNELS)
def test_a_dpp_is_that_of_enumeration(name):
    kernel, L = KERNELS[name]
    masks, probabilities = full_law(L)
    found = np.exp([log_probability(kernel, np.flatnonzero(mask), fixed_size=False) for mask in masks])
    assert found == pytest.approx(probabilities, abs=1e-12)
    known = (masks.T * probabilities) @ masks
    K = marginal_kernel(kernel)
    assert K.diagonal() == pytest.approx(known.diagonal(), abs=1e-11)
    pairs = np.outer(K.diagonal(), K.diagonal()) - K**2
    np.fill_diagonal(pairs, K.diagonal())
    assert pairs == pytest.approx(known, abs=1e-11)


@pytest.mark.parametrize("name", KERNELS)
def test_a_rescaled_dpp_has_the_size_that_was_asked_for(name):
    kernel, _ = KERNELS[name]
    for size in (1e-3, 0.4 * kernel.rank, kernel.rank - 0.01):
        scaled = kernel.rescaled(size)
        assert np.trace(marginal_kernel(scaled)) == pytest.approx(size, rel=1e-10)
        assert scaled.matrix == pytest.approx(scaled.matrix[0, 0] / kernel.matrix[0, 0] * kernel.matrix, rel=1e-9)
        assert inclusion(scaled, 1) == pytest.approx(inclusion(kernel, 1), abs=1e-13)


def test_wrong_formulas_are_not_that_of_enumeration():
    """Power: the DPP of mean size k instead of the k-DPP, independent pairs, and a kernel that is a little other."""
    L = random_kernel(8)
    kernel, (subsets, probabilities) = Kernel(L), law(L, 3)
    known = inclusions(subsets, probabilities, 8)
    assert np.abs(marginal_kernel(kernel.rescaled(3)).diagonal() - known.diagonal()).max() > 1e-3
    first = inclusion(kernel, 3)
    assert np.abs(np.outer(first, first) - known)[~np.eye(8, dtype=bool)].max() > 1e-2
    assert np.abs(inclusion(Kernel(L + 1e-6 * np.eye(8)), 3) - known.diagonal()).max() > 1e-8


def test_the_difference_of_two_polynomials_would_lose_the_clusters():
    """Power: e_{k-2} without two values as a quotient of differences, as it is often written, fails the same test."""
    values, k = np.array([1.1, 1.1 + 1e-9, 1.7, 4.3, 5.9, 6.1]), 3
    known = pair_inclusion(Kernel.from_diagonal(values), k)
    enumerated = inclusions(*law(np.diag(values), k), 6)
    assert known == pytest.approx(enumerated, abs=1e-14)
    e = lambda left, m: sum(np.prod(S) for S in combinations(left, m))
    without = [e(np.delete(values, n), k - 1) for n in range(6)]
    quotient = values[0] * values[1] * (without[0] - without[1]) / (values[1] - values[0]) / e(values, k)
    assert abs(quotient - enumerated[0, 1]) > 1e-8
    far = values[0] * values[5] * (without[0] - without[5]) / (values[5] - values[0]) / e(values, k)
    assert far == pytest.approx(enumerated[0, 5], abs=1e-13)


@pytest.mark.parametrize("k", [1, 2, 17, 50, 83, 99, 100])
def test_large_kernels_keep_the_sums(k):
    """sum_i P(i) = k and sum_j P(i, j) = k P(i), which hold for any law of k items; 0 <= P(i, j) <= P(i) P(j)."""
    for kernel in (Kernel(smooth_kernel(100, 0.7), jitter=0.01), Kernel.from_diagonal(np.geomspace(1e-8, 1e8, 100))):
        first, second = inclusion(kernel, k), pair_inclusion(kernel, k)
        assert first.sum() == pytest.approx(k, rel=1e-12)
        assert second.sum(1) == pytest.approx(k * first, rel=1e-11, abs=1e-14)
        pairs = ~np.eye(100, dtype=bool)
        assert (second >= 0).all()
        assert (second <= np.outer(first, first) + 1e-14)[pairs].all()


def test_two_copies_are_never_taken_together():
    """Sums of squares: not a rounding of 1e-17, which a difference of large terms would leave."""
    a = np.random.default_rng(0).standard_normal((30, 4))
    a[7] = a[3]
    pairs = pair_inclusion(Kernel.from_features(a), 4)
    assert pairs[3, 7] < 1e-28
    assert np.median(pairs) > 1e-3


def test_nearly_impossible_subsets_keep_their_digits():
    """Items i and j of angle theta: det = sin(theta)^2."""
    for theta in (1e-3, 1e-5, 1e-7):
        features = np.array([[1.0, 0.0, 0.0], [np.cos(theta), np.sin(theta), 0.0], [0.0, 0.0, 1.0]])
        kernel = Kernel.from_features(features)
        total = np.sin(theta) ** 2 + 2
        assert log_probability(kernel, [0, 1]) == pytest.approx(np.log(np.sin(theta) ** 2 / total), abs=1e-8)
        assert pair_inclusion(kernel, 2)[0, 1] == pytest.approx(np.sin(theta) ** 2 / total, rel=1e-8)


def test_shapes_and_limits():
    kernel = Kernel(random_kernel(6))
    assert isinstance(log_probability(kernel, [0, 1]), float)
    assert log_probability(kernel, [[[0, 1, 2], [3, 4, 5]]]).shape == (1, 2)
    assert log_probability(kernel, [4, 1]) == pytest.approx(log_probability(kernel, [1, 4]), abs=1e-13)
    everything = log_probability(kernel, range(6))
    assert everything == pytest.approx(0, abs=1e-12)
    empty = log_probability(kernel, [], fixed_size=False)
    assert empty == pytest.approx(-np.linalg.slogdet(np.eye(6) + kernel.matrix)[1], rel=1e-12)
    low = Kernel.from_features(np.eye(6)[:, :2])
    assert log_probability(low, [0, 1, 2], fixed_size=False) == -np.inf
    assert log_probability(low, [0, 3]) == -np.inf
    assert (pair_inclusion(low, 2) == np.outer(*2 * [[1, 1, 0, 0, 0, 0]])).all()


@pytest.mark.parametrize(
    ("subset", "text"),
    [
        ([0, 0], "must not name an item twice"),
        ([0, 6], "item numbers from 0 to 5"),
        ([-1, 2], "item numbers from 0 to 5"),
        ([True, False, True, False, False, False], r"np.flatnonzero\(mask\)"),
        (2, "item numbers from 0 to 5"),
        ([], "'k' parameter must be a whole number >= 1"),
    ],
)
def test_a_wrong_subset_is_said(subset, text):
    with pytest.raises(ParameterError, match=text):
        log_probability(Kernel(random_kernel(6)), subset)


@pytest.mark.parametrize("function", [inclusion, pair_inclusion])
def test_a_wrong_size_is_said(function):
    low = Kernel.from_features(np.eye(6)[:, :2])
    with pytest.raises(ParameterError, match=r"must be <= 2, the numerical rank of this kernel of 6 items.*jitter"):
        function(low, 3)
    with pytest.raises(ParameterError, match="must be <= 6, the number of items"):
        function(low, 7)
    with pytest.raises(ParameterError, match="whole number >= 1"):
        function(low, 0)
