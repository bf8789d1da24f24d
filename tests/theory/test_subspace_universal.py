"""The error after one and the same step from every input: Monte Carlo, quadrature, closed forms, limits."""

import math

import numpy as np
import pytest

from practicum import OrderParameters, ParameterError
from practicum.theory._error import CODES, generalization_error
from practicum.theory.subspace import blocks_from_weights, outside_gradient, universal_direction, universal_error
from theory.subspace_reference import Networks, g, graded, slope, z_score

ACTIVATIONS = ["erf", "relu", "linear"]


def blocks_of(n):
    return blocks_from_weights(n.W, n.V, n.U, n.a, n.b)


def a_direction(n):
    direction = n.rest @ n.rng.standard_normal(len(n.rest))
    return direction / np.linalg.norm(direction)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("epsilon, scale", [(0.8, 0.0), (3.0, 0.0), (1.5, 0.4)])
def test_the_error_is_that_of_the_shifted_inputs(activation, labels, epsilon, scale):
    n = Networks(K=3, M=2, seed=21)
    direction = n.rest @ (n.a @ n.W + n.b @ n.V)  # one that matters to both
    direction /= np.linalg.norm(direction)
    x = n.inputs(200_000, scale)
    moved = x + epsilon * direction
    target = n.teacher(moved if labels == "oracle" else x, activation)
    samples = 0.5 * (target - n.student(moved, activation)) ** 2

    def theory(labels=labels, epsilon=epsilon, to=direction):
        to = to / np.linalg.norm(to)
        return universal_error(blocks_of(n), epsilon, n.W @ to, n.V @ to, activation, labels=labels, scale=scale)

    assert abs(z_score(samples, theory())) < 4
    # Power: the other labels, a step half as long, and one in another direction are rejected.
    other = "fixed" if labels == "oracle" else "oracle"
    for wrong in (theory(labels=other), theory(epsilon=epsilon / 2), theory(to=n.rest @ n.W[0])):
        assert abs(z_score(samples, wrong)) > 6


def pair_by_quadrature(C, c, activation):
    """<g(u + c_0) g(v + c_1)> by Gauss-Legendre, given u: over v in closed form for erf, from the kink on for ReLU."""
    one = math.sqrt(C[0, 0])
    rest = math.sqrt(C[1, 1] - C[0, 1] ** 2 / C[0, 0])
    low = -12.0 if activation == "erf" else max(-12.0, -c[0] / one)
    x, weights = graded(low, 12.0, -c[1] * one / C[0, 1])
    mean = c[1] + C[0, 1] / one * x
    if activation == "erf":
        inner = g(mean / math.sqrt(1 + rest**2), "erf")
    else:
        y = mean / rest
        inner = mean * 0.5 * (1 + g(y, "erf")) + rest * np.exp(-(y**2) / 2) / math.sqrt(2 * math.pi)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return float((weights * density * g(c[0] + one * x, activation) * inner).sum())


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("angle", [1.1, 1e-2, math.pi - 1e-2])
def test_the_moment_of_two_nodes_is_the_quadrature(activation, angle):
    for q, p, c in ((0.7, 1.9, (0.4, -0.8)), (3.0, 0.2, (-2.0, 1.5)), (1.0, 1.0, (0.0, 0.0)), (0.5, 2.0, (6.0, 5.0))):
        w, v = math.sqrt(q) * np.array([1, 0]), math.sqrt(p) * np.array([math.cos(angle), math.sin(angle)])
        # Two students of fan-out 1 and a teacher of fan-out 0: the cross term is what is left of three errors.
        inside = OrderParameters.from_weights([w, v], [[1.0, 0.0]], v_star=[0.0])
        big = OrderParameters(np.outer(c, c), np.zeros((2, 1)), np.zeros((1, 1)), v_star=[0.0])

        def error(fans, inside=inside, big=big, c=c):
            pair = [OrderParameters(b.Q, b.R, b.T, fans, [0.0]) for b in (inside, big)]
            return universal_error(pair, 1.0, c, [0.0], activation)

        found = error([1, 1]) - error([1, 0]) - error([0, 1])
        expected = pair_by_quadrature(np.array([[w @ w, w @ v], [w @ v, v @ v]]), c, activation)
        assert found == pytest.approx(expected, abs=1e-12)
        alone = pair_by_quadrature(q * np.array([[1, 1 - 1e-15], [1 - 1e-15, 1]]), (c[0], c[0]), "erf")
        if activation == "erf":
            assert 2 * error([1, 0]) == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_limits(activation):
    n = Networks(K=2, M=2, seed=22)
    blocks, direction = blocks_of(n), a_direction(n)
    W, V = n.W @ direction, n.V @ direction
    inside = blocks.inside
    still = generalization_error(inside.Q, inside.R, inside.T, n.a, n.b, CODES[activation])
    found = universal_error(blocks, [[0.0], [1.0]], W, V, activation)
    assert found.shape == (2, 1)
    assert found[0, 0] == pytest.approx(still, rel=1e-13)
    assert found[1, 0] == universal_error(blocks, 1.0, W, V, activation)
    far = universal_error(blocks, 1e9, W, V, activation)
    if activation == "erf":  # every node is saturated
        assert far == pytest.approx(0.5 * (n.a @ np.sign(W) - n.b @ np.sign(V)) ** 2, rel=1e-7)
    else:  # homogeneous
        limit = 0.5 * (n.a @ g(W, activation) - n.b @ g(V, activation)) ** 2
        assert far / 1e18 == pytest.approx(limit, rel=1e-7)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_small_step_costs_the_gradient_along_it(activation):
    """A perfect student with one direction outside: the second order is the gradient of `outside_gradient`."""
    n = Networks(K=2, M=2, d=5, r=4, seed=23)
    n.W, n.a = n.V @ n.U @ n.U.T + n.W @ n.rest, n.b.copy()
    direction, step = np.linalg.svd(n.rest)[0][:, 0], 1e-4
    error = universal_error(blocks_of(n), step, n.W @ direction, n.V @ direction, activation)
    assert error / (0.5 * step**2) == pytest.approx(outside_gradient(blocks_of(n), activation), rel=2e-3)


def test_students_that_see_nothing_of_the_data_are_constants():
    n = Networks(K=2, M=1, seed=24)
    n.W[0] = n.rest @ n.W[0]
    n.W[0] -= n.U @ (n.U.T @ n.W[0])
    direction = a_direction(n)
    blocks = blocks_of(n)
    zero = OrderParameters(np.diag([0.0, blocks.inside.Q[1, 1]]), [[0.0], blocks.inside.R[1]], blocks.inside.T)
    zero = OrderParameters(zero.Q, zero.R, zero.T, n.a, n.b)
    x = n.inputs(200_000)
    moved = x + 2.0 * direction
    for activation in ("erf", "relu"):
        samples = 0.5 * (n.teacher(moved, activation) - n.student(moved, activation)) ** 2
        value = universal_error((zero, blocks.outside), 2.0, n.W @ direction, n.V @ direction, activation)
        assert abs(z_score(samples, value)) < 4
        assert value == pytest.approx(
            universal_error(blocks, 2.0, n.W @ direction, n.V @ direction, activation), rel=1e-9
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_direction_raises_the_mean_output_most(activation):
    n = Networks(K=4, M=2, d=9, r=4, seed=25)
    direction = universal_direction(n.W, n.U, n.a, activation)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-14)
    assert np.abs(n.U.T @ direction).max() < 1e-14
    mean = ((slope(n.inputs(400_000) @ n.W.T, activation) * n.a) @ n.W @ n.rest).mean(0)
    assert direction == pytest.approx(mean / np.linalg.norm(mean), abs=0.01)
    # Power: fan-outs forgotten, or the inside not taken away.
    assert np.abs(universal_direction(n.W, n.U) - direction).max() > 0.05
    assert np.abs(n.a @ n.W / np.linalg.norm(n.a @ n.W) - direction).max() > 0.05


def test_a_student_inside_the_subspace_has_no_direction():
    n = Networks()
    with pytest.raises(ParameterError, match="mean gradient outside the data is not zero"):
        universal_direction(n.W @ n.U @ n.U.T, n.U)


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        ((-1.0, None), {}, "'epsilon' parameter of universal_error must be >= 0"),
        ((1.0, [1.0]), {}, "'student_along' parameter of universal_error must have 3 entries"),
        ((1.0, None, [0.0]), {}, "'teacher_along' parameter of universal_error must have 2 entries"),
        ((1.0, [9.0, 0, 0]), {}, "no unit vector has components that large"),
        ((1.0, None, None, "sign"), {}, "'activation' parameter of universal_error"),
        ((1.0, None), {"labels": "old"}, "'labels' parameter of universal_error"),
        ((1.0, None), {"scale": -1}, "'scale' parameter of universal_error"),
    ],
)
def test_a_bad_question_is_a_sentence(arguments, options, sentence):
    n = Networks()
    epsilon, along, *rest = arguments
    defaults = [n.W @ a_direction(n), np.zeros(2)]
    given = [d if value is None else value for d, value in zip(defaults, [along, *rest, None], strict=False)]
    with pytest.raises(ParameterError, match=sentence):
        universal_error(blocks_of(n), epsilon, *given, *rest[1:], **options)
