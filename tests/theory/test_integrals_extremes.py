"""The Gaussian integrals where formulas lose digits: large norms (erf) and nearly dependent fields (ReLU)."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from practicum.theory import _relu
from practicum.theory._dependent import singular_anatomy
from practicum.theory._orthant import anatomy
from practicum.theory._products import difference_of_products
from practicum.theory._relu_moments import root_minor
from practicum.theory.integrals import I2, I3, I4, J2, orthant4
from theory import quadrature
from theory.test_integrals import covariances

# --- erf at large norms: rational arithmetic is the referee ------------------------------------------------------


def determinants(C, u, v, w, z):
    """Lambda_0 ... Lambda_4 of Saad & Solla (1995) at beta = 1, in whatever arithmetic C is made of."""
    a, b = 1 + C[u][u], 1 + C[v][v]
    four = a * b - C[u][v] * C[u][v]

    def tilted(x, y):
        cross = C[u][v] * (C[u][x] * C[v][y] + C[u][y] * C[v][x])
        return four * C[x][y] - C[v][x] * C[v][y] * a - C[u][x] * C[u][y] * b + cross

    return tilted(w, z), four + tilted(w, w), four + tilted(z, z), four


def textbook_i4(C, u, v, w, z):
    """I4 as the appendix of Saad & Solla (1995) prints it, in floating point."""
    zero, one, two, four = determinants(C.tolist(), u, v, w, z)
    if four <= 0.0 or one <= 0.0 or two <= 0.0:
        return math.nan
    return 4.0 / math.pi**2 / math.sqrt(four) * math.asin(min(1.0, max(-1.0, zero / math.sqrt(one * two))))


def exact_i4(C, u, v, w, z):
    """The same determinants in rational arithmetic; only the last root and arctangent are rounded."""
    zero, one, two, four = determinants([[Fraction(x) for x in row] for row in C.tolist()], u, v, w, z)
    with localcontext() as context:
        context.prec = 60
        rest = one * two - zero * zero
        tangent = (Decimal(zero.numerator) / zero.denominator) / (Decimal(rest.numerator) / rest.denominator).sqrt()
        root = (Decimal(four.numerator) / four.denominator).sqrt()
    return 4.0 / math.pi**2 / float(root) * math.atan(float(tangent))


def exact_i3(C, u, v, w):
    F = [[Fraction(x) for x in row] for row in C.tolist()]
    a = 1 + F[u][u]
    root2 = a * (1 + F[w][w]) - F[u][w] ** 2
    numerator = (F[v][w] * a - F[u][v] * F[u][w]) / a
    with localcontext() as context:
        context.prec = 60
        value = (Decimal(numerator.numerator) / numerator.denominator) / (
            Decimal(root2.numerator) / root2.denominator
        ).sqrt()
    return 2.0 / math.pi * float(value)


def large_covariances(norm, count, seed):
    """A long student, its near copy and its near opposite (the runaway pairs of K > M), and an ordinary field."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        A = rng.normal(size=(4, 6))
        long = A[0] * math.sqrt(norm / 6.0)
        W = np.vstack([long, -long + A[1], long + A[2], A[3]])
        C = W @ W.T
        yield (C + C.T) / 2.0


def relative_errors(function, norm):
    errors = []
    for C in large_covariances(norm, 60, seed=1):
        for fields in ((0, 1, 2, 3), (0, 0, 1, 2), (0, 2, 1, 1), (0, 3, 1, 2), (2, 3, 0, 1)):
            errors.append(abs(function(C, *fields) / exact_i4(C, *fields) - 1.0))
    return np.nan_to_num(errors, nan=1.0)


@pytest.mark.parametrize("norm", [1.0, 1e2, 1e4, 1e6, 1e8])
def test_erf_i4_keeps_its_digits(norm):
    assert relative_errors(I4, norm).max() <= 2e-11


@pytest.mark.parametrize("norm, lost", [(1e4, 1e-10), (1e6, 1e-7), (1e8, 1e-4)])
def test_textbook_determinants_lose_theirs(norm, lost):
    """Power: the same comparison sees the digits that the published determinants lose."""
    assert relative_errors(textbook_i4, norm).max() > lost


@pytest.mark.parametrize("norm", [1e6, 1e8])
def test_erf_i3_keeps_its_digits(norm):
    for C in large_covariances(norm, 60, seed=2):
        for fields in ((0, 1, 2), (0, 3, 1), (3, 0, 1), (0, 1, 1)):
            assert I3(C, *fields) == pytest.approx(exact_i3(C, *fields), rel=2e-11)


def test_erf_beta_by_scaling():
    """g'_4(u) = g'_1(2 u): a temperature in the formula and one in the field agree at any norm."""
    for C in large_covariances(1e6, 40, seed=3):
        scale = np.array([2.0, 2.0, 1.0, 1.0])
        doubled = C * np.outer(scale, scale)
        assert I4(C, 0, 1, 2, 3, "erf", 4.0) == pytest.approx(exact_i4(doubled, 0, 1, 2, 3), rel=2e-11)
        assert J2(C, 0, 1, "erf", 4.0) == pytest.approx(J2(doubled, 0, 1, "erf", 1.0), rel=1e-13)


def test_difference_of_products_is_exact_to_two_ulp():
    rng = np.random.default_rng(4)
    for _ in range(2000):
        a, b = rng.normal(size=2)
        c = a * (1.0 + 1e-12 * rng.normal())
        d = b * (1.0 + 1e-12 * rng.normal())
        exact = Fraction(a) * Fraction(b) - Fraction(c) * Fraction(d)
        assert abs(Fraction(float(difference_of_products(a, b, c, d))) - exact) <= abs(exact) * Fraction(2, 2**53)


# --- ReLU near dependence: fields that are independent given two common factors are the referee ------------------

# Which factor each field loads; the last is the end of learning, two students beside two teachers.
LOADINGS = {
    "one pair": [(1, 0), (1, 0), (0, 1), (0, 0.5)],
    "opposite pair": [(1, 0), (-1, 0), (0, 1), (0, 0.5)],
    "three": [(1, 0), (1, 0), (2, 0), (0, 1)],
    "all four": [(1, 0), (0.5, 0), (2, 0), (1, 0)],
    "two pairs": [(1, 0), (0, 1), (1, 0), (0, 1)],
}
SPREADS = [0.5, 2.0**-4, 2.0**-8, 2.0**-12, 2.0**-16, 2.0**-20, 2.0**-22]


@pytest.mark.parametrize("loadings", LOADINGS.values(), ids=LOADINGS)
def test_relu_near_dependence(loadings):
    """The covariances are exact in binary, so nothing but the integrals can err, at any distance from dependence."""
    worst = 0.0
    order = [2, 0, 3, 1]  # so that the field which the orthant integral isolates is another one
    for spread in SPREADS:
        spreads = np.array([1.0, 1.0, 0.5, 2.0]) * spread
        C = quadrature.two_factor_covariance(0.25, loadings, spreads)

        def check(integral, fields, values, C=C, spreads=spreads):
            nonlocal worst
            distinct = list(dict.fromkeys(fields))
            powers = [list(values).count(f) for f in distinct]
            referee = quadrature.two_factor_moment(0.25, [loadings[f] for f in distinct], spreads[distinct], powers)
            moved = [order.index(f) for f in fields]
            worst = max(worst, abs(integral(C, *fields) - referee))
            worst = max(worst, abs(integral(C[np.ix_(order, order)], *moved) - referee))

        check(orthant4, (0, 1, 2, 3), ())
        for w, z in combinations(range(4), 2):
            u, v = (f for f in range(4) if f not in (w, z))
            for fields in ((u, v, w, z), (u, u, w, z), (u, z, w, w)):
                check(lambda *a: I4(*a, "relu"), fields, fields[2:])
    assert worst <= 1e-9


def test_quadrature_and_closed_form_of_the_orthant_agree():
    """Gauss-Legendre where fields are apart and orthoschemes where they are not: two ways to the same seven numbers."""
    worst, met = 0.0, 0
    for C in covariances(400, seed=40):
        angles = sum(root_minor(C, a, b)[1] for a in range(4) for b in range(a))
        arguments = [*np.diag(C), *C[np.triu_indices(4, 1)], angles]
        difference = np.subtract(anatomy(*arguments), singular_anatomy(*arguments))
        met += bool(np.abs(difference).max() > 0.0)
        worst = max(worst, np.abs(difference).max())
    assert worst <= 1e-12
    assert met > 300  # otherwise the first handed over to the second, and nothing was compared


def test_dependent_fields_leave():
    """Copies, multiples, opposites and zero fields, as weights have them exactly."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        A = rng.normal(size=(4, 7))
        W = np.vstack([A, 3.0 * A[0], -0.7 * A[1], np.zeros(7)])
        C = W @ W.T
        C = (C + C.T) / 2.0
        scale = C.diagonal().max()
        copy, opposite, zero = 4, 5, 6
        # What rounding of C itself moves: its square root, divided by 2 pi.
        near = {"abs": 1e-8 * scale}
        for fields in ((1, 2, 3, copy), (copy, 2, 1, 3), (copy, 1, 2, 2), (copy, copy, 2, 3), (2, 3, copy, copy)):
            plain = [0 if f == copy else f for f in fields]
            factor = 3.0 ** (fields[2] == copy) * 3.0 ** (fields[3] == copy)
            assert I4(C, *fields, "relu") == pytest.approx(factor * I4(C, *plain, "relu"), **near)
        assert I4(C, 0, copy, 2, 3, "relu") == pytest.approx(I4(C, 0, 0, 2, 3, "relu"), **near)
        assert I4(C, 1, 2, 0, copy, "relu") == pytest.approx(3.0 * I4(C, 1, 2, 0, 0, "relu"), **near)
        assert orthant4(C, 0, copy, 2, 3) == pytest.approx(orthant4(C, 0, 0, 2, 3), abs=1e-8)
        for fields in ((1, opposite, 2, 3), (1, 2, opposite, 3), (0, 2, 1, opposite), (opposite, opposite, 1, 1)):
            assert abs(I4(C, *fields, "relu")) <= 1e-8 * scale
            assert abs(orthant4(C, *fields)) <= 1e-8
        assert I2(C, 1, opposite, "relu") <= 1e-8 * scale
        assert I4(C, zero, 1, 2, 3, "relu") == pytest.approx(0.5 * I4(C, 1, 1, 2, 3, "relu"), rel=1e-13)
        assert I4(C, 0, 1, 2, zero, "relu") == I2(C, zero, 0, "relu") == I3(C, 0, 1, zero, "relu") == 0.0
        assert J2(C, zero, 0, "relu") == 0.25
        assert J2(C, zero, zero, "relu") == 0.5
        assert I3(C, zero, 1, 2, "relu") == pytest.approx(0.25 * C[1, 2], rel=1e-13)
        assert orthant4(C, zero, 1, 2, 3) == pytest.approx(0.5 * orthant4(C, 1, 1, 2, 3), rel=1e-13)


def test_sums_of_fields():
    """Rank-deficient without parallel fields: where x1, x2 > 0 so is x1 + x2, and a fourth field says nothing new."""
    rng = np.random.default_rng(6)
    for _ in range(40):
        A = rng.normal(size=(3, 5))
        for combination in (A[0] + A[1], A[0] + A[1] + A[2], 0.1 * A[0] + 3.0 * A[2]):
            W = np.vstack([A, combination])
            C = W @ W.T
            C = (C + C.T) / 2.0
            scale = C.diagonal().max()
            assert orthant4(C) == pytest.approx(orthant4(C, 0, 1, 2, 2), abs=1e-9)
            assert I4(C, 2, 3, 0, 1, "relu") == pytest.approx(I4(C, 2, 2, 0, 1, "relu"), abs=1e-9 * scale)
            coefficients = np.linalg.lstsq(A.T, combination, rcond=None)[0]
            moments = [I4(C, 1, 2, 0, f, "relu") for f in range(3)]
            assert I4(C, 1, 2, 0, 3, "relu") == pytest.approx(coefficients @ moments, abs=1e-9 * scale)


def test_planar_fields():
    """Four fields in two dimensions: the orthant is a sector, over which polar coordinates integrate anything."""
    rng, empty = np.random.default_rng(7), 0
    for _ in range(300):
        angles, lengths = rng.uniform(-1.2, 1.2, 4) * rng.choice([1.0, 1.8]), rng.uniform(0.5, 2.0, 4)
        W = np.column_stack([np.cos(angles), np.sin(angles)]) * lengths[:, None]
        C = W @ W.T
        C = (C + C.T) / 2.0
        turned = np.sort(angles)
        gaps = np.diff(turned)
        if gaps.max() > math.pi:  # the directions lie on the far side: start counting behind the gap
            turned[: gaps.argmax() + 1] += 2.0 * math.pi
        low, high = turned.max() - math.pi / 2, turned.min() + math.pi / 2
        empty += high <= low
        assert orthant4(C) == pytest.approx(max(0.0, high - low) / (2.0 * math.pi), abs=1e-8)
        for u, v, w, z in ((0, 1, 2, 3), (0, 2, 1, 3), (2, 3, 0, 1)):
            # <w z> = lengths / pi int cos(t - w) cos(t - z) dt, since <radius^2> = 2
            a, b = angles[w], angles[z]
            whole = (high - low) * math.cos(a - b) + 0.5 * (math.sin(2 * high - a - b) - math.sin(2 * low - a - b))
            exact = lengths[w] * lengths[z] * whole / (2.0 * math.pi) if high > low else 0.0
            assert I4(C, u, v, w, z, "relu") == pytest.approx(exact, abs=1e-8)
    assert 50 < empty < 250


def test_dependent_fields_are_the_limit_of_independent_ones():
    """Weights of small integers: copies, opposites, sums and planes by the hundred, next to a little noise on each."""
    rng, noise, met = np.random.default_rng(10), 1e-12, 0
    for trial in range(1500):
        W = rng.integers(-2, 3, size=(4, rng.integers(1, 5))).astype(float)
        if trial % 3 == 1:
            W = W @ rng.normal(size=(W.shape[1], 3))
        if trial % 3 == 2:
            W = W * rng.uniform(0.3, 3.0, (4, 1))
        C = W @ W.T
        C = (C + C.T) / 2.0
        if C.diagonal().min() == 0.0:
            continue
        met += np.linalg.matrix_rank(C) < 4
        disturbed = C + noise * np.diag(C.diagonal())
        # Noise of this size turns parallel fields by sqrt(2 noise) and may open a sector of that angle over 2 pi.
        tolerance = math.sqrt(2.0 * noise)
        assert orthant4(C) == pytest.approx(orthant4(disturbed), abs=tolerance)
        u, v, w, z = map(int, rng.permutation(4))
        difference = I4(C, u, v, w, z, "relu") - I4(disturbed, u, v, w, z, "relu")
        assert abs(difference) <= tolerance * C.diagonal().max()
    assert met > 500


# --- the sums of the flow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("students, teachers", [(1, 1), (2, 2), (4, 2), (3, 3), (5, 1)])
@pytest.mark.parametrize("kind", ["ordinary", "learnt", "degenerate"])
def test_relu_flow_terms_are_the_sums_of_integrals(students, teachers, kind):
    rng = np.random.default_rng(8)
    F = students + teachers
    W = rng.normal(size=(F, 2 * F)) / math.sqrt(2 * F)
    if kind == "learnt":
        W[:students] = W[students + np.arange(students) % teachers] + 1e-5 * W[:students]
    if kind == "degenerate":
        W[0] = 2.0 * W[-1]
        W[students // 2] = -W[-1]
        W[students - 1] = 0.0 if students > 2 else W[students - 1]
    C = W @ W.T
    C = (C + C.T) / 2.0
    v, s = rng.normal(size=students), rng.normal(size=F)
    s[:students] = -v
    D1, D2, N2 = (np.full(shape, np.nan) for shape in ((students, F), (students, students), (students, students)))
    _relu.relu_flow_terms(C, s, v, students, D1, D2, N2)
    K, all_fields = range(students), range(F)
    i3 = [[sum(s[w] * _relu.i3(C, i, a, w, 1.0) for w in all_fields) for a in all_fields] for i in K]
    i4 = [
        [sum(s[w] * s[z] * _relu.i4(C, i, k, w, z, 1.0) for w in all_fields for z in all_fields) for k in K] for i in K
    ]
    j2 = [[_relu.j2(C, i, k, 1.0) for k in K] for i in K]
    assert np.allclose(D1, v[:, None] * np.array(i3), rtol=0.0, atol=1e-14 * F)
    assert np.allclose(D2, np.outer(v, v) * np.array(i4), rtol=0.0, atol=1e-14 * F**2)
    assert np.allclose(N2, np.outer(v, v) * np.array(j2), rtol=0.0, atol=1e-15)


def test_linear_flow_terms_are_the_sums_of_integrals():
    from practicum.theory import _linear

    rng = np.random.default_rng(9)
    W = rng.normal(size=(5, 8))
    C, v, s = W @ W.T, rng.normal(size=3), rng.normal(size=5)
    D1, D2, N2 = np.full((3, 5), np.nan), np.full((3, 3), np.nan), np.full((3, 3), np.nan)
    _linear.linear_flow_terms(C, s, v, 3, D1, D2, N2)
    assert np.allclose(D1, np.outer(v, C @ s), rtol=1e-13)
    assert np.allclose(D2, np.outer(v, v) * (s @ C @ s), rtol=1e-13)
    assert np.allclose(N2, np.outer(v, v), rtol=1e-13)
