"""Kernels with nothing off the diagonal: conditional-Poisson sampling, and independent choices of a mean number.

Their laws are compared with enumeration, and their counts with these laws, in the tests of inclusion and of sampling.
"""

import numpy as np
import pytest

from practicum.pruning import (
    Kernel,
    as_masks,
    greedy_map,
    inclusion,
    marginal_kernel,
    pair_inclusion,
    sample_dpp,
    sample_kdpp,
)


def test_conditional_poisson_sampling_has_the_pairs_of_its_formula():
    """n = 200, k = 60: each pair within 5 standard errors, and together as far below independence as the formula."""
    draws = 20_000
    kernel = Kernel.from_diagonal(np.geomspace(1e-2, 1e2, 200))
    masks = as_masks(sample_kdpp(kernel, 60, draws=draws, seed=3), 200)
    assert (masks.sum(1) == 60).all()
    pairs = pair_inclusion(kernel, 60)
    counts = masks.T.astype(float) @ masks
    often = draws * pairs > 20
    z = (counts - draws * pairs)[often] / np.sqrt(draws * pairs * (1 - pairs))[often]
    assert np.abs(z).max() < 5  # of 15 000 pairs; 4.1 is expected
    middle = slice(60, 160)
    inside = masks[:, middle].sum(1)
    drawn, error = (inside * (inside - 1)).mean(), (inside * (inside - 1)).std() / np.sqrt(draws)
    first, block = pairs.diagonal()[middle], pairs[middle, middle]
    assert abs(drawn - (block.sum() - first.sum())) < 4 * error
    assert abs(drawn - (first.sum() ** 2 - (first**2).sum())) > 10 * error  # power: independent items


def test_independent_choices_of_a_mean_number():
    """A diagonal DPP rescaled: p = c odds / (1 + c odds), with c by bisection here."""
    odds = np.random.default_rng(0).gamma(0.5, size=100)
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        share = 1 / (1 + np.exp(-middle) / odds)
        low, high = (middle, high) if share.sum() < 30 else (low, middle)
    kernel = Kernel.from_diagonal(odds)
    assert marginal_kernel(kernel.rescaled(30)).diagonal() == pytest.approx(share, rel=1e-12)
    masks = sample_dpp(kernel, draws=5000, seed=4, expected_size=30)
    assert np.abs((masks.sum(0) - 5000 * share) / np.sqrt(5000 * share * (1 - share))).max() < 4.5
    both = masks.T.astype(float) @ masks / 5000
    off = ~np.eye(100, dtype=bool)
    assert np.abs((both - np.outer(share, share))[off]).max() < 4.5 * 0.5 / np.sqrt(5000)


def test_a_matrix_without_similarities_is_the_same_kernel():
    odds = np.array([0.0, 3.0, 1.0, 0.2, 5.0, 3.0])
    matrix, diagonal = Kernel(np.diag(odds)), Kernel.from_diagonal(odds)
    for k in (1, 2, 5):
        assert pair_inclusion(matrix, k) == pytest.approx(pair_inclusion(diagonal, k), abs=1e-14)
        assert inclusion(matrix, k) == pytest.approx(inclusion(diagonal, k), abs=1e-14)
        assert (greedy_map(matrix, k) == greedy_map(diagonal, k)).all()
    assert greedy_map(diagonal, 5).tolist() == [4, 1, 5, 2, 3]
    assert marginal_kernel(matrix) == pytest.approx(marginal_kernel(diagonal), abs=1e-15)
    assert diagonal.eigenvectors == pytest.approx(np.eye(6)[:, [4, 1, 5, 2, 3]])
    assert diagonal.matrix.tolist() == np.diag(odds).tolist()
