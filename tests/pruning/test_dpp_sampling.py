"""Samples against enumeration: chi-square on counts, with power; and the same draw whatever the batch."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.pruning import Kernel, as_masks, inclusion, marginal_kernel, sample_dpp, sample_kdpp
from practicum.pruning.dpp import sampling
from pruning.dpp_reference import chi_square, count_rows, full_law, kernels, law, random_kernel, smooth_kernel

KERNELS = kernels()
DRAWS = 40_000
# Of the 60 p-values of right laws the smallest is .008, where .016 is expected; those of the wrong kernels are < 1e-30.
ACCEPTED, REJECTED = 5e-4, 1e-9


SIZES = [
    pytest.param(name, k, id=f"{name}, k={k}")
    for name, (kernel, _) in KERNELS.items()
    for k in sorted({1, 2, kernel.rank // 2, kernel.rank - 1})
    if name != "extreme odds"  # of which one subset of each size has all the probability
]


@pytest.mark.parametrize("name, k", SIZES)
def test_counts_of_a_kdpp_are_those_of_enumeration(name, k):
    kernel, L = KERNELS[name]
    subsets, probabilities = law(L, k)
    drawn = sample_kdpp(kernel, k, draws=DRAWS, seed=(11, k))
    assert chi_square(count_rows(drawn, subsets), probabilities) > ACCEPTED


@pytest.mark.parametrize("name", [name for name in KERNELS if name != "extreme odds"])
def test_counts_of_a_dpp_are_those_of_enumeration(name):
    kernel, L = KERNELS[name]
    masks, probabilities = full_law(L)
    drawn = sample_dpp(kernel, draws=DRAWS, seed=12)
    assert chi_square(count_rows(drawn, masks), probabilities) > ACCEPTED


@pytest.mark.parametrize("name", ["random", "features with jitter", "smooth", "diagonal"])
def test_counts_of_another_kernel_are_rejected(name):
    """Power: the same counts against a kernel whose similarities, or odds, are 10 % weaker."""
    kernel, L = KERNELS[name]
    L = np.array(L, dtype=float)
    wrong = 0.9 * L + 0.1 * np.diag(L.diagonal()) if name != "diagonal" else np.diag(L.diagonal() ** 0.9)
    subsets, probabilities = law(wrong, 4)
    drawn = sample_kdpp(kernel, 4, draws=DRAWS, seed=(11, 4))
    assert chi_square(count_rows(drawn, subsets), probabilities) < REJECTED
    masks, probabilities = full_law(wrong)
    drawn = sample_dpp(kernel, draws=DRAWS, seed=12)
    assert chi_square(count_rows(drawn, masks), probabilities) < REJECTED


def test_counts_of_a_law_of_independent_items_are_rejected():
    """Power: the right inclusion probabilities without the diversity, from a sampler of another law."""
    kernel, L = KERNELS["smooth"]
    masks, probabilities = full_law(L)
    alone = np.random.default_rng(0).random((DRAWS, kernel.items)) < marginal_kernel(kernel).diagonal()
    assert chi_square(count_rows(alone, masks), probabilities) < REJECTED


def test_draws_follow_each_other_independently():
    """The joint counts of draws d and d + 1 are a product; those of streams that overlap are not."""
    kernel = Kernel(random_kernel(5))
    subsets, p = law(random_kernel(5), 2)
    drawn = sample_kdpp(kernel, 2, draws=2 * DRAWS, seed=13)
    numbers = {tuple(S): i for i, S in enumerate(subsets)}
    which = np.array([numbers[tuple(S)] for S in drawn])
    counts = np.bincount(which[:-1:2] * len(p) + which[1::2], minlength=len(p) ** 2)
    assert chi_square(counts, np.outer(p, p).ravel()) > ACCEPTED
    counts = np.bincount(which[::2] * (len(p) + 1), minlength=len(p) ** 2)
    assert chi_square(counts, np.outer(p, p).ravel()) < REJECTED


def test_a_draw_depends_on_seed_and_number_alone(monkeypatch):
    for kernel in (Kernel(smooth_kernel(30), jitter=0.01), Kernel.from_diagonal(np.arange(1.0, 31.0))):
        for k in (3, 20):
            ten = sample_kdpp(kernel, k, draws=10, seed=5)
            assert (sample_kdpp(kernel, k, draws=10, seed=5) == ten).all()
            assert (sample_kdpp(kernel, k, draws=4, seed=5) == ten[:4]).all()
            assert (sample_kdpp(kernel, k, draws=3, seed=5, first=7) == ten[7:]).all()
            assert (sample_kdpp(kernel, k, draws=10, seed=6) != ten).any()
        masks = sample_dpp(kernel, draws=10, seed=5)
        assert (sample_dpp(kernel, draws=6, seed=5, first=4) == masks[4:]).all()
        with monkeypatch.context() as patch:
            patch.setattr(sampling, "_NUMBERS", 100)
            assert (sample_kdpp(kernel, k, draws=10, seed=5) == ten).all()
            assert (sample_dpp(kernel, draws=10, seed=5) == masks).all()


def test_a_seed_may_have_parts():
    kernel = Kernel(random_kernel(30))
    draws = [sample_kdpp(kernel, 9, draws=8, seed=seed) for seed in (3, (3,), (3, 0), (3, 1), (0, 3), [3, 0, 0])]
    assert (draws[0] == draws[1]).all()
    for i in range(1, len(draws)):
        for j in range(i):
            assert (i, j) == (1, 0) or (draws[i] != draws[j]).any()


@pytest.mark.parametrize("c", [1e-12, 1e-3, 1e9])
def test_a_kdpp_has_no_scale(c):
    """Also where the determinants of one scale overflow: 300 eigenvalues of 1e9 and more."""
    L = smooth_kernel(300, 0.3) + np.eye(300)
    wanted, found = sample_kdpp(Kernel(L), 150, draws=3, seed=1), sample_kdpp(Kernel(c * L), 150, draws=3, seed=1)
    assert (wanted == found).all()
    assert inclusion(Kernel(c * L), 150) == pytest.approx(inclusion(Kernel(L), 150), rel=1e-12)


def test_the_size_of_a_dpp_is_what_was_asked_for():
    for kernel in (Kernel(smooth_kernel(60), jitter=0.01), Kernel.from_diagonal(np.geomspace(1e-3, 1e3, 60))):
        for size in (0.5, 20.0, 55.0):
            drawn = sample_dpp(kernel, draws=4000, seed=2, expected_size=size)
            assert drawn.shape == (4000, 60)
            scaled = kernel.rescaled(size).eigenvalues
            spread = np.sqrt((scaled / (1 + scaled) ** 2).sum())  # of a sum of independent choices
            sizes = drawn.sum(1)
            assert abs(sizes.mean() - size) < 4 * spread / np.sqrt(4000)
            assert sizes.std() == pytest.approx(spread, rel=0.06)


def test_masks_of_subsets():
    masks = as_masks([[0, 2], [1, 2]], 4)
    assert masks.tolist() == [[True, False, True, False], [False, True, True, False]]
    assert as_masks(np.zeros((3, 0), int), 2).tolist() == 3 * [[False, False]]
    for wrong in ([4], [-1], [0.0], 2):
        with pytest.raises(ParameterError, match="item numbers from 0 to 3"):
            as_masks(wrong, 4)


def test_what_is_out_of_range_is_said():
    kernel = Kernel(random_kernel(6))
    for call, text in [
        (lambda: sample_kdpp(kernel, 0), "'k' parameter must be a whole number >= 1"),
        (lambda: sample_kdpp(kernel, 2.0), "whole number"),
        (lambda: sample_kdpp(kernel, 7), "sample_kdpp must be <= 6, the number of items"),
        (lambda: sample_kdpp(kernel, 2, draws=0), "'draws' parameter must be a whole number >= 1"),
        (lambda: sample_kdpp(kernel, 2, seed=-1), "'seed' parameter must be a whole number >= 0"),
        (lambda: sample_kdpp(kernel, 2, seed=(1, 0.5)), "'seed' parameter"),
        (lambda: sample_kdpp(kernel, 2, seed=None), "'seed' parameter"),
        (lambda: sample_kdpp(kernel, 2, first=-1), "'first' parameter"),
        (lambda: sample_dpp(kernel, expected_size=6), "must be > 0 and < 6"),
        (lambda: sample_kdpp(Kernel.from_diagonal([1, 1, 0]), 3), "must be <= 2, the numerical rank"),
        (lambda: sample_kdpp(Kernel(np.zeros((2, 2))), 1), "must be <= 0, the numerical rank"),
    ]:
        with pytest.raises(ParameterError, match=text):
            call()
