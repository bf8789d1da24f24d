"""The error under noise outside the data: Monte Carlo, quadrature, limits."""

import math

import numpy as np
import pytest

from practicum import ParameterError
from practicum.theory._error import CODES, generalization_error
from practicum.theory.subspace import blocks_from_weights, noise_error
from theory.quadrature import erf_expectation, relu_moment
from theory.subspace_reference import Networks, z_score

ACTIVATIONS = ["erf", "relu", "linear"]


def measured(n, activation, sigma, scale, labels, count=300_000):
    x = n.inputs(count, scale)
    noisy = x + sigma * n.rng.standard_normal(x.shape) @ n.rest
    return 0.5 * (n.teacher(noisy if labels == "oracle" else x, activation) - n.student(noisy, activation)) ** 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_the_error_is_that_of_noisy_inputs(activation, labels, scale):
    n = Networks(K=3, M=2, d=12, r=3, seed=5)
    blocks = blocks_from_weights(n.W, n.V, n.U, n.a, n.b)
    samples = measured(n, activation, 0.5, scale, labels)
    assert abs(z_score(samples, noise_error(blocks, 0.5, activation, labels=labels, scale=scale))) < 4
    # Power: the other kind of label, noise that is not squared, and the outside taken for the inside are rejected.
    other = "fixed" if labels == "oracle" else "oracle"
    swapped = blocks.outside, blocks.inside
    for wrong in (
        noise_error(blocks, 0.5, activation, labels=other, scale=scale),
        noise_error(blocks, math.sqrt(0.5), activation, labels=labels, scale=scale),
        noise_error(swapped, 0.5, activation, labels=labels, scale=scale),
    ):
        assert abs(z_score(samples, wrong)) > 8


@pytest.mark.parametrize("activation", ["erf", "relu"])
@pytest.mark.parametrize("labels", ["oracle", "fixed"])
def test_the_error_is_the_quadrature_over_noisy_fields(activation, labels):
    n = Networks(K=1, M=1, seed=6)
    w, v, sigma = n.W[0], n.V[0], 0.7
    law = n.U @ n.U.T + sigma**2 * n.rest
    clean = n.U @ n.U.T
    vv, wv = (v @ law @ v, w @ law @ v) if labels == "oracle" else (v @ clean @ v, w @ clean @ v)
    C = np.array([[w @ law @ w, wv], [wv, vv]])
    if activation == "erf":
        moment = lambda i, j: erf_expectation(C, errors=(i, j), fineness=1.5)
    else:
        moment = lambda i, j: relu_moment(C, (i, j), (i, j))
    a, b = n.a[0], n.b[0]
    expected = 0.5 * (a * a * moment(0, 0) - 2 * a * b * moment(0, 1) + b * b * moment(1, 1))
    blocks = blocks_from_weights(n.W, n.V, n.U, n.a, n.b)
    assert noise_error(blocks, sigma, activation, labels=labels) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_limits(activation):
    n = Networks(seed=7)
    blocks = blocks_from_weights(n.W, n.V, n.U, n.a, n.b)
    whole = blocks.seen(1.0)
    isotropic = generalization_error(whole.Q, whole.R, whole.T, n.a, n.b, CODES[activation])
    found = noise_error(blocks, [[0.0, 1.0]], activation)
    assert found.shape == (1, 2)
    assert found[0, 1] == pytest.approx(isotropic, rel=1e-13)
    assert found[0, 0] == noise_error(blocks, 0.0, activation, labels="fixed")
    # A teacher inside the subspace: both kinds of label are one.
    inside = blocks_from_weights(n.W, n.V @ n.U @ n.U.T, n.U, n.a, n.b)
    oracle, fixed = (noise_error(inside, 0.9, activation, labels=labels) for labels in ("oracle", "fixed"))
    assert oracle == pytest.approx(fixed, rel=1e-12)


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        ((-0.1,), {}, "'noise' parameter of noise_error must be >= 0.*0 is no perturbation"),
        (([0.1, math.inf],), {}, "must be finite"),
        ((0.1, "tanh"), {}, "'activation' parameter of noise_error must be one of 'erf', 'relu', 'linear'"),
        ((0.1,), {"labels": "orakle"}, "Did you mean 'oracle'"),
        ((0.1,), {"scale": math.nan}, "'scale' parameter of noise_error must be a finite number"),
    ],
)
def test_a_bad_question_is_a_sentence(arguments, options, sentence):
    n = Networks()
    with pytest.raises(ParameterError, match=sentence):
        noise_error(blocks_from_weights(n.W, n.V, n.U), *arguments, **options)


def test_overlaps_that_are_no_pair_are_a_sentence():
    with pytest.raises(ParameterError, match=r"noise_error needs a pair of OrderParameters.*blocks_from_weights"):
        noise_error(3, 0.1)
