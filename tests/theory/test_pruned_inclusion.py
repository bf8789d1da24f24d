"""Inclusion probabilities against counting all subsets, in exact arithmetic where a limit is taken."""

import math
from fractions import Fraction

import numpy as np
import pytest

from practicum import ParameterError, pruned
from theory.pruned_reference import inclusion, kdpp_law, subsets


def a_kernel(K, rank=None, seed=0):
    X = np.random.default_rng(seed).standard_normal((K, rank or K + 2))
    return X @ X.T


@pytest.mark.parametrize("K", range(1, 10))
def test_a_kdpp_keeps_what_counting_says(K):
    L = a_kernel(K, seed=K)
    for k in range(1, K + 1):
        pi, pairs = inclusion(kdpp_law(L, k), K, k)
        found = pruned.kdpp_inclusion(L, k)
        assert found.pi == pytest.approx(pi, abs=1e-12)
        assert found.pi_pairs == pytest.approx(pairs, abs=1e-12)
        assert found.pi_pairs.diagonal() == pytest.approx(found.pi, abs=0)
        if 1 < k < K:  # power: another kernel, and the marginals of independent nodes
            assert np.abs(pruned.kdpp_inclusion(L @ L, k).pi - pi).max() > 1e-3
            assert np.abs(np.outer(pi, pi) - pairs)[~np.eye(K, dtype=bool)].max() > 1e-3


@pytest.mark.parametrize("rank", [1, 2, 3, 5])
def test_the_limit_of_a_small_jitter_is_exact(rank):
    """Integers and epsilon = 10^-14 in exact arithmetic: what is left is of order epsilon."""
    X = np.random.default_rng(rank).integers(-3, 4, (6, rank))
    L = X @ X.T
    assert np.linalg.matrix_rank(L) == rank
    for k in range(1, 7):
        exact = inclusion(kdpp_law(L, k, Fraction(1, 10**14)), 6, k)
        found = pruned.kdpp_inclusion(L, k)
        assert found.pi == pytest.approx(exact[0], abs=1e-11)
        assert found.pi_pairs == pytest.approx(exact[1], abs=1e-11)
        half = inclusion(kdpp_law(L, k, Fraction(1, 2)), 6, k)
        lifted = pruned.kdpp_inclusion(L, k, jitter=0.5)
        assert lifted.pi == pytest.approx(half[0], abs=1e-12)
        assert lifted.pi_pairs == pytest.approx(half[1], abs=1e-12)
        if k < 6 and rank > 1:  # power
            assert np.abs(half[1] - exact[1]).max() > 1e-3


def test_a_kernel_of_zeros_and_one_of_equal_nodes_keep_any():
    for L in (np.zeros((5, 5)), np.eye(5), np.ones((5, 5)), 1e-200 * np.eye(5), 1e200 * np.eye(5)):
        for k in range(1, 6):
            found, uniform = pruned.kdpp_inclusion(L, k), pruned.uniform_inclusion(5, k)
            assert found.pi == pytest.approx(uniform.pi, abs=1e-13)
            assert found.pi_pairs == pytest.approx(uniform.pi_pairs, abs=1e-13)


@pytest.mark.parametrize("jitter", [0.0, 0.01])
def test_many_nodes_of_a_smooth_kernel_obey_the_sum_rules(jitter):
    """exp(-10 (x - y)^2) on 60 points: eigenvalues from 20 down to rounding, e_k down to 1e-100 and less."""
    x = np.linspace(0, 1, 60)
    L = np.exp(-10 * (x[:, None] - x) ** 2)
    for k in (1, 2, 7, 30, 59, 60):
        pi, pairs = pruned.kdpp_inclusion(L, k, jitter)
        assert pi.sum() == pytest.approx(k, rel=1e-10)
        assert pairs.sum(1) == pytest.approx(k * pi, rel=1e-9)
        assert (pairs >= 0).all()
        # Eigenvectors of eigenvalues near 1e-10 of the largest are known to 1e-16 / 1e-10.
        assert pi == pytest.approx(pi[::-1], abs=1e-6 if jitter == 0 else 1e-9)
    # Neighbours repel: they stay together less often than if they were independent.
    pi, pairs = pruned.kdpp_inclusion(L, 5, jitter)
    assert pairs[30, 31] < 0.25 * pi[30] * pi[31]


def test_uniform_subsets_are_counted():
    for K in range(1, 7):
        for k in range(1, K + 1):
            law = np.full(math.comb(K, k), 1 / math.comb(K, k))
            for found, counted in zip(pruned.uniform_inclusion(K, k), inclusion(law, K, k)):
                assert found == pytest.approx(counted, abs=1e-15)


@pytest.mark.parametrize(
    "scores", [[3, 1, 2, 5], [1, 1, 1, 1], [2, 1, 1, 1, 0], [0, 0, 0], [1, 2, 2, 3, 3, 3], [1, 1 + 1e-15, 1 - 1e-15]]
)
def test_importance_averages_over_ties(scores):
    K = len(scores)
    rounded = np.round(scores, 9)
    for k in range(1, K + 1):
        best = max(sum(rounded[list(S)]) for S in subsets(K, k))
        winners = np.array([sum(rounded[list(S)]) == best for S in subsets(K, k)], dtype=float)
        pi, pairs = inclusion(winners / winners.sum(), K, k)
        found = pruned.importance_inclusion(scores, k)
        assert found.pi == pytest.approx(pi, abs=1e-14)
        assert found.pi_pairs == pytest.approx(pairs, abs=1e-14)
    stacked = pruned.importance_inclusion([scores, scores[::-1]], 1)
    assert stacked.pi_pairs.shape == (2, K, K)
    assert np.array_equal(stacked.pi[1], stacked.pi[0, ::-1])


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pruned.uniform_inclusion(3, 4), "'k' parameter of uniform_inclusion must be <= 3.*Got 4"),
        (lambda: pruned.uniform_inclusion(3, 0), "'k' parameter must be a whole number >= 1"),
        (lambda: pruned.uniform_inclusion(3, 1.0), "'k' parameter must be a whole number"),
        (lambda: pruned.kdpp_inclusion(np.eye(3), 4), "'k' parameter of kdpp_inclusion must be <= 3"),
        (lambda: pruned.kdpp_inclusion([[1, np.nan], [np.nan, 1]], 1), r"must be finite. Got nan at index \(0, 1\)"),
        (lambda: pruned.kdpp_inclusion([[1, 2], [2, 1]], 1), "positive semidefinite.*Got a smallest eigenvalue of -1"),
        (lambda: pruned.kdpp_inclusion([[1, 0.5], [0, 1]], 1), "must be symmetric.*asymmetry of 0.5"),
        (lambda: pruned.kdpp_inclusion(np.ones((2, 3)), 1), r"must be square.*Got shape \(2, 3\)"),
        (lambda: pruned.kdpp_inclusion("Q", 1), "must be an array of numbers"),
        (lambda: pruned.kdpp_inclusion(np.eye(2), 1, -1), "'jitter' parameter of kdpp_inclusion"),
        (lambda: pruned.kdpp_inclusion(np.eye(2), 1, np.inf), "'jitter' parameter of kdpp_inclusion"),
        (lambda: pruned.importance_inclusion([1, np.inf], 1), "'scores' parameter .* must be finite"),
        (lambda: pruned.importance_inclusion([1, 2], 3), "'k' parameter of importance_inclusion must be <= 2"),
        (lambda: pruned.importance_inclusion(3.0, 1), "'scores' parameter of importance_inclusion"),
    ],
)
def test_a_bad_question_is_a_sentence(call, sentence):
    with pytest.raises(ParameterError, match=sentence):
        call()
