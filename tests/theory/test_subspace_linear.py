"""Linear models: the largest change of the output against explicit perturbations, and the robust error on samples."""

import math
from itertools import product

import numpy as np
import pytest

from practicum import ParameterError
from practicum.theory.subspace import largest_change, linear_error
from theory.subspace_reference import z_score


def a_model(d=9, r=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(d), np.linalg.qr(rng.standard_normal((d, r)))[0], rng


def test_the_change_is_reached_and_never_exceeded_anywhere():
    w, _, rng = a_model()
    for norm, best in (("l2", w / np.linalg.norm(w)), ("linf", np.sign(w))):
        most = largest_change(w, 0.3, norm=norm)
        assert w @ (0.3 * best) == pytest.approx(most, rel=1e-14)
        delta = rng.standard_normal((20_000, len(w)))
        delta /= np.linalg.norm(delta, ord=2 if norm == "l2" else np.inf, axis=1, keepdims=True)
        assert (delta @ w).max() * 0.3 < most
    assert largest_change(w, 1.0) == np.abs(w).sum()


def test_the_change_outside_a_ball_is_that_of_the_projection():
    w, U, rng = a_model()
    rest = np.eye(len(w)) - U @ U.T
    most = largest_change(w, 1.0, norm="l2", subspace=U)
    assert most == pytest.approx(w @ rest @ w / np.linalg.norm(rest @ w), rel=1e-14)
    delta = rng.standard_normal((20_000, len(w))) @ rest
    assert (delta @ w / np.linalg.norm(delta, axis=1)).max() < most
    assert most < 0.95 * largest_change(w, 1.0, norm="l2")


def corners(U):
    """The extreme points of the box orthogonal to U: all but r entries are at +-1, the other r solve U^T delta = 0."""
    d, r = U.shape
    found = []
    for free in product([False, True], repeat=d):
        free = np.array(free)
        if free.sum() != r:
            continue
        signs = np.array(list(product([-1.0, 1.0], repeat=d - r)))
        delta = np.empty((len(signs), d))
        delta[:, ~free] = signs
        delta[:, free] = -np.linalg.solve(U[free].T, U[~free].T @ signs.T).T
        found.append(delta[np.abs(delta).max(1) <= 1 + 1e-9])
    return np.concatenate(found)


@pytest.mark.parametrize("size", [1.0, 1e-9, 1e9])
def test_the_change_outside_a_box_is_that_of_its_best_corner(size):
    w, U, _ = a_model(d=7, r=3, seed=1)
    delta = corners(U)
    assert np.abs(delta @ U).max() < 1e-10
    most = largest_change(size * w, 0.2, subspace=U)
    assert most == pytest.approx(0.2 * size * (delta @ w).max(), rel=1e-12)
    # Power: the l1 norm of the projection, which ignores the box, is larger.
    assert most < 0.98 * 0.2 * size * np.abs(w - U @ (U.T @ w)).sum()
    assert most < 0.95 * largest_change(size * w, 0.2)


def test_whole_coordinates_outside():
    w, _, _ = a_model()
    U = np.eye(9)[:, [0, 4, 5]]
    left = np.delete(w, [0, 4, 5])
    assert largest_change(w, 2.0, subspace=U) == pytest.approx(2 * np.abs(left).sum(), rel=1e-12)
    assert largest_change(U[:, 0], 1.0, subspace=U) == pytest.approx(0, abs=1e-12)
    assert largest_change(0 * w, 1.0, subspace=U) == 0.0
    assert largest_change(w, [[0.0, 1.0]], norm="l2").shape == (1, 2)


@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("perturbation", ["anywhere", "outside"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_the_robust_error_is_that_of_the_best_perturbation(labels, perturbation, norm):
    w, U, rng = a_model(seed=2)
    v = rng.standard_normal(9)
    U = np.eye(9)[:, :4] if norm == "linf" else U  # whole coordinates: the best box perturbation is plain
    rest = np.eye(9) - (U @ U.T if perturbation == "outside" else 0.0)
    x = rng.standard_normal((100_000, 4)) @ U.T
    pull = rest @ (w - v if labels == "oracle" else w)
    best = pull / np.linalg.norm(pull) if norm == "l2" else np.sign(pull)
    ends = []
    for delta in (0.3 * best, -0.3 * best):
        target = (x + delta) @ v if labels == "oracle" else x @ v
        ends.append(0.5 * ((x + delta) @ w - target) ** 2)
    samples = np.maximum(*ends)
    theory = linear_error(w, v, U, 0.3, labels=labels, perturbation=perturbation, norm=norm)
    assert abs(z_score(samples, theory)) < 4
    other = "fixed" if labels == "oracle" else "oracle"
    assert abs(z_score(samples, linear_error(w, v, U, 0.3, labels=other, perturbation=perturbation, norm=norm))) > 8


def test_the_robust_error_of_a_perfect_student():
    w, U, _ = a_model()
    v = U @ (U.T @ w)
    outside = np.linalg.norm(w - v)
    found = linear_error(w, v, U, [0.0, 0.5], perturbation="outside")
    assert found == pytest.approx([0, 0.125 * outside**2], abs=1e-15)
    assert linear_error(w, w, U, 3.0) == 0.0
    tau = np.linalg.norm(v)
    assert linear_error(0 * w, v, U, 1.0, labels="fixed") == pytest.approx(tau**2 / 2, rel=1e-14)
    assert linear_error(2 * w, w, np.eye(9), 0.1) == pytest.approx(
        0.5 * np.linalg.norm(w) ** 2 * (1 + 0.2 * math.sqrt(2 / math.pi) + 0.01), rel=1e-14
    )


@pytest.mark.parametrize(
    "function, changes, sentence",
    [
        (largest_change, {"weights": np.ones((2, 3))}, r"'weights' parameter of largest_change must have 1 dimension"),
        (largest_change, {"epsilon": -1}, "'epsilon' parameter of largest_change must be >= 0"),
        (largest_change, {"norm": "inf"}, "'norm' parameter of largest_change must be one of 'l2', 'linf'"),
        (largest_change, {"subspace": np.ones((3, 1))}, "orthonormal columns"),
        (linear_error, {"teacher": np.ones(2)}, "must have the same shape"),
        (linear_error, {"epsilon": [-1]}, "'epsilon' parameter of linear_error must be >= 0"),
        (linear_error, {"labels": 3}, "'labels' parameter of linear_error"),
        (linear_error, {"perturbation": "everywhere"}, "'perturbation' parameter of linear_error"),
        (linear_error, {"norm": "l0"}, "'norm' parameter of linear_error"),
    ],
)
def test_a_bad_question_is_a_sentence(function, changes, sentence):
    arguments = {"epsilon": 0.1, "subspace": np.eye(3)[:, :2]}
    arguments |= (
        {"weights": np.ones(3)} if function is largest_change else {"student": np.ones(3), "teacher": np.ones(3)}
    )
    with pytest.raises(ParameterError, match=sentence):
        function(**{**arguments, **changes})
