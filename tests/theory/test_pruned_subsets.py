"""Given nodes, random laws and refits: enumeration, quadrature, least squares on drawn inputs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum import OrderParameters, ParameterError, pruned
from practicum.theory._error import CODES, generalization_error
from theory.pruned_reference import a_student, inclusion, kdpp_law, of_subset, output_overlaps, subsets
from theory.subspace_reference import g

ACTIVATIONS = ["erf", "relu", "linear"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("K, M", [(1, 1), (3, 2), (5, 4), (8, 2)])
def test_every_subset_has_the_error_of_what_is_left(activation, K, M):
    o = a_student(K, M, seed=K)
    for k in range(1, K + 1):
        for S in subsets(K, k):
            assert pruned.subset_error(o, S, activation) == pytest.approx(of_subset(o, S, activation), abs=1e-12)
    whole = generalization_error(o.Q, o.R, o.T, o.v, o.v_star, CODES[activation])
    assert pruned.subset_error(o, range(K), activation) == pytest.approx(whole, rel=1e-12)
    _, _, power = output_overlaps(o, activation)
    assert pruned.subset_error(o, [], activation) == pytest.approx(power / 2, rel=1e-12)


def test_a_stack_of_subsets_is_their_errors():
    o = a_student(4, 2)
    masks = np.random.default_rng(0).random((3, 5, 4)) < 0.5
    for refit in ("none", "fuse", "optimal"):
        errors = pruned.subset_error(o, masks, "erf", refit)
        fans = pruned.refit_fan_out(o, masks, "erf", refit)
        assert errors.shape == (3, 5)
        assert fans.shape == masks.shape
        assert pruned.subset_error(o, masks[:0], "erf", refit).shape == (0, 5)
        for place in np.ndindex(3, 5):
            assert errors[place] == pytest.approx(pruned.subset_error(o, masks[place], "erf", refit), abs=1e-15)
            assert pruned.subset_error(o, np.flatnonzero(masks[place]), "erf", refit) == errors[place]
            assert (fans[place][~masks[place]] == 0).all()
            assert errors[place] == pytest.approx(of_subset(o, range(4), "erf", fans[place]), abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("K, M", [(2, 1), (5, 3), (8, 2)])
def test_any_law_needs_two_tables_only(activation, K, M):
    o, rng = a_student(K, M, seed=10 + K), np.random.default_rng(K)
    for k in range(1, K + 1):
        law = rng.dirichlet(np.full(math.comb(K, k), 0.3))
        pi, pairs = inclusion(law, K, k)
        expected = law @ [of_subset(o, S, activation) for S in subsets(K, k)]
        assert pruned.inclusion_error(o, pi, pairs, activation) == pytest.approx(expected, abs=1e-10)
        if 1 < k < K:
            # Power: nodes that stay independently, and a diagonal of pi^2.
            independent = np.outer(pi, pi)
            squared = pairs - np.diag(pi) + np.diag(pi**2)
            np.fill_diagonal(independent, pi)
            assert abs(pruned.inclusion_error(o, pi, independent, activation) - expected) > 1e-4
            with pytest.raises(ParameterError, match="must have pi on its diagonal"):
                pruned.inclusion_error(o, pi, squared, activation)


def test_laws_of_several_sizes_and_stacks_of_laws():
    """Coins for each node, which keep any number of them."""
    o = a_student(4, 3, seed=4)
    chances = np.array([0.1, 0.5, 0.9, 1.0])
    expected = 0.0
    for k in range(5):
        for S in subsets(4, k):
            share = np.prod([c if i in S else 1 - c for i, c in enumerate(chances)])
            expected += share * pruned.subset_error(o, S)
    pairs = np.outer(chances, chances)
    np.fill_diagonal(pairs, chances)
    assert pruned.inclusion_error(o, chances, pairs) == pytest.approx(expected, abs=1e-13)
    everyone = np.ones(4), np.ones((4, 4))
    errors = pruned.inclusion_error(o, np.stack([chances, everyone[0]]), np.stack([pairs, everyone[1]]))
    assert errors == pytest.approx([expected, pruned.subset_error(o, range(4))], abs=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_refit_is_least_squares_on_the_outputs(activation):
    """On drawn inputs; z of every fan-out by the sandwich estimate of its variance."""
    rng, d, S = np.random.default_rng(5), 9, [0, 2, 3]
    J, B = rng.standard_normal((5, d)) / 2, rng.standard_normal((2, d)) / 2
    v, v_star = rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 2)
    o = OrderParameters.from_weights(J, B, v, v_star)
    x = rng.standard_normal((200_000, d))
    X, targets = g(x @ J[S].T, activation), {}
    targets["optimal"], targets["fuse"] = g(x @ B.T, activation) @ v_star, g(x @ J.T, activation) @ v
    for refit, y in targets.items():
        fit, *_ = np.linalg.lstsq(X, y, rcond=None)
        bread = np.linalg.inv(X.T @ X)
        deviations = np.sqrt(np.diag(bread @ (X.T @ (X * ((y - X @ fit) ** 2)[:, None])) @ bread))
        fan = pruned.refit_fan_out(o, S, activation, refit)
        assert (np.abs(fit - fan[S]) < 4 * deviations).all()
        residual = 0.5 * (targets["optimal"] - X @ fan[S]) ** 2
        z = (residual.mean() - pruned.subset_error(o, S, activation, refit)) / (residual.std() / math.sqrt(len(x)))
        assert abs(z) < 4
        # Power: the other target, the old fan-out, and one normal equation in place of all.
        gram, aim, _ = output_overlaps(o, activation)
        other = pruned.refit_fan_out(o, S, activation, "fuse" if refit == "optimal" else "optimal")
        for wrong in (other[S], v[S], aim[S] / np.diag(gram)[S]):
            assert (np.abs(fit - wrong) > 8 * deviations).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(ACTIVATIONS), st.integers(1, 6), st.integers(1, 4))
def test_no_fan_out_beats_the_optimal_refit(seed, activation, K, M):
    rng = np.random.default_rng(seed)
    o = a_student(K, M, seed=seed)
    S = np.flatnonzero(rng.random(K) < 0.6)
    best = pruned.subset_error(o, S, activation, refit=True)
    fan = pruned.refit_fan_out(o, S, activation)
    for other in (o.v, fan + 1e-3 * rng.standard_normal(K), rng.standard_normal(K), np.zeros(K)):
        assert best <= of_subset(o, S, activation, other) + 1e-12
    assert best <= pruned.subset_error(o, S, activation, "fuse") + 1e-14
    # More nodes never fit worse, and all of them fuse to the student itself.
    assert pruned.subset_error(o, range(K), activation, True) <= best + 1e-12
    fused, unpruned = pruned.subset_error(o, range(K), activation, "fuse"), pruned.subset_error(o, range(K), activation)
    assert fused == pytest.approx(unpruned, abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_copies_dead_nodes_and_small_nodes_refit(activation):
    """A singular Gram matrix: copies share what one of them would get, and a node without weights gets nothing."""
    rng = np.random.default_rng(7)
    J, B = rng.standard_normal((3, 8)), rng.standard_normal((2, 8))
    alone = OrderParameters.from_weights(J, B)
    several = OrderParameters.from_weights(np.concatenate([J, J[:1], J[:1], np.zeros((1, 8))]), B)
    found = pruned.subset_error(several, range(6), activation, True)
    assert found == pytest.approx(pruned.subset_error(alone, range(3), activation, True), abs=1e-12)
    fan, one = (pruned.refit_fan_out(o, range(o.students), activation) for o in (several, alone))
    assert fan[[0, 3, 4]] == pytest.approx(np.full(3, one[0] / 3), abs=1e-9)
    assert fan[5] == 0
    # Shrunk by 1e-8, a homogeneous node needs a fan-out 1e8 times as large, and is as good.
    if activation != "erf":
        small = OrderParameters.from_weights(np.diag([1, 1e-8, 1]) @ J, B)
        assert pruned.refit_fan_out(small, range(3), activation) == pytest.approx(one * [1, 1e8, 1], rel=1e-9)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda o: pruned.subset_error(o.Q, [0]), "subset_error needs the OrderParameters of one network"),
        (lambda o: pruned.subset_error(o, [0, 4]), "different indices from 0 to 3"),
        (lambda o: pruned.subset_error(o, [1, 1]), "different indices from 0 to 3"),
        (lambda o: pruned.subset_error(o, [-1]), "different indices from 0 to 3"),
        (lambda o: pruned.subset_error(o, [True, False]), r"booleans of shape \(..., 4\)"),
        (lambda o: pruned.subset_error(o, [0.5]), r"booleans of shape \(..., 4\)"),
        (lambda o: pruned.subset_error(o, [[0], [1, 2]]), r"booleans of shape \(..., 4\)"),
        (lambda o: pruned.subset_error(o, 2), r"booleans of shape \(..., 4\)"),
        (lambda o: pruned.subset_error(o, [0], "tanh"), "'activation' parameter of subset_error"),
        (lambda o: pruned.subset_error(o, [0], refit="best"), "'refit' parameter of subset_error"),
        (lambda o: pruned.refit_fan_out(o, [9]), "'kept' parameter of refit_fan_out"),
        (lambda o: pruned.inclusion_error(o, np.ones(3), np.ones((3, 3))), r"shapes \(..., 4\) and \(..., 4, 4\)"),
        (lambda o: pruned.inclusion_error(o, np.ones(4), np.ones((4, 3))), r"Got \(4,\) and \(4, 3\)"),
        (lambda o: pruned.inclusion_error(o, np.full(4, 1.5), np.ones((4, 4))), "between 0 and 1.*Got 1.5"),
        (lambda o: pruned.inclusion_error(o, [1, np.nan, 1, 1], np.ones((4, 4))), "'pi' parameter .* must be finite"),
        (lambda o: pruned.inclusion_error(o, np.full(4, 0.5), np.ones((4, 4))), "pi on its diagonal"),
        (lambda o: pruned.inclusion_error(o, np.full(4, 0.5), np.eye(4) - 0.5), "cannot stay more often than one"),
        (lambda o: pruned.inclusion_error(o, np.full(4, 0.9), 0.9 * np.eye(4)), "cannot stay more often than one"),
    ],
)
def test_a_bad_question_is_a_sentence(call, sentence):
    with pytest.raises(ParameterError, match=sentence):
        call(a_student())


def test_a_kdpp_is_such_a_law():
    o = a_student(6, 2, seed=12)
    for k in range(1, 7):
        expected = kdpp_law(o.Q, k) @ [of_subset(o, S, "erf") for S in subsets(6, k)]
        assert pruned.inclusion_error(o, *pruned.kdpp_inclusion(o.Q, k)) == pytest.approx(expected, abs=1e-12)
