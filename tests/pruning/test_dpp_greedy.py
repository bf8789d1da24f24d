"""Greedy maximisation against determinants of all candidates, computed without rounding."""

from itertools import combinations

import numpy as np
import pytest

from practicum import ParameterError
from practicum.pruning import Kernel, greedy_map, log_probability
from pruning.dpp_reference import determinant, kernels, random_kernel, smooth_kernel, whole_numbers

KERNELS = kernels()


def brute_force(L, k, better=lambda new, best: new > best):
    """The order, by the determinant of every candidate; the lowest number of equal ones. None left: it ends."""
    entries, _ = whole_numbers(L)
    order = []
    for _ in range(k):
        best, item = 0, None
        for i in range(len(entries)):
            rows = [*order, i]
            value = determinant([[entries[a][b] for b in rows] for a in rows]) if i not in order else 0
            if better(value, best):
                best, item = value, i
        if item is None:
            break
        order.append(item)
    return order


@pytest.mark.parametrize("name", KERNELS)
def test_each_item_makes_the_largest_determinant(name):
    kernel, L = KERNELS[name]
    k = kernel.rank
    order = greedy_map(kernel, k)
    assert order.tolist() == brute_force(L, k)
    for m in range(1, k):
        assert (greedy_map(kernel, m) == order[:m]).all()


def test_the_largest_quality_first_is_not_it():
    """Power: the order of the diagonal, and an order in which the last of equal items comes first."""
    L = random_kernel(8)
    assert brute_force(L, 8) != np.argsort(-L.diagonal()).tolist()
    copies = KERNELS["copies"][1]
    assert brute_force(copies, 8) != brute_force(copies, 8, better=lambda new, best: new >= best and new > 0)


def test_ties_to_rounding_are_ties():
    """Copies whose similarities were computed one by one differ in the last digit; the first of them is taken."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        a = np.repeat(rng.standard_normal((4, 7)), 3, axis=0)
        noise = 1 + 1e-14 * rng.standard_normal((12, 12))
        L = np.exp(-((a[:, None] - a) ** 2).sum(-1)) * (noise + noise.T) / 2 + 1e-3 * np.eye(12)
        assert set(greedy_map(Kernel(L), 4).tolist()) == {0, 3, 6, 9}


def test_it_is_near_the_best_subset():
    for seed in range(5):
        kernel = Kernel(random_kernel(10, seed=seed))
        for k in (2, 4, 7):
            best = log_probability(kernel, list(combinations(range(10), k))).max()
            assert best - 1.0 < log_probability(kernel, greedy_map(kernel, k)) <= best + 1e-12


def test_784_smooth_items():
    """The squared pivots are the residuals: their product is the determinant."""
    kernel = Kernel(smooth_kernel(784, dimension=3), jitter=0.01)
    order = greedy_map(kernel, 784)
    assert sorted(order.tolist()) == list(range(784))
    assert (greedy_map(kernel, 100) == order[:100]).all()
    chosen = order[:50]
    logs = [np.linalg.slogdet(kernel.matrix[np.ix_(chosen[:m], chosen[:m])])[1] for m in range(1, 51)]
    gains = np.diff([0.0, *logs])
    assert (np.diff(gains) <= 1e-12).all()  # submodular: no later item adds more than an earlier one
    for m in (10, 49):
        others = [i for i in range(784) if i not in chosen[:m]]
        sample = np.random.default_rng(m).choice(others, 60, replace=False)
        sets = [np.append(chosen[:m], i) for i in sample]
        assert all(np.linalg.slogdet(kernel.matrix[np.ix_(S, S)])[1] <= logs[m] + 1e-12 for S in sets)


def test_features_and_float32_too():
    B = np.random.default_rng(1).standard_normal((30, 6))
    order = greedy_map(Kernel.from_features(B), 6)
    assert (greedy_map(Kernel(B @ B.T), 6) == order).all()
    assert (greedy_map(Kernel((B @ B.T).astype(np.float32)), 6) == order).all()
    assert len(greedy_map(Kernel.from_features(B, jitter=0.1), 30)) == 30


def test_a_rank_that_is_too_low_is_said_and_a_jitter_helps():
    B = np.random.default_rng(1).standard_normal((30, 6))
    for kernel in (Kernel.from_features(B), Kernel(B @ B.T), Kernel((B @ B.T).astype(np.float32))):
        with pytest.raises(ParameterError, match=r"greedy_map must be <= 6, the numerical rank.*Got 7.*jitter"):
            greedy_map(kernel, 7)
    assert len(greedy_map(Kernel(B @ B.T, jitter=1e-6), 7)) == 7
    with pytest.raises(ParameterError, match="must be <= 3, the number of items"):
        greedy_map(Kernel(np.eye(3)), 4)


def test_what_is_no_kernel_is_said():
    for L in ([[1.0, 2.0], [2.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]):
        with pytest.raises(ParameterError, match=r"positive semidefinite.*Got a negative one after \d items"):
            greedy_map(Kernel(L), 2)
