"""The gradient outside the data, and the robust error to leading order: Monte Carlo, quadrature, attacks, runs."""

import math

import numpy as np
import pytest
import xarray as xr

from practicum import BlockIsotropic, Committee, LearningRule, OrderParameters, ParameterError, simulate, solve
from practicum.theory.subspace import (
    Blocks,
    blocks_from_weights,
    first_order_error,
    linearised_bounds,
    outside_gradient,
    solve_blocks,
)
from theory.quadrature import erf_expectation, relu_moment
from theory.subspace_reference import Networks, g, slope, z_score

ACTIVATIONS = ["erf", "relu", "linear"]


def blocks_of(n):
    return blocks_from_weights(n.W, n.V, n.U, n.a, n.b)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("scale", [0.0, 0.6])
def test_the_gradient_is_that_of_the_networks(activation, labels, scale):
    n = Networks(K=3, M=3, seed=11)
    blocks = blocks_of(n)
    samples = (n.gradient(n.inputs(200_000, scale), activation, labels) ** 2).sum(1)
    theory = outside_gradient(blocks, activation, labels=labels, scale=scale)
    if activation == "linear":  # the gradient is the same everywhere
        assert theory == pytest.approx(samples[0], rel=1e-12)
        return
    assert abs(z_score(samples, theory)) < 4
    assert theory == pytest.approx(samples.mean(), rel=0.01)
    # Power: the other labels, J2 of the wrong fields (isotropic inputs, or the weights outside), overlaps inside.
    inside, outside = blocks
    wrong = [
        outside_gradient(blocks, activation, labels="fixed" if labels == "oracle" else "oracle", scale=scale),
        outside_gradient(blocks, activation, labels=labels, scale=1.0),
        outside_gradient((outside, outside), activation, labels=labels),
        outside_gradient((inside, inside), activation, labels=labels),
    ]
    assert all(abs(z_score(samples, value)) > 6 for value in wrong)


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_the_gradient_is_the_quadrature(activation, labels):
    n = Networks(K=2, M=2, seed=12)
    rows, fans = np.concatenate([n.W, n.V]), np.concatenate([n.a, -n.b])
    C, outside = rows @ n.U @ n.U.T @ rows.T, rows @ n.rest @ rows.T
    count = 4 if labels == "oracle" else 2
    total = 0.0
    for w in range(count):
        for z in range(count):
            if activation == "erf":
                slopes = erf_expectation(C, gates=(w, z))
            else:
                slopes = relu_moment(C, (w, z), ())
            total += fans[w] * fans[z] * outside[w, z] * slopes
    assert outside_gradient(blocks_of(n), activation, labels=labels) == pytest.approx(total, rel=1e-10)


def perfect(seed, K=3, M=3, d=9, r=4):
    """A student that is its teacher on the data, and something else outside."""
    n = Networks(K, M, d, r, seed)
    n.W, n.a = n.V @ n.U @ n.U.T + n.W @ n.rest, n.b.copy()
    return n


def attack(n, x, epsilon, activation, labels, steps=40):
    """max 1/2 (s(x + delta) - t)^2 over |delta| <= epsilon outside the subspace, by projected gradient ascent."""
    delta = n.rng.standard_normal(x.shape) @ n.rest
    delta *= epsilon / np.linalg.norm(delta, axis=1, keepdims=True)
    best = np.zeros(len(x))
    for step in range(steps + 1):
        error = n.student(x + delta, activation) - n.teacher(x + delta if labels == "oracle" else x, activation)
        best = np.maximum(best, 0.5 * error**2)
        pull = error[:, None] * n.gradient(x + delta, activation, labels)
        length = np.linalg.norm(pull, axis=1, keepdims=True)
        delta = delta + epsilon * 2 * (1 - step / steps) * pull / np.where(length > 0, length, 1)
        delta *= np.minimum(1, epsilon / np.maximum(np.linalg.norm(delta, axis=1, keepdims=True), 1e-300))
    return best


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_an_attack_on_a_perfect_student_finds_the_first_order(activation, labels):
    n = perfect(seed=13)
    x, epsilon = n.inputs(20_000), 0.01
    found = attack(n, x, epsilon, activation, labels)
    slopes = 0.5 * epsilon**2 * (n.gradient(x, activation, labels) ** 2).sum(1)
    # On the same inputs: the attack finds the first order, up to kinks and curvature of relative order epsilon.
    assert found.mean() == pytest.approx(slopes.mean(), rel=0.01)
    theory = first_order_error(blocks_of(n), epsilon, activation, labels=labels)
    if activation == "linear":
        assert theory == pytest.approx(slopes[0], rel=1e-12)
    else:
        assert abs(z_score(slopes, theory)) < 4
        assert found.mean() > theory - 4 * slopes.std() / math.sqrt(len(x)) - 0.005 * theory
    # Power: half the step, or the labels of the other kind.
    assert found.mean() > 1.5 * first_order_error(blocks_of(n), epsilon / 2, activation, labels=labels)
    other = "fixed" if labels == "oracle" else "oracle"
    assert abs(first_order_error(blocks_of(n), epsilon, activation, labels=other) / theory - 1) > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_an_imperfect_student_lies_between_the_bounds(activation, labels):
    n = Networks(K=3, M=2, seed=14)
    x = n.inputs(100_000)
    for epsilon in (0.05, 1.0):
        lower, upper = linearised_bounds(blocks_of(n), epsilon, activation, labels=labels)
        error = np.abs(n.student(x, activation) - n.teacher(x, activation))
        worst = 0.5 * (error + epsilon * np.linalg.norm(n.gradient(x, activation, labels), axis=1)) ** 2
        noise = worst.std() / math.sqrt(len(x))
        assert lower - 4 * noise < worst.mean() < upper + 4 * noise
    # Power: neither bound would do in the place of the other.
    assert lower + 4 * noise < worst.mean() < upper - 4 * noise
    perfected = blocks_of(perfect(seed=15))
    lower, upper = linearised_bounds(perfected, 0.1, activation, labels=labels)
    first = first_order_error(perfected, 0.1, activation, labels=labels)
    # The generalization error of a perfect student is rounding, whose root the upper bound holds.
    assert lower == pytest.approx(first, rel=1e-6)
    assert upper == pytest.approx(first, rel=1e-4)


def test_epsilon_may_be_an_array():
    blocks = blocks_of(Networks())
    one = first_order_error(blocks, 1.0)
    found = first_order_error(blocks, [[0.0, 0.5], [1.0, 2.0]])
    assert found == pytest.approx(np.array([[0, 0.25], [1, 4]]) * one, rel=1e-15)
    assert one == 0.5 * outside_gradient(blocks)
    assert isinstance(one, float)


# ---- along a trajectory ----------------------------------------------------------------------------------------------


def states_of(data, K):
    """The pair of overlaps at every point of a Dataset without seeds."""
    for n in range(data.sizes["alpha"]):
        at = data.isel(alpha=n)
        Q, R, T, v = (at[name].values for name in ("Q", "R", "T", "v"))
        out = [at[name + "_outside"].values for name in "QRT"]
        inside = OrderParameters(Q - out[0], R - out[1], T - out[2], v, at.v_star.values)
        yield Blocks(inside, OrderParameters(*out, v, at.v_star.values))


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_the_error_over_training_time_is_that_of_every_state(activation, labels):
    n, scale = Networks(K=2, M=2, seed=16), 0.3
    machine = Committee(students=2, teachers=2, activation=activation)
    rule = LearningRule(learning_rate=0.3, fan_out_learning_rate=0.1)
    run = solve_blocks(machine, rule, blocks_of(n), 5.0, share=0.5, scale=scale, save_at=[0, 1, 5])
    found = first_order_error(run, [0.1, 0.2], labels=labels)
    assert found.dims == ("epsilon", "alpha")
    assert found.name == "first_order_error"
    by_hand = [first_order_error(b, 0.2, activation, labels=labels, scale=scale) for b in states_of(run, 2)]
    assert found.sel(epsilon=0.2).values == pytest.approx(by_hand, rel=1e-11)
    stored = run.outside_gradient.sel(labels=labels)
    assert (0.02 * stored).values == pytest.approx(by_hand, rel=1e-11)
    lower, upper = linearised_bounds(run, 0.2, labels=labels)
    assert (lower <= upper * (1 + 1e-12)).all()
    assert lower.values == pytest.approx((run.generalization_error + 0.02 * stored).values, rel=1e-11)
    # Averages drop the attributes: then the settings have to be said, and give the same.
    bare = run.drop_attrs() if hasattr(run, "drop_attrs") else xr.Dataset(run.data_vars, run.coords)
    said = first_order_error(bare, 0.2, activation, labels=labels, scale=scale)
    xr.testing.assert_allclose(said, found.sel(epsilon=0.2, drop=True))
    with pytest.raises(ParameterError, match=r"pass activation=... and scale=..."):
        first_order_error(bare, 0.2)


def test_paths_of_a_simulation_are_read_likewise():
    n = Networks(K=2, M=2, seed=17)
    blocks, inputs = blocks_of(n), BlockIsotropic(dimension=40, scale=0.25)
    machine, rule = Committee(students=2, teachers=2, activation="relu"), LearningRule(learning_rate=0.2)
    paths = simulate(machine, rule, tuple(blocks), 100, 2.0, seeds=3, save_at=[0, 1, 2], inputs=inputs)
    found = first_order_error(paths, 0.1, labels="fixed")
    assert found.dims == ("seed", "alpha")
    for seed in range(3):
        states = states_of(paths.isel(seed=seed), 2)
        by_hand = [first_order_error(b, 0.1, "relu", labels="fixed", scale=0.25) for b in states]
        assert found.isel(seed=seed).values == pytest.approx(by_hand, rel=1e-11)
    _, upper = linearised_bounds(paths, 0.0)
    assert upper.values == pytest.approx(paths.generalization_error.values, rel=1e-10)
    paths.Q[0, 2], paths.Q_outside[0, 2] = np.nan, np.nan  # as after a divergence
    found = first_order_error(paths, 0.1)
    assert np.isnan(found.values).tolist() == [[False, False, True], [False] * 3, [False] * 3]
    assert float(first_order_error(paths.isel(seed=1, alpha=1), 0.1)) == found.values[1, 1]


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        ((-0.1,), {}, "'epsilon' parameter of first_order_error must be >= 0"),
        ((math.nan,), {}, "'epsilon' parameter of first_order_error must be finite"),
        (("big",), {}, "'epsilon' parameter of first_order_error must be an array of numbers"),
        ((0.1, "sign"), {}, "'activation' parameter of first_order_error must be one of"),
        ((0.1,), {"labels": "both"}, "'labels' parameter of first_order_error must be one of 'oracle', 'fixed'"),
        ((0.1,), {"scale": -1}, "'scale' parameter of first_order_error must be a finite number >= 0"),
    ],
)
def test_a_bad_question_is_a_sentence(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        first_order_error(blocks_of(Networks()), *arguments, **options)


def test_a_dataset_without_an_outside_is_a_sentence():
    machine, rule = Committee(students=1, teachers=1), LearningRule(learning_rate=0.1)
    whole = solve(machine, rule, OrderParameters([[1.0]], [[0.1]]), 1.0, save_at=[1.0])
    with pytest.raises(ParameterError, match=r"needs a Dataset with the overlaps outside .* without Q_outside"):
        first_order_error(whole, 0.1)
    with pytest.raises(ParameterError, match="outside_gradient needs a pair of OrderParameters"):
        outside_gradient(whole.Q.values)


def test_the_referee_has_the_right_derivative():
    u = np.linspace(-2, 2, 8) + 0.01
    for activation in ACTIVATIONS:
        rise = (g(u + 1e-6, activation) - g(u - 1e-6, activation)) / 2e-6
        assert slope(u, activation) == pytest.approx(rise, abs=1e-8)
