"""The bivariate normal distribution function: quadrature, closed forms, symmetries, correlations near one."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, owens_t

from practicum import ParameterError
from practicum.theory.subspace import bivariate_normal
from theory.subspace_reference import orthant_below


def cases(count=300):
    """Ends and correlations; half of them near +-1, where the ends agree within the width of the conditional law."""
    rng = np.random.default_rng(0)
    for n in range(count):
        h, k = 2 * rng.standard_normal(2)
        gap = 10 ** rng.uniform(-15, 0)
        rho = (1 - gap) * (1 if n % 2 else -1)
        if n % 4 < 2:
            k = math.copysign(1.0, rho) * h + math.sqrt(2 * gap) * rng.standard_normal()
        yield h, k, rho


def test_it_is_the_quadrature_up_to_correlations_of_one():
    worst = max(abs(bivariate_normal(h, k, rho) - orthant_below(h, k, rho)) for h, k, rho in cases())
    assert worst < 2e-13  # what the quadrature can do; against 40 digits the error was 2e-16


def test_forty_digits_agree():
    mp = pytest.importorskip("mpmath")
    mp.mp.dps = 40

    def exact(h, k, rho):
        h, k, end = mp.mpf(h), mp.mpf(k), mp.asin(mp.mpf(rho))
        density = lambda t: mp.exp(-(h * h + k * k - 2 * h * k * mp.sin(t)) / (2 * mp.cos(t) ** 2))
        cuts = [0, *(end * (1 - mp.mpf(2) ** -n) for n in range(1, 60, 3)), end]
        return float(mp.ncdf(h) * mp.ncdf(k) + mp.quad(density, cuts) / (2 * mp.pi))

    for h, k, rho in list(cases())[:60]:
        assert bivariate_normal(h, k, rho) == pytest.approx(exact(h, k, rho), abs=1e-15)


def test_the_textbook_formula_loses_the_digits_that_this_one_keeps():
    """Power: (k - rho h) / sqrt(1 - rho^2) as it stands is off by more than the 1e-10 that is promised."""

    def naive(h, k, rho):
        sine = math.sqrt(1 - rho * rho)
        slopes = (k - rho * h) / (h * sine), (h - rho * k) / (k * sine)
        return 0.5 * (ndtr(h) + ndtr(k)) - owens_t(h, slopes[0]) - owens_t(k, slopes[1]) - (0.5 if h * k < 0 else 0)

    near = [(h, k, rho) for h, k, rho in cases(4000) if 0 < 1 - abs(rho) < 1e-13]
    assert max(abs(naive(*case) - orthant_below(*case)) for case in near) > 1e-10
    assert max(abs(bivariate_normal(*case) - orthant_below(*case)) for case in near) < 2e-13


def test_closed_forms():
    rho = np.array([-1, -1 + 1e-15, -0.3, 0, 0.5, 1 - 1e-12, 1])
    angles = np.arctan2(np.sqrt((1 - rho) * (1 + rho)), rho)
    assert bivariate_normal(0, 0, rho) == pytest.approx(0.5 - angles / (2 * math.pi), abs=3e-16)
    h, k = np.meshgrid([-3, -0.4, 0, 1e-200, 1.2], [-1.0, 0, 1e-300, 0.7, 9])
    assert bivariate_normal(h, k, 0.0) == pytest.approx(ndtr(h) * ndtr(k), abs=3e-16)
    assert bivariate_normal(h, k, 1.0) == pytest.approx(ndtr(np.minimum(h, k)), abs=3e-16)
    assert bivariate_normal(h, k, -1.0) == pytest.approx(np.maximum(ndtr(h) + ndtr(k) - 1, 0), abs=3e-16)
    # Conditional on X = 0 there is a closed form: one end at 0 is P(Y <= k) / 2 plus Owen's T.
    expected = 0.5 * ndtr(k) + owens_t(k, 0.6 / 0.8)
    assert bivariate_normal(0.0, k, 0.6) == pytest.approx(expected, abs=3e-16)


def test_ends_at_infinity():
    assert bivariate_normal(math.inf, 0.3, 0.5) == ndtr(0.3)
    assert bivariate_normal(0.3, math.inf, 1.0) == ndtr(0.3)
    assert bivariate_normal(math.inf, math.inf, -1.0) == 1.0
    assert bivariate_normal(-math.inf, math.inf, -0.5) == 0.0
    assert bivariate_normal(1e308, -1e308, 0.5) == 0.0


def test_symmetries():
    rng = np.random.default_rng(1)
    h, k, rho = rng.standard_normal(500), rng.standard_normal(500), rng.uniform(-1, 1, 500)
    p = bivariate_normal(h, k, rho)
    assert p == pytest.approx(bivariate_normal(k, h, rho), abs=1e-15)
    assert p + bivariate_normal(h, -k, -rho) == pytest.approx(ndtr(h), abs=1e-15)
    assert bivariate_normal(-h, -k, rho) == pytest.approx(1 - ndtr(h) - ndtr(k) + p, abs=1e-15)
    assert ((p >= 0) & (p <= np.minimum(ndtr(h), ndtr(k)) + 1e-15)).all()


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((0, 0, 1 + 1e-15), "must lie between -1 and 1.* clip"),
        ((0, math.nan, 0), "Got NaN"),
        (("a", 0, 0), "needs numbers or arrays"),
    ],
)
def test_bad_ends_are_a_sentence(arguments, sentence):
    with pytest.raises(ParameterError, match=sentence):
        bivariate_normal(*arguments)
