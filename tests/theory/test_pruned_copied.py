"""Copies of teacher nodes: the closed forms, the published table, and what holds of the paper's statements."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from practicum import ParameterError, pruned
from theory.pruned_reference import inclusion, kdpp_law, of_subset, subsets

ACTIVATIONS = ["erf", "relu", "linear"]

# M = 2, Z = 3, v_star = 4, erf: by nodes kept, or the share of weights. Every digit is compared; of 0.5555 see below.
KEPT, SHARES = [1, 2, 3, 4], [0.166, 0.332, 0.5, 0.666]
TABLE = {
    "random_node": ["3.852", "2.60741", "1.600", "0.82963"],
    "importance_node": ["3.852", "2.60741", "1.600", "0.82963"],  # ties: it is random
    "dpp_node": ["3.852", "2.37037", "1.48148", "0.79012"],
    "random_edge": ["3.760", "2.578", "1.659", "0.951"],
    "dpp_edge": ["2.412", "1.211", "0.5555", "0.206"],
    "magnitude_edge": ["2.339", "1.069", "0.417", "0.119"],
}


def test_the_published_table_to_all_its_digits():
    found = pruned.selector_errors(pruned.copies(2, 3, 4.0), KEPT, list(TABLE), "none", fractions=SHARES)
    for selector, row in TABLE.items():
        for k, printed in zip(KEPT, row):
            value = found.generalization_error.sel(selector=selector, kept=k).item()
            digits = len(printed.split(".")[1])
            assert f"{value:.{digits}f}" == printed
            # Power: k / K in place of the printed share is another number.
            if selector.endswith("edge") and k == 1:
                other = pruned.edge_error(pruned.copies(2, 3, 4.0), k / 6, selector.removesuffix("_edge"))
                assert f"{other:.3f}" != printed


def test_the_one_digit_that_differs():
    """Half the weights by a DPP: 0.55546, listed as 0.556, which is 0.5555 rounded once more. By quadrature here."""
    w, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    odds = brentq(lambda x: weights @ (x * w**2 / (1 + x * w**2)) - 0.5, 0.1, 100)
    pi = odds * w**2 / (1 + odds * w**2)
    a, b = weights @ (w**2 * pi), weights @ (w * pi) ** 2
    own, other, target = a / (1 + a), b / (1 + a), a / math.sqrt(2 * (1 + a))
    expected = 16 * (1 / 3 + 2 / math.pi * (math.asin(own) / 3 + 2 * math.asin(other) / 3 - 2 * math.asin(target)))
    assert pruned.edge_error(pruned.copies(2, 3, 4.0), 0.5, "dpp") == pytest.approx(expected, abs=1e-6)
    assert f"{expected:.5f} {expected:.4f} {expected:.3f}" == "0.55546 0.5555 0.555"


@pytest.mark.parametrize("M, Z", [(2, 3), (3, 2), (1, 4), (4, 1)])
def test_survivors_of_each_teacher_node_are_all_that_matters(M, Z):
    o = pruned.copies(M, Z, 1.7)
    for k in range(1, M * Z + 1):
        for S in subsets(M * Z, k):
            m = np.bincount([i // Z for i in S], minlength=M)
            found = pruned.copies_subset_error(m, Z, 1.7)
            assert found == pytest.approx(1.7**2 / 6 * ((1 - m / Z) ** 2).sum(), abs=1e-15)
            assert found == pytest.approx(of_subset(o, S, "erf"), abs=1e-14)
            lost = 1.7**2 / 6 * (m == 0).sum()
            assert pruned.copies_subset_error(m, Z, 1.7, refit=True) == pytest.approx(lost, abs=1e-15)
            for activation in ACTIVATIONS:
                for refit in ("none", "optimal", "fuse"):
                    closed = pruned.copies_subset_error(m, Z, 1.7, activation, refit)
                    assert pruned.subset_error(o, S, activation, refit) == pytest.approx(closed, abs=1e-13)
    stack = pruned.copies_subset_error([[[0] * M, [Z] * M]], Z)
    assert stack.shape == (1, 2)
    assert stack[0, 1] == 0


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("M, Z", [(2, 3), (3, 2), (1, 4), (4, 1), (2, 1)])
def test_expected_errors_are_averages_over_subsets(M, Z, activation):
    """Of the DPP with a jitter of 1e-7 by minors: what is left of it is of that order."""
    o, K = pruned.copies(M, Z, 1.7), M * Z
    for k in range(1, K + 1):
        laws = {"random": np.full(math.comb(K, k), 1 / math.comb(K, k)), "dpp": kdpp_law(o.Q, k, 1e-7)}
        laws["importance"] = laws["random"]
        survivors = [np.bincount([i // Z for i in S], minlength=M) for S in subsets(K, k)]
        for refit in ("none", "optimal", "fuse"):
            errors = pruned.copies_subset_error(survivors, Z, 1.7, activation, refit)
            for selector, law in laws.items():
                closed = pruned.copies_error(M, Z, k, selector, 1.7, activation, refit)
                assert closed == pytest.approx(law @ errors, abs=2e-6 if selector == "dpp" else 1e-13)
                general = pruned.node_error(o, k, selector, activation, refit)
                assert general == pytest.approx(closed, abs=1e-13)


def test_the_stated_formulas():
    c, M, Z = 1 / 6, 5, 4
    K = M * Z
    for k in range(1, K + 1):
        random = c * M * ((1 - k / K) ** 2 + k / M * (1 - 1 / M) * (K - k) / (K - 1) / Z**2)
        assert pruned.copies_error(M, Z, k, "random") == pytest.approx(random, abs=1e-15)
        if k <= M:
            dpp = c * (M - k + k * (1 - 1 / Z) ** 2)
        else:
            rest, others = k - M, K - M
            variance = rest / M * (1 - 1 / M) * (others - rest) / (others - 1)
            dpp = c * M * ((Z - 1) / Z) ** 2 * ((1 - rest / others) ** 2 + variance / (Z - 1) ** 2)
        assert pruned.copies_error(M, Z, k, "dpp") == pytest.approx(dpp, abs=1e-15)
        assert pruned.copies_error(M, Z, k, "dpp", refit=True) == pytest.approx(c * max(M - k, 0), abs=1e-15)
        lost = M * math.comb(K - Z, k) / math.comb(K, k)
        assert pruned.copies_error(M, Z, k, "random", refit=True) == pytest.approx(c * lost, rel=1e-13)


def test_diverse_copies_never_err_more_than_random_ones():
    for M in range(1, 8):
        for Z in range(1, 8):
            for k in range(1, M * Z + 1):
                dpp, random = (pruned.copies_error(M, Z, k, selector) for selector in ("dpp", "random"))
                assert dpp <= random + 1e-15
                # Equal where there is no choice: one node, all but one, one teacher node, or no copies.
                if 1 < k < M * Z - 1 and M > 1 and Z > 1:
                    assert dpp < random - 1e-6


def test_the_refit_reverses_the_order_from_k_equal_m_on():
    o = pruned.copies(2, 3, 4.0)
    for k in range(2, 6):
        assert pruned.node_error(o, k, "dpp", refit=True) < 1e-14
        edges = [pruned.edge_error(o, k / 6, s, refit=True) for s in ("random", "rescaled", "magnitude", "dpp")]
        assert min(edges) > 1e-3
    # With fewer nodes than the teacher has, edges that look at the weights stay ahead.
    assert pruned.node_error(o, 1, "dpp", refit=True) == pytest.approx(16 / 6)
    assert (
        pruned.edge_error(o, 1 / 6, "dpp", refit=True) < pruned.edge_error(o, 1 / 6, "magnitude", refit=True) < 16 / 6
    )
    assert pruned.edge_error(o, 1 / 6, "random", refit=True) > 16 / 6


def test_a_jitter_of_one_percent_is_seen():
    """The kernel of activations that is used in practice, exp(-10 d^2) + 0.01 I, is close to the limit, not at it."""
    o = pruned.copies(2, 3, 4.0)
    for k, printed in zip(KEPT, (3.852, 2.370, 1.481, 0.790)):
        near = pruned.node_error(o, k, "dpp", kernel="divnet")
        assert near == pytest.approx(printed, rel=0.01)
        assert near == pytest.approx(pruned.node_error(o, k, "dpp", jitter=0.01), rel=0.01)
    law = kdpp_law(o.Q, 2, 0.01)
    pi, pairs = inclusion(law, 6, 2)
    assert pruned.node_error(o, 2, "dpp", jitter=0.01) == pytest.approx(pruned.inclusion_error(o, pi, pairs), abs=1e-13)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pruned.copies(0, 3), "'M' parameter must be a whole number >= 1"),
        (lambda: pruned.copies(2, 1.5), "'Z' parameter must be a whole number >= 1"),
        (lambda: pruned.copies(2, 3, math.nan), "'v_star' parameter of copies must be finite"),
        (lambda: pruned.copies(2, 3, [1, 2]), "'v_star' parameter of copies"),
        (lambda: pruned.copies_error(2, 3, 7), "'k' parameter of copies_error must be <= 6"),
        (lambda: pruned.copies_error(2, 3, 0), "'k' parameter must be a whole number >= 1"),
        (lambda: pruned.copies_error(2, 3, 1, "kdpp"), "'selector' parameter of copies_error.*Did you mean 'dpp'"),
        (lambda: pruned.copies_subset_error([1, 4], 3), "whole numbers from 0 to 3"),
        (lambda: pruned.copies_subset_error([1, 0.5], 3), "whole numbers from 0 to 3"),
        (lambda: pruned.copies_subset_error(2, 3), "one a teacher node"),
    ],
)
def test_a_bad_question_is_a_sentence(call, sentence):
    with pytest.raises(ParameterError, match=sentence):
        call()
