"""Selectors of nodes: their expected errors against all subsets, with and without a refit."""

import math

import numpy as np
import pytest

from practicum import OrderParameters, ParameterError, pruned
from practicum.theory.pruned import _laws
from practicum.theory.pruned._outputs import states_of
from theory.pruned_reference import a_student, kdpp_law, of_subset, output_overlaps, subsets, z_score
from theory.readable import generalization_error

ACTIVATIONS = ["erf", "relu", "linear"]
REFITS = ["none", "fuse", "optimal"]


def law_of(o, k, selector, kernel=None):
    """P(S) of every subset, by the definition of the selector."""
    K = o.students
    if selector == "dpp":
        return kdpp_law(o.Q if kernel is None else kernel, k)
    if selector == "random":
        return np.full(math.comb(K, k), 1 / math.comb(K, k))
    scores = np.abs(o.v) * (1 if selector == "importance" else np.sqrt(np.diag(o.Q)))
    wins = np.array([scores[list(S)].min() >= np.delete(scores, S).max(initial=-1) for S in subsets(K, k)], dtype=float)
    return wins / wins.sum()


def refitted(o, S, activation, refit):
    """The error of a subset by the normal equations in the open."""
    if refit == "none":
        return of_subset(o, S, activation)
    gram, aim, _ = output_overlaps(o, activation)
    S = list(S)
    target = aim if refit == "optimal" else gram @ o.v
    fan = np.zeros(o.students)
    fan[S] = np.linalg.solve(gram[np.ix_(S, S)], target[S])
    return of_subset(o, S, activation, fan)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("K, M, tied", [(4, 2, False), (6, 3, True)])
def test_every_selector_is_the_average_over_subsets(activation, K, M, tied):
    o = a_student(K, M, seed=20 + K)
    if tied:  # fan-outs that tie by size, not by sign
        o = OrderParameters(o.Q, o.R, o.T, [0.7, -0.7, 0.2, 0.7, -0.2, 0.2], o.v_star)
    for refit in REFITS:
        for k in range(1, K + 1):
            errors = np.array([refitted(o, S, activation, refit) for S in subsets(K, k)])
            for selector in ("random", "importance", "scaled_importance", "dpp"):
                expected = law_of(o, k, selector) @ errors
                found = pruned.node_error(o, k, selector, activation, refit)
                assert found == pytest.approx(expected, abs=1e-10)
    # Power: at k = 2 the selectors differ, all the more from importance by the sign, which is a known slip.
    errors = np.array([of_subset(o, S, activation) for S in subsets(K, 2)])
    signed = np.array([o.v[list(S)].min() >= np.delete(o.v, S).max() for S in subsets(K, 2)], dtype=float)
    laws = [law_of(o, 2, selector) for selector in ("random", "importance", "dpp")]
    if tied:
        laws.append(signed / signed.sum())
    different = [law @ errors for law in laws]
    assert np.diff(np.sort(different)).min() > 5e-4


@pytest.mark.parametrize("kernel", ["outputs", "divnet", "matrix"])
def test_other_kernels(kernel):
    o = a_student(5, 2, seed=31)
    gram, _, _ = output_overlaps(o, "relu")
    powers = np.diag(gram)
    distance = powers[:, None] + powers - 2 * gram
    L = {"outputs": gram, "divnet": np.exp(-10 * distance) + 0.01 * np.eye(5), "matrix": np.diag([3, 1, 4, 1, 5])}[
        kernel
    ]
    if kernel != "matrix":
        assert pruned.node_kernel(o, kernel, "relu") == pytest.approx(L, abs=1e-13)
    for refit in REFITS:
        for k in (1, 3, 4):
            expected = law_of(o, k, "dpp", L) @ [refitted(o, S, "relu", refit) for S in subsets(5, k)]
            given = L if kernel == "matrix" else kernel
            assert pruned.node_error(o, k, "dpp", "relu", refit, kernel=given) == pytest.approx(expected, abs=1e-10)
            lifted = law_of(o, k, "dpp", L + 0.3 * np.eye(5)) @ [refitted(o, S, "relu", refit) for S in subsets(5, k)]
            found = pruned.node_error(o, k, "dpp", "relu", refit, kernel=given, jitter=0.3)
            assert found == pytest.approx(lifted, abs=1e-10)


def test_the_divnet_kernel_is_the_limit_of_samples():
    rng = np.random.default_rng(3)
    J, B = rng.standard_normal((3, 8)) / 2, rng.standard_normal((1, 8))
    x = rng.standard_normal((400_000, 8))
    a = np.maximum(x @ J.T, 0)
    exact = pruned.node_kernel(OrderParameters.from_weights(J, B), "divnet", "relu", bandwidth=3.0, jitter=0.1)
    for i in range(3):
        for j in range(i):
            # By its logarithm, whose samples have a mean.
            assert abs(z_score((a[:, i] - a[:, j]) ** 2, -np.log(exact[i, j]) / 3.0)) < 4
    assert np.diag(exact) == pytest.approx(np.full(3, 1.1))


def test_nodes_that_can_be_exchanged_are_counted_not_listed():
    """Copies, and a symmetric phase: one subset stands for many, and the average is the same."""
    copies = pruned.copies(2, 3, 1.5)
    Q = np.full((6, 6), 0.2) + np.diag(np.full(6, 0.4))
    symmetric = OrderParameters(Q, np.full((6, 2), 0.3))
    mixed = OrderParameters(Q, np.full((6, 2), 0.3), v=[1, 1, 1, 2, 2, 1])
    random = a_student(6, 2, seed=3)
    # Copies of different fan-outs cannot be exchanged, but to a refit they are one node.
    uneven = OrderParameters(copies.Q, copies.R, copies.T, [1, 2, 3, 4, 5, 6], copies.v_star)
    for o, blocks in ((copies, 2), (symmetric, 1), (mixed, 2), (random, 6), (uneven, 6)):
        states = states_of(o)
        found = _laws.exchangeable(states, states.Q)
        assert len(found) == blocks
        assert sorted(node for block in found for node in block) == list(range(6))
        for k in range(1, 7):
            masks, logs = _laws.representatives("test", found, k)
            assert np.exp(logs).sum() == pytest.approx(math.comb(6, k))
            assert (masks.sum(1) == k).all()
            for refit in REFITS:
                listed = np.mean([pruned.subset_error(o, S, "erf", refit) for S in subsets(6, k)])
                assert pruned.node_error(o, k, "random", "erf", refit) == pytest.approx(listed, abs=1e-13)
    # A kernel that tells nodes apart splits the blocks.
    kernel = np.diag([1, 1, 1, 1, 1, 2.0])
    assert len(_laws.exchangeable(states_of(copies), kernel)) == 3
    fifty = pruned.copies(5, 10)
    assert pruned.node_error(fifty, 25, "random", refit=True) < 1e-3  # C(50, 25) = 1e14 subsets
    with pytest.raises(ParameterError, match=r"155117520 different ones.*Take the mean of subset_error"):
        pruned.node_error(a_student(30, 2), 15, "random", refit=True)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_keeping_all_nodes_is_no_pruning(activation):
    o = a_student(4, 3, seed=8)
    unpruned = generalization_error(o.Q, o.R, o.T, o.v, o.v_star, activation)
    for selector in ("random", "importance", "scaled_importance", "dpp"):
        assert pruned.node_error(o, 4, selector, activation) == pytest.approx(unpruned, abs=1e-12)
        assert pruned.node_error(o, 4, selector, activation, "fuse") == pytest.approx(unpruned, abs=1e-12)
        assert pruned.node_error(o, 4, selector, activation, True) < unpruned


def test_diversity_alone_can_be_worse_than_chance():
    """Of the teacher's node and of a long one that does nothing, a k-DPP of Q keeps the long one."""
    o = OrderParameters(np.diag([1.0, 100.0]), [[1.0], [0.0]], v=[1.0, 0.0])
    chance = pruned.node_error(o, 1)
    assert pruned.node_error(o, 1, "dpp") > 1.9 * chance
    assert pruned.node_error(o, 1, "scaled_importance") == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        ((5,), {}, "'k' parameter of node_error must be <= 4, because the student has 4"),
        ((0,), {}, "'k' parameter must be a whole number >= 1"),
        ((2, "best"), {}, "'selector' parameter of node_error"),
        ((2, "rndom"), {}, "Did you mean 'random'"),
        ((2, "dpp", "sign"), {}, "'activation' parameter of node_error"),
        ((2, "dpp", "erf", "all"), {}, "'refit' parameter of node_error"),
        ((2, "dpp"), {"kernel": "Q"}, "'kernel' parameter of node_error must be one of 'weights'"),
        ((2, "dpp"), {"kernel": np.eye(3)}, r"'kernel' parameter of node_error must be of shape \(4, 4\)"),
        ((2, "dpp"), {"kernel": -np.eye(4)}, "positive semidefinite"),
        ((2, "dpp"), {"kernel": np.full((4, 4), np.nan)}, "must be finite"),
        ((2, "dpp"), {"jitter": -0.1}, "'jitter' parameter of node_error"),
    ],
)
def test_a_bad_question_is_a_sentence(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        pruned.node_error(a_student(), *arguments, **options)


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        (("gauss",), {}, "'kernel' parameter of node_kernel"),
        (("divnet",), {"bandwidth": -1}, "'bandwidth' parameter of node_kernel"),
        (("divnet",), {"jitter": True}, "'jitter' parameter of node_kernel"),
    ],
)
def test_a_bad_kernel_is_a_sentence(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        pruned.node_kernel(a_student(), *arguments, **options)
