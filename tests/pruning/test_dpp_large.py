"""784 smooth items at every k: no failure, and the law."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.pruning import Kernel, as_masks, greedy_map, inclusion, log_probability, sample_kdpp
from practicum.pruning.dpp._projection import project
from pruning.dpp_reference import smooth_kernel


def sigmoid_units():
    """Activations of 784 units along three directions, b = 10 / samples: all are much alike, but for the jitter."""
    a = 1 / (1 + np.exp(-np.random.default_rng(5).standard_normal((784, 3)) @ np.ones((3, 40))))
    return np.exp(-10 / 40 * ((a[:, None] - a) ** 2).sum(-1))


LARGE = {
    "smooth": Kernel(smooth_kernel(784, dimension=3), jitter=0.01),
    "sigmoid units": Kernel(sigmoid_units(), jitter=0.01),
}


def z_scores(drawn, probabilities):
    """Of the number of times that each item was taken, where that is not all but certain."""
    counts, draws = np.bincount(drawn.ravel(), minlength=len(probabilities)), len(drawn)
    spread = np.sqrt(draws * probabilities * (1 - probabilities))
    free = spread > 1.5
    return (counts - draws * probabilities)[free] / spread[free]


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("k, draws", [(1, 2000), (100, 400), (350, 60), (470, 80), (706, 400), (784, 20)])
def test_every_k_of_784_smooth_items(name, k, draws):
    """No failure, k items each time, the inclusion probabilities of the formula within 4.5 standard errors."""
    kernel, draws = LARGE[name], draws if name == "smooth" else draws // 4
    drawn = sample_kdpp(kernel, k, draws=draws, seed=14)
    assert drawn.shape == (draws, k)
    assert (np.diff(drawn, axis=1) > 0).all()
    assert drawn.min() >= 0
    assert drawn.max() < 784
    assert (sample_kdpp(kernel, k, draws=3, seed=14, first=draws - 3) == drawn[-3:]).all()
    wanted = inclusion(kernel, k)
    z = z_scores(drawn, wanted)
    assert np.abs(z).max(initial=0) < 4.5
    if name == "smooth" and 1 < k < 784:
        # Power: a kernel that differs in its jitter, and items that are all alike.
        other = sample_kdpp(Kernel(kernel.matrix, jitter=0.1), k, draws=draws, seed=14)
        assert np.abs(z_scores(other, wanted)).max() > 4.5
        assert np.abs(z_scores(drawn, np.full(784, k / 784))).max() > 4.5


@pytest.mark.slow
def test_subsets_are_as_probable_by_another_way():
    """What k items leave is a draw of 784 - k items by the inverse kernel (Jacobi's identity of minors).

    k = 484: one way takes fewer than half of the eigenvectors of its kernel directly, the other their complement.
    """
    kernel, k, draws = LARGE["smooth"], 484, 40
    inverse = Kernel(np.linalg.inv(kernel.matrix))
    taken = log_probability(kernel, sample_kdpp(kernel, k, draws=draws, seed=15))
    left = as_masks(sample_kdpp(inverse, 784 - k, draws=draws, seed=16), 784)
    other = log_probability(kernel, np.nonzero(~left)[1].reshape(draws, k))
    error = np.sqrt((taken.var() + other.var()) / draws)
    assert abs(taken.mean() - other.mean()) < 4 * error
    assert np.abs(np.log(taken.std() / other.std())) < 4 / np.sqrt(draws)
    # Power: what is most probable, and what has no diversity, is not what is drawn.
    assert log_probability(kernel, greedy_map(kernel, k)) > taken.mean() + 20 * error
    alone = np.array([np.random.default_rng(i).choice(784, k, replace=False) for i in range(5)])
    assert log_probability(kernel, alone).mean() < taken.mean() - 20 * error


@pytest.mark.parametrize("k", [1, 100, 300])
def test_no_jitter_is_needed_up_to_the_rank(k):
    """Eigenvalues over 13 powers of ten, as far as numbers tell them from 0."""
    kernel = Kernel(smooth_kernel(784, dimension=3))
    assert kernel.eigenvalues[0] / kernel.eigenvalues[-1] > 1e12
    assert 300 < kernel.rank < 784
    drawn = sample_kdpp(kernel, k, draws=60, seed=17)
    assert (np.diff(drawn, axis=1) > 0).all()
    assert np.abs(z_scores(drawn, inclusion(kernel, k))).max(initial=0) < 4.5
    all_of_them = sample_kdpp(kernel, kernel.rank, draws=2, seed=18)
    assert (np.diff(all_of_them, axis=1) > 0).all()
    with pytest.raises(ParameterError, match=f"must be <= {kernel.rank}, the numerical rank"):
        sample_kdpp(kernel, kernel.rank + 1)


def test_axes_stay_orthonormal_where_rows_are_almost_parallel():
    kernel = Kernel(smooth_kernel(784, width=3.0, dimension=2), jitter=0.01)
    c = 392
    rows = np.ascontiguousarray(kernel.eigenvectors[:, :c])
    axes, shares, taken = np.zeros((c, c)), np.zeros((c, 784)), np.zeros(784, bool)
    project(rows, c, np.random.default_rng(0).random(c), axes, shares, np.empty(784), taken, True)
    assert taken.sum() == c
    assert np.abs(axes @ axes.T - np.eye(c)).max() < 1e-13


def test_an_item_that_only_rounding_left_is_not_taken():
    """Rows (a, 0), (b, 0), (0, 1): never the first two, also when the first residual > 0 is picked."""
    tempted = 0
    for angle in np.linspace(0.1, 1.4, 300):
        a, b = np.cos(angle), np.sin(angle)
        rows = np.array([[a, 0.0], [b, 0.0], [0.0, 1.0]])
        axes, residuals, taken = np.empty((2, 2)), np.empty(3), np.zeros(3, bool)
        project(rows, 2, np.zeros(2), axes, np.empty((2, 3)), residuals, taken, True)
        assert taken.tolist() == [True, False, True]
        assert np.isfinite(axes).all()
        tempted += b * b - (b * (a * (1 / np.sqrt(a * a)))) ** 2 > 0
    assert tempted > 10
