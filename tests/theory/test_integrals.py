"""The Gaussian integrals: published digits, independent quadrature on 200 covariances, symmetries, and bad input."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.errors import ParameterError
from practicum.theory.integrals import I2, I3, I4, J2, orthant4
from theory import quadrature

C4 = np.array([[0.5, 0.1, 0.2, 0.05], [0.1, 0.8, -0.1, 0.3], [0.2, -0.1, 1.0, 0.0], [0.05, 0.3, 0.0, 1.0]])
TOLERANCE = 1e-9
BETAS = (0.5, 1.0, 4.0, 12.0)


def patterns(slots):
    """Every way in which `slots` indices coincide or differ: (0, 0, 1, 0) and so on, each once."""
    return [p for p in product(range(slots), repeat=slots) if all(f <= max((-1, *p[:n])) + 1 for n, f in enumerate(p))]


def covariances(count, seed, fields=4):
    """Random covariances of 4 fields with norms around 1, from nearly independent to strongly correlated."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        W = rng.normal(size=(fields, rng.integers(fields + 2, 4 * fields))) * np.exp(0.3 * rng.normal(size=(fields, 1)))
        yield W @ W.T / W.shape[1]


def largest_erf_error(integrals, count, seed):
    """Largest deviation of {"I2": function, ...} from the referee over random covariances, betas and index patterns."""
    worst = 0.0
    for C, beta in product(covariances(count, seed), BETAS):
        for u, v in patterns(2):
            referee = quadrature.erf_expectation(C, errors=(u, v))
            worst = max(worst, abs(integrals["I2"](C, u, v) - referee))
            referee = quadrature.erf_expectation(C, gates=(u, v), beta=beta)
            worst = max(worst, abs(integrals["J2"](C, u, v, "erf", beta) - referee))
        for u, v, w in patterns(3):
            referee = quadrature.erf_expectation(C, (u,), (v,), (w,), beta)
            worst = max(worst, abs(integrals["I3"](C, u, v, w, "erf", beta) - referee))
        for u, v, w, z in patterns(4):
            referee = quadrature.erf_expectation(C, (u, v), (), (w, z), beta)
            worst = max(worst, abs(integrals["I4"](C, u, v, w, z, "erf", beta) - referee))
    return worst


OURS = {"I2": I2, "J2": J2, "I3": I3, "I4": I4}


@pytest.mark.parametrize(
    "value, published, digits",
    [
        (I2(C4, 1, 3), 0.10108262410, 11),
        (J2(C4, 0, 1), 0.38815392578, 11),
        (J2(C4, 0, 1, inverse_temperature=4.0), 0.18049697706, 11),
        (I3(C4, 0, 1, 3), 0.10908606576, 11),
        (I3(C4, 0, 1, 3, inverse_temperature=4.0), 0.07630063094, 11),
        (I4(C4, 0, 1, 2, 3), 0.00152501040, 11),
        (I4(C4, 0, 1, 2, 3, inverse_temperature=4.0), 0.00134540221, 11),
        (I2(C4, 0, 1, "relu"), 0.12691929571, 11),
        (I3(C4, 0, 1, 2, "relu"), -0.00797504542, 11),
        (orthant4(C4), 0.09459116692, 11),
        (I4(C4, 0, 1, 2, 3, "relu"), 0.06981428053, 11),
    ],
)
def test_published_digits(value, published, digits):
    assert abs(value - published) <= 0.5000001 * 10.0**-digits


def test_patterns_are_the_partitions():
    assert [len(patterns(n)) for n in (1, 2, 3, 4)] == [1, 2, 5, 15]


def test_referee_converges():
    """Half the spacing changes the referee by less than it is trusted for, and its one identity holds."""
    for C in covariances(3, seed=10):
        for errors in ((2, 3), (2, 2), (0, 2)):
            coarse = quadrature.erf_expectation(C, (0, 1), (), errors, 12.0)
            fine = quadrature.erf_expectation(C, (0, 1), (), errors, 12.0, fineness=2.0)
            assert abs(coarse - fine) < 1e-11
        m, s = 0.7, 1.3
        x = np.arange(-9.0, 9.0, 0.05)
        averaged = (quadrature.g(m + s * x) * np.exp(-0.5 * x * x)).sum() * 0.05 / math.sqrt(2.0 * math.pi)
        assert abs(averaged - quadrature.g(m / math.sqrt(1.0 + s * s))) < 1e-14


def test_erf_against_quadrature():
    assert largest_erf_error(OURS, 200, seed=20) <= TOLERANCE


def test_beta_inside_the_argument_is_rejected():
    """Power: g'(beta u), which the text of 1995 prints, is g'_beta with beta^2; the comparison must see it."""
    wrong = {
        "I2": I2,
        "J2": lambda C, u, v, a, b: J2(C, u, v, a, b * b),
        "I3": lambda C, u, v, w, a, b: I3(C, u, v, w, a, b * b),
        "I4": lambda C, u, v, w, z, a, b: I4(C, u, v, w, z, a, b * b),
    }
    assert largest_erf_error(wrong, 6, seed=20) > 1e3 * TOLERANCE


def relu_errors(i4, count, seed):
    """Largest deviations of I2, J2, I3 and I4 from the referee, over random covariances and all index patterns."""
    worst = dict.fromkeys(("I2", "J2", "I3", "I4"), 0.0)

    def see(name, value, referee):
        worst[name] = max(worst[name], abs(value - referee))

    for C in covariances(count, seed):
        for u, v in patterns(2):
            see("I2", I2(C, u, v, "relu"), quadrature.relu_moment(C, (u, v), (u, v)))
            see("J2", J2(C, u, v, "relu"), quadrature.relu_moment(C, (u, v), ()))
        for u, v, w in patterns(3):
            referee = quadrature.relu_moment(C, (u, v, w), (v, w))
            if v not in (u, w):  # a linear field is negative half the time
                sign = np.where(np.arange(4) == v, -1.0, 1.0)
                referee -= quadrature.relu_moment(C * np.outer(sign, sign), (u, v, w), (v, w))
            see("I3", I3(C, u, v, w, "relu"), referee)
        for u, v, w, z in patterns(4):
            see("I4", i4(C, u, v, w, z), quadrature.relu_moment(C, (u, v, w, z), (w, z)))
    return worst


def test_relu_against_quadrature():
    assert max(relu_errors(lambda *a: I4(*a, "relu"), 200, seed=30).values()) <= TOLERANCE


def test_relu_without_its_orthant_integral_is_rejected():
    """Power: P4 to first order in the angles, exact for three fields and for independent ones, must be seen."""

    def wrong(C, *fields):
        value = I4(C, *fields, "relu")
        if len(set(fields)) == 4:
            r = C / np.sqrt(np.outer(np.diag(C), np.diag(C)))
            first_order = 1.0 / 16.0 + np.arcsin(r[np.triu_indices(4, 1)]).sum() / (8.0 * math.pi)
            value += C[fields[2], fields[3]] * (first_order - orthant4(C))
        return value

    worst = relu_errors(wrong, 6, seed=30)
    assert worst["I4"] > 1e3 * TOLERANCE
    assert max(worst["I2"], worst["J2"], worst["I3"]) <= TOLERANCE


def test_linear_is_the_covariance():
    assert I2(C4, 1, 3, "linear") == C4[1, 3]
    assert J2(C4, 1, 3, "linear") == 1.0
    assert I3(C4, 0, 1, 3, "linear") == C4[1, 3]
    assert I4(C4, 0, 1, 2, 3, "linear") == C4[2, 3]


weights = st.lists(st.floats(-3.0, 3.0), min_size=24, max_size=24).map(lambda x: np.array(x).reshape(4, 6))
activations = st.sampled_from(["erf", "relu", "linear"])


def gram(W):
    return W @ W.T


@settings(max_examples=150, deadline=None)
@given(weights, activations, st.permutations(range(4)), st.sampled_from(patterns(4)))
def test_names_of_fields_do_not_matter(W, activation, order, fields):
    """Relabelling the fields, and exchanging u with v or w with z, changes rounding only."""
    C = gram(W)
    u, v, w, z = fields
    scale = 1.0 + C.diagonal().max()
    # Parallel fields cost the square root of the rounding error; they have tests of their own.
    tolerance = (3e-8 if np.linalg.det(C) < 1e-8 * scale**4 else 1e-12) * scale
    relabelled = C[np.ix_(order, order)]
    a, b, c, d = (order.index(f) for f in fields)
    assert I2(C, u, v, activation) == I2(C, v, u, activation)
    assert J2(C, u, v, activation) == J2(C, v, u, activation)
    value = I4(C, u, v, w, z, activation)
    for other in (
        I4(C, v, u, w, z, activation),
        I4(C, u, v, z, w, activation),
        I4(relabelled, a, b, c, d, activation),
    ):
        assert abs(value - other) <= tolerance
    assert abs(I3(C, u, v, w, activation) - I3(relabelled, a, b, c, activation)) <= tolerance


@settings(max_examples=100, deadline=None)
@given(weights, st.sampled_from(["relu", "linear"]), st.integers(-8, 8), st.sampled_from(patterns(4)))
def test_homogeneous_activations_scale(W, activation, power, fields):
    """Fields twice as large: outputs twice as large, derivatives the same. Powers of 2 scale without rounding."""
    C, factor = gram(W), 4.0**power
    u, v, w, z = fields
    assert I2(factor * C, u, v, activation) == pytest.approx(factor * I2(C, u, v, activation), rel=1e-13, abs=1e-300)
    assert J2(factor * C, u, v, activation) == pytest.approx(J2(C, u, v, activation), rel=1e-13)
    big, small = I4(factor * C, u, v, w, z, activation), I4(C, u, v, w, z, activation)
    assert big == pytest.approx(factor * small, rel=1e-9, abs=1e-13 * factor * C.diagonal().max() + 1e-300)


@settings(max_examples=100, deadline=None)
@given(weights, st.floats(0.1, 12.0), st.sampled_from(patterns(4)))
def test_erf_flips_with_a_field(W, beta, fields):
    """g is odd and g' even: with w reversed, I2 and I3 change sign; so does I4 unless w = z."""
    C, (u, v, w, z) = gram(W), fields
    sign = np.where(np.arange(4) == w, -1.0, 1.0)
    flipped = C * np.outer(sign, sign)
    odd = 1.0 if w == z else -1.0
    assert I4(flipped, u, v, w, z, "erf", beta) == pytest.approx(odd * I4(C, u, v, w, z, "erf", beta), abs=1e-15)
    assert J2(flipped, u, v, "erf", beta) == J2(C, u, v, "erf", beta)


def test_stacks():
    stack = np.stack([C4, 2.0 * C4, np.eye(4)])
    values = I4(stack, 0, 1, 2, 3)
    assert isinstance(values, np.ndarray)
    assert values.shape == (3,)
    assert values[0] == I4(C4, 0, 1, 2, 3)
    assert np.shape(I2(stack.reshape(1, 3, 4, 4), 0, 1)) == (1, 3)
    assert np.shape(orthant4(stack[:0])) == (0,)
    assert isinstance(I2(C4, 0, 1), float)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: I2([[1.0, np.nan], [np.nan, 1.0]], 0, 1), "must be finite. Got nan at index (0, 1)"),
        (lambda: I2([[1.0, 0.0]], 0, 1), "must have shape (..., n, n)"),
        (lambda: I2([[1.0, 0.5], [0.4, 1.0]], 0, 1), "must be symmetric"),
        (lambda: I2([[1.0, 2.0], [2.0, 1.0]], 0, 1), "must be positive semidefinite"),
        (lambda: I2("covariance", 0, 1), "must be an array of numbers"),
        (lambda: I2(C4, 0, 4), "The 'v' parameter of I2 must be the index of a field, an integer from 0 to 3"),
        (lambda: I3(C4, -1, 0, 1), "The 'u' parameter of I3"),
        (lambda: I4(C4, 0, 1, 2, 1.5), "The 'z' parameter of I4"),
        (lambda: I4(C4, 0, 1, True, 1), "The 'w' parameter of I4"),
        (lambda: I2(C4, 0, 1, "tanh"), "must be one of 'erf', 'relu', 'linear'. Got 'tanh'"),
        (lambda: J2(C4, 0, 1, "erf", 0.0), "must be a finite number > 0. Got 0.0"),
        (lambda: J2(C4, 0, 1, "erf", math.inf), "must be a finite number > 0"),
        (lambda: I4(C4, 0, 1, 2, 3, "relu", 12.0), "must be 1 for activation='relu'"),
        (lambda: I3(C4, 0, 1, 2, "linear", 0.5), "must be 1 for activation='linear'"),
    ],
)
def test_bad_input_is_one_sentence(call, says):
    with pytest.raises(ParameterError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
