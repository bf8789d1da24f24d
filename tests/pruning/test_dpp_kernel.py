"""The kernel: its spectrum from matrices, features and diagonals, its normalisation, and what it refuses."""

import math
from fractions import Fraction

import numpy as np
import pytest

from practicum import ParameterError
from practicum.pruning import Kernel, inclusion, log_elementary, sample_kdpp
from pruning.dpp_reference import kernels, random_kernel, smooth_kernel

KERNELS = kernels()


@pytest.mark.parametrize("name", KERNELS)
def test_the_spectrum_is_that_of_the_matrix(name):
    kernel, L = KERNELS[name]
    L = np.array(L, dtype=float)
    assert kernel.items == len(L)
    assert kernel.matrix == pytest.approx(L, abs=1e-12 * np.abs(L).max())
    V, values = kernel.eigenvectors, kernel.eigenvalues
    assert V.shape == (len(L), kernel.rank)
    assert values.shape == (kernel.rank,)
    assert (np.diff(values) <= 0).all()
    assert (values > 0).all()
    assert np.abs(V.T @ V - np.eye(kernel.rank)).max() < 1e-13
    assert (V * values) @ V.T == pytest.approx(L, abs=1e-13 * np.abs(L).max())


def test_features_and_their_gram_matrix_are_the_same_kernel():
    B = np.random.default_rng(1).standard_normal((40, 9))
    for jitter in (0.0, 0.3):
        for features in (B, B.T):
            one, other = Kernel.from_features(features, jitter=jitter), Kernel(features @ features.T, jitter=jitter)
            assert one.rank == other.rank == (len(features) if jitter else 9)
            assert one.eigenvalues == pytest.approx(other.eigenvalues, rel=1e-12)
            assert inclusion(one, 5) == pytest.approx(inclusion(other, 5), abs=1e-12)


def test_features_know_smaller_eigenvalues_than_their_gram_matrix():
    rng = np.random.default_rng(2)
    U, V = (np.linalg.qr(rng.standard_normal((n, 4)))[0] for n in (30, 6))
    B = (U * [1, 1e-3, 1e-6, 1e-9]) @ V.T
    assert Kernel.from_features(B).eigenvalues == pytest.approx([1, 1e-6, 1e-12, 1e-18], rel=1e-5)
    assert Kernel(B @ B.T).rank == 3  # 1e-18 lies within the rounding of B B^T


def test_the_rank_of_float32_is_that_of_float32():
    L = smooth_kernel(60)
    exact, rounded = Kernel(L), Kernel(L.astype(np.float32))
    assert exact.rank > rounded.rank > 10
    # Power: the same numbers, taken for exact, have eigenvalues that are negative beyond rounding.
    with pytest.raises(ParameterError, match="positive semidefinite"):
        Kernel(L.astype(np.float32).astype(float)).rank


def test_float32_hides_no_eigenvalue_that_is_there():
    """n eps32 times the largest eigenvalue, the usual bound, is above most of these, which are right to 1e-5."""
    eps = np.finfo(np.float32).eps
    kernel = Kernel((smooth_kernel(784, dimension=3) + 0.01 * np.eye(784)).astype(np.float32))
    assert kernel.eigenvalues[-1] == pytest.approx(0.01, abs=1e-5)
    assert kernel.eigenvalues[-1] < 784 * eps * kernel.eigenvalues[0]
    assert kernel.rank == 784
    # Activations that vary little about a large mean: one singular value is far above the others.
    activations = 0.5 + 0.01 * np.random.default_rng(0).random((30, 20_000), dtype=np.float32)
    kernel = Kernel.from_features(activations)
    assert np.sqrt(kernel.eigenvalues[-1]) < 20_000 * eps * np.sqrt(kernel.eigenvalues[0])
    assert kernel.rank == 30
    assert Kernel.from_features(np.concatenate([activations, activations])).rank == 30


def test_nothing_is_decomposed_before_it_is_needed_and_then_once(monkeypatch):
    calls, eigh = [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda L: calls.append(1) or eigh(L))
    kernel = Kernel(random_kernel(12))
    assert calls == []
    for k in (1, 5, 12):
        sample_kdpp(kernel, k, draws=3)
        inclusion(kernel, k)
        sample_kdpp(kernel.rescaled(k / 2), k)
    assert calls == [1]


@pytest.mark.parametrize("make", [Kernel, Kernel.from_features, lambda L: Kernel.from_diagonal(L.diagonal())])
def test_the_given_numbers_may_change_afterwards(make):
    L = random_kernel(5)
    kernel, wanted = make(L), make(L.copy()).matrix
    L[:] = 0.0
    assert (kernel.matrix == wanted).all()
    assert kernel.rank == 5


def exact_elementary(values, k):
    """Coefficients of prod (1 + v x) in whole numbers, without any rounding before the logarithm."""
    fractions = [Fraction(float(v)) for v in values]
    power = max(v.denominator for v in fractions).bit_length() - 1  # all denominators are powers of two
    e = [1] + [0] * k
    for n, v in enumerate(int(v * 2**power) for v in fractions):
        for m in range(min(n + 1, k), 0, -1):
            e[m] += v * e[m - 1]
    digits = [x.bit_length() for x in e]
    return [
        math.log(Fraction(x, 2**d)) + (d - m * power) * math.log(2) if x else -math.inf
        for m, (x, d) in enumerate(zip(e, digits))
    ]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1.0, 12.0),
        np.array([0.0, 3.0, 0.0, 1.0, 1.0]),
        np.array([1e-300, 1e300, 1.0, 2.0**-1074, 1e308]),
        np.ones(300),
        np.linspace(0.25, 300.0, 400).round(2),
    ],
    ids=["small", "zeros", "extreme", "equal", "many"],
)
def test_elementary_symmetric_polynomials_are_exact(values):
    k = len(values)
    found, known = log_elementary(values), exact_elementary(values, k)
    # A rounding of the logarithm itself, and n roundings of the number.
    assert found == pytest.approx(known, rel=4e-16, abs=4e-16 * len(values))
    for m in (0, 1, k // 2):
        assert (log_elementary(values, m) == found[: m + 1]).all()


def test_no_overflow_at_784_where_plain_numbers_have_one():
    values = np.geomspace(1e-2, 1e4, 784)
    found = log_elementary(values)
    assert np.isfinite(found).all()
    assert found.max() > 1.5 * math.log(1.7e308)
    assert found[-1] == pytest.approx(np.log(values).sum(), rel=1e-13)
    # e_m (values) = e_n-m (1 / values) prod values
    assert found == pytest.approx(log_elementary(1 / values)[::-1] + found[-1], rel=1e-12, abs=1e-10)
    with np.errstate(over="ignore"):
        plain = np.zeros(785)
        plain[0] = 1.0
        for v in values:
            plain[1:] += v * plain[:-1]
    assert np.isinf(plain).any()


def test_the_partition_function_is_that_of_a_known_law():
    """Of the identity: n over k. Of any L and k = n: the determinant. For k = 1: the trace."""
    assert Kernel(np.eye(50)).log_partition(20) == pytest.approx(math.log(math.comb(50, 20)), rel=1e-14)
    L = random_kernel(9)
    assert Kernel(L).log_partition(9) == pytest.approx(np.linalg.slogdet(L)[1], rel=1e-12)
    assert Kernel(L).log_partition(1) == pytest.approx(math.log(np.trace(L)), rel=1e-13)


def test_a_jitter_makes_every_k_possible():
    B = np.random.default_rng(4).standard_normal((9, 2))
    for make in (lambda jitter: Kernel(B @ B.T, jitter), lambda jitter: Kernel.from_features(B, jitter)):
        low = make(0.0)
        assert low.rank == 2
        with pytest.raises(ParameterError, match=r"must be <= 2, the numerical rank.*Got 5 instead.*jitter > 0"):
            sample_kdpp(low, 5)
        for jitter in (1e-12, 0.01):
            assert make(jitter).rank == 9
            assert sample_kdpp(make(jitter), 5, draws=4).shape == (4, 5)
            assert make(jitter).eigenvalues[-1] == pytest.approx(jitter, rel=1e-12)


def test_what_is_no_kernel_is_said():
    L = random_kernel(4)
    skew, indefinite = L.copy(), L - np.eye(4)
    skew[0, 2] += 1e-6
    for call, text in [
        (lambda: Kernel(L[:3]), r"must be square.*Got shape \(3, 4\) instead; Kernel.from_features"),
        (lambda: Kernel(skew), r"must be symmetric.*at \(0, 2\)"),
        (lambda: Kernel(np.where(np.eye(4), np.nan, L)), r"must be finite. Got nan at index \(0, 0\)"),
        (lambda: Kernel("L"), "must be an array of numbers"),
        (lambda: Kernel(L[0]), "must have 2 dimension"),
        (lambda: Kernel(np.zeros((0, 0))), "at least one entry"),
        (lambda: Kernel(indefinite).rank, r"positive semidefinite.*eigenvalue -0.*so is L \+ 0.* I"),
        (lambda: Kernel(L, jitter=-1), "'jitter' parameter of Kernel must be a finite number >= 0"),
        (lambda: Kernel(L, jitter=math.nan), "finite number >= 0"),
        (lambda: Kernel.from_features(L, jitter=True), "Kernel.from_features must be a finite number"),
        (lambda: Kernel.from_features([[1.0, math.inf]]), "must be finite. Got inf"),
        (lambda: Kernel.from_diagonal([1.0, -2.0]), "must be >= 0.*Got -2 at index 1"),
        (lambda: Kernel.from_diagonal(np.eye(2)), "must have 1 dimension"),
        (lambda: Kernel(L).rescaled(4), "'expected_size' of a DPP must be > 0 and < 4"),
        (lambda: Kernel(L).rescaled(0.0), "must be > 0"),
        (lambda: Kernel.from_diagonal([1e-200, 1e200, 1.0]).rescaled(2.9), "span more than a float"),
        (lambda: Kernel(L).log_partition(5), "must be <= 4, the number of items"),
        (lambda: log_elementary([1.0, 2.0], 3), "'k' parameter of log_elementary must be <= 2"),
        (lambda: log_elementary([1.0, math.nan]), "must be finite"),
    ]:
        with pytest.raises(ParameterError, match=text):
            call()


def test_rounding_is_no_reason_to_refuse():
    """A Gram matrix of rank 3 has eigenvalues of -1e-15, and a product of three matrices is not exactly symmetric."""
    rng = np.random.default_rng(5)
    B, M = rng.standard_normal((50, 3)), rng.standard_normal((3, 3))
    L = B @ (M @ M.T) @ B.T
    assert (L != L.T).any()
    assert np.linalg.eigvalsh((L + L.T) / 2)[0] < 0
    assert Kernel(L).rank == 3


def test_a_kernel_shows_what_it_is():
    assert repr(Kernel(np.eye(3))) == "<Kernel of 3 items>"
    assert repr(Kernel.from_features(np.eye(3), jitter=0.01)) == "<Kernel of 3 items, jitter 0.01>"
