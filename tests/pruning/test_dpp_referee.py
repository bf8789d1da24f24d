"""DPPy 0.3.3, a second implementation, as a referee; and where it cannot be one."""

import numpy as np
import pytest
from scipy import stats

from practicum.pruning import (
    Kernel,
    inclusion,
    log_probability,
    marginal_kernel,
    pair_inclusion,
    sample_dpp,
    sample_kdpp,
)
from pruning.dpp_reference import random_kernel, smooth_kernel

finite = pytest.importorskip("dppy.finite_dpps", reason="DPPy, the referee of the samplers, is not installed")


def dppys(L, k, draws, seed=0):
    """Draws of DPPy, one matrix of item numbers; a fresh object for each k, since it keeps the table of the first."""
    process, rng = finite.FiniteDPP("likelihood", L=L), np.random.RandomState(seed)
    return np.sort([process.sample_exact_k_dpp(k, random_state=rng) for _ in range(draws)], axis=1)


def two_samples(ours, theirs):
    """p-value that two sets of subsets are of one law: chi-square of the table of counts, rare subsets together."""
    both, which = np.unique(np.concatenate([ours, theirs]), axis=0, return_inverse=True)
    table = np.array([np.bincount(part, minlength=len(both)) for part in np.split(which.ravel(), [len(ours)])])
    rare = table.sum(0) < 20
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(1)])
    return stats.chi2_contingency(table[:, table.sum(0) > 0]).pvalue


def test_both_draw_from_one_law():
    L = random_kernel(8)
    theirs = dppys(L, 3, 20_000)
    assert two_samples(sample_kdpp(Kernel(L), 3, draws=20_000, seed=1), theirs) > 1e-3
    other = Kernel(0.9 * L + 0.1 * np.diag(L.diagonal()))
    assert two_samples(sample_kdpp(other, 3, draws=20_000, seed=1), theirs) < 1e-9  # power


def test_both_draw_from_one_law_of_random_size():
    L = random_kernel(6)
    process, rng = finite.FiniteDPP("likelihood", L=L), np.random.RandomState(0)
    theirs = np.zeros((20_000, 6), bool)
    for row in theirs:
        row[process.sample_exact(random_state=rng)] = True
    assert two_samples(sample_dpp(Kernel(L), draws=20_000, seed=1), theirs) > 1e-3
    assert two_samples(sample_dpp(Kernel(0.9 * L), draws=20_000, seed=1), theirs) < 1e-9  # power
    process.compute_K()
    assert marginal_kernel(Kernel(L)) == pytest.approx(process.K, abs=1e-13)


def test_their_draws_have_our_probabilities():
    """n = 60, k = 20: each item and each pair within 4.5 standard errors; the mean log-probability within 4."""
    L = smooth_kernel(60, 0.5) + 0.01 * np.eye(60)
    kernel, draws = Kernel(L), 3000
    theirs = dppys(L, 20, draws)
    masks = np.zeros((draws, 60))
    np.put_along_axis(masks, theirs, 1.0, axis=1)
    pairs = pair_inclusion(kernel, 20)
    counts = masks.T @ masks
    often = draws * pairs > 20
    z = (counts - draws * pairs)[often] / np.sqrt(draws * pairs * (1 - pairs))[often]
    assert np.abs(z).max() < 4.5
    other = pair_inclusion(Kernel(L, jitter=0.1), 20)
    assert np.abs((counts - draws * other)[often] / np.sqrt(draws * other * (1 - other))[often]).max() > 10  # power
    ours = log_probability(kernel, sample_kdpp(kernel, 20, draws=draws, seed=2))
    known = log_probability(kernel, theirs)
    assert abs(ours.mean() - known.mean()) < 4 * np.sqrt((ours.var() + known.var()) / draws)


@pytest.mark.parametrize("k", [100, pytest.param(200, marks=pytest.mark.slow)])
def test_both_agree_on_784_items_up_to_200(k):
    kernel = Kernel(smooth_kernel(784, dimension=3), jitter=0.01)
    theirs = dppys(kernel.matrix, k, 40)
    ours = log_probability(kernel, sample_kdpp(kernel, k, draws=40, seed=3))
    known = log_probability(kernel, theirs)
    assert abs(ours.mean() - known.mean()) < 4 * np.sqrt((ours.var() + known.var()) / 40)
    first = inclusion(kernel, k)
    spread = np.sqrt(40 * first * (1 - first))
    assert np.abs((np.bincount(theirs.ravel(), minlength=784) - 40 * first) / spread)[spread > 1.5].max() < 4.5


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_where_dppy_fails_this_does_not():
    """Smooth kernels: no jitter, or k above half."""
    for jitter, k in ((0.0, 350), (0.01, 470), (0.01, 706)):
        kernel = Kernel(smooth_kernel(784, dimension=3), jitter)
        with pytest.raises(ValueError, match="probabilities do not sum to 1"):
            dppys(kernel.matrix, k, 20)
        assert (np.diff(sample_kdpp(kernel, k, draws=5), axis=1) > 0).all()


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
def test_where_dppy_is_biased_this_is_not():
    """10^4 L has the k-DPP of L. DPPy's polynomials overflow, and its draws, still of k items, are others."""
    L = smooth_kernel(200, dimension=3) + 0.01 * np.eye(200)
    kernel, k = Kernel(1e4 * L), 100
    first = inclusion(kernel, k)
    assert first == pytest.approx(inclusion(Kernel(L), k), abs=1e-12)
    spread = np.sqrt(100 * first * (1 - first))

    def worst(drawn):
        return np.abs((np.bincount(drawn.ravel(), minlength=200) - 100 * first) / spread)[spread > 1.5].max()

    ours, theirs, unscaled = sample_kdpp(kernel, k, draws=100, seed=4), dppys(1e4 * L, k, 100), dppys(L, k, 100)
    assert worst(ours) < 4.5
    assert worst(unscaled) < 4.5
    assert worst(theirs) > 10
    known = log_probability(kernel, ours)
    assert log_probability(kernel, theirs).mean() < known.mean() - 30 * known.std() / np.sqrt(100)
