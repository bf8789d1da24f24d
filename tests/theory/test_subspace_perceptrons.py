"""Robust errors of perceptrons: exact distances on samples, closed forms, degenerate cases."""

import math

import numpy as np
import pytest

from practicum import ParameterError
from practicum.theory.subspace import perceptron_error

D, R = 8, 3


def perceptrons(seed=0, teacher_inside=False):
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((D, R)))[0]
    w, v = rng.standard_normal(D), rng.standard_normal(D)
    v = U @ (U.T @ v) if teacher_inside else v
    w = w + 1.5 * v
    return w / np.linalg.norm(w), v / np.linalg.norm(v), U, rng


def reaches(x, w, v, rest):
    """How far each x is, along the projection `rest`, from the wedge {w . y <= 0 <= v . y}: a convex projection.

    Active sets: no constraint, one of them, or both; the shortest step that ends in the wedge.
    """
    best = np.where((x @ w <= 0) & (x @ v >= 0), 0.0, np.inf)
    for rows in ([w], [v], [w, v]):
        A = np.array(rows) @ rest
        step = -np.linalg.lstsq(A @ A.T, (x @ np.array(rows).T).T, rcond=None)[0].T @ A
        y = x + step
        met = np.abs(y @ np.array(rows).T).max(1) < 1e-9
        ends = met & (y @ w <= 1e-9) & (y @ v >= -1e-9)
        best = np.where(ends, np.minimum(best, np.linalg.norm(step, axis=1)), best)
    return best


def disagree(x, w, v, rest, epsilon, labels):
    """Whether a step of at most epsilon along `rest` makes the two disagree."""
    if labels == "oracle":
        nearest = np.minimum(reaches(x, w, v, rest), reaches(x, -w, -v, rest))
        return nearest <= epsilon
    length = np.linalg.norm(rest @ w)
    return ((x @ w) * (x @ v) <= 0) | (np.abs(x @ w) <= epsilon * length)


@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("perturbation", ["anywhere", "outside"])
@pytest.mark.parametrize("teacher_inside", [False, True])
def test_the_error_is_the_share_of_inputs_that_can_be_broken(labels, perturbation, teacher_inside):
    w, v, U, rng = perceptrons(seed=3, teacher_inside=teacher_inside)
    x = rng.standard_normal((100_000, R)) @ U.T
    rest = np.eye(D) - (U @ U.T if perturbation == "outside" else 0.0)
    for epsilon in (0.0, 0.3):
        share = disagree(x, w, v, rest, epsilon, labels).mean()
        error = math.sqrt(share * (1 - share) / len(x))
        theory = perceptron_error(w, v, U, epsilon, labels=labels, perturbation=perturbation)
        assert abs(share - theory) < 4 * error
    # Power: no perturbation, or the other place, is rejected by the same comparison.
    other = "outside" if perturbation == "anywhere" else "anywhere"
    for wrong in (
        perceptron_error(w, v, U, 0.0, labels=labels, perturbation=perturbation),
        perceptron_error(w, v, U, 0.3, labels=labels, perturbation=other),
    ):
        assert abs(share - wrong) > 8 * error


def test_labels_differ_unless_the_teacher_lies_inside():
    w, v, U, _ = perceptrons(seed=4)
    oracle, fixed = (perceptron_error(w, v, U, 0.3, labels=labels) for labels in ("oracle", "fixed"))
    assert oracle > fixed + 0.01
    w, v, U, _ = perceptrons(seed=4, teacher_inside=True)
    oracle, fixed = (
        perceptron_error(w, v, U, [0.1, 0.3], labels=labels, perturbation="outside") for labels in ("oracle", "fixed")
    )
    assert oracle == pytest.approx(fixed, abs=1e-14)


@pytest.mark.parametrize("labels", ["oracle", "fixed"])
@pytest.mark.parametrize("perturbation", ["anywhere", "outside"])
def test_boxes_instead_of_balls(labels, perturbation):
    """For whole coordinates the worst box is known: every entry of delta against the sign of the weight."""
    rng = np.random.default_rng(5)
    w, v, U = rng.standard_normal(D) + 1, rng.standard_normal(D) + 1, np.eye(D)[:, :R]
    free = np.arange(D) >= (R if perturbation == "outside" else 0)
    x = rng.standard_normal((200_000, R)) @ U.T
    reach = [0.1 * np.abs(vector[free]).sum() for vector in (w, v if labels == "oracle" else 0 * v)]
    broken = ~(((x @ w > reach[0]) & (x @ v > reach[1])) | ((x @ w < -reach[0]) & (x @ v < -reach[1])))
    theory = perceptron_error(w, v, U, 0.1, labels=labels, perturbation=perturbation, norm="linf")
    assert abs(broken.mean() - theory) < 4 * math.sqrt(theory * (1 - theory) / len(x))
    ball = perceptron_error(w, v, U, 0.1, labels=labels, perturbation=perturbation)
    assert abs(broken.mean() - ball) > 8 * math.sqrt(theory * (1 - theory) / len(x))


def test_closed_forms():
    w, v, U, _ = perceptrons(seed=6)
    a, b = U.T @ w, U.T @ v
    angle = math.acos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    for labels in ("oracle", "fixed"):
        assert perceptron_error(w, v, U, 0.0, labels=labels) == pytest.approx(angle / math.pi, abs=1e-14)
        assert perceptron_error(w, v, U, 1e9, labels=labels) == 1.0
    # Lengths do not matter.
    assert perceptron_error(5 * w, 0.1 * v, U, 0.2) == pytest.approx(perceptron_error(w, v, U, 0.2), abs=1e-15)
    # Identical inside, apart outside: fixed labels break where |w . x| < epsilon |(I - P) w|.
    same = U @ (U.T @ v)
    w = same + (np.eye(D) - U @ U.T) @ w
    w /= np.linalg.norm(w)
    reach = 0.4 * np.linalg.norm(w - U @ (U.T @ w)) / np.linalg.norm(U.T @ w)
    expected = math.erf(reach / math.sqrt(2))
    assert perceptron_error(w, same, U, 0.4, labels="fixed", perturbation="outside") == pytest.approx(
        expected, abs=1e-14
    )
    assert perceptron_error(w, same, U, 0.4, perturbation="outside") == pytest.approx(expected, abs=1e-14)


def test_the_oracle_error_does_not_vanish_with_the_angle_but_does_without_one():
    w, v, U, _ = perceptrons(seed=7)
    near = v + 1e-7 * w
    limit = math.erf(0.2 / np.linalg.norm(U.T @ v) / math.sqrt(2))
    assert perceptron_error(near, v, U, 0.2) == pytest.approx(limit, abs=1e-6)
    assert perceptron_error(3 * v, v, U, 0.2) == 0.0
    assert (perceptron_error(v, v, U, [0.0, 1.0]) == 0).all()
    assert perceptron_error(-v, v, U, 0.0) == 1.0


def test_a_small_angle_keeps_its_digits():
    U = np.eye(4)[:, :2]
    for angle in (1e-4, 1e-9, 1e-13):
        w = np.array([math.cos(angle), math.sin(angle), 0.3, 0])
        v = np.array([1.0, 0, 0, 0.2])
        assert perceptron_error(w, v, U, 0.0) == pytest.approx(angle / math.pi, abs=2e-16)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"student": np.ones((1, 3))}, r"'student' parameter of perceptron_error must have 1 dimension\(s\)"),
        ({"teacher": np.ones(2)}, "must have the same shape"),
        ({"student": np.array([0.0, 0, 1])}, "'student' parameter .* must not be orthogonal to the data subspace"),
        ({"teacher": np.zeros(3)}, "'teacher' parameter .* must not be orthogonal"),
        ({"epsilon": -0.1}, "'epsilon' parameter of perceptron_error must be >= 0"),
        ({"subspace": np.ones((3, 1))}, "orthonormal columns"),
        ({"labels": "none"}, "'labels' parameter of perceptron_error"),
        (
            {"perturbation": "inside"},
            "'perturbation' parameter of perceptron_error must be one of 'anywhere', 'outside'",
        ),
        ({"norm": "l1"}, "'norm' parameter of perceptron_error must be one of 'l2', 'linf'"),
    ],
)
def test_a_bad_question_is_a_sentence(changes, sentence):
    arguments = {"student": np.ones(3), "teacher": np.ones(3), "subspace": np.eye(3)[:, :2], "epsilon": 0.1}
    with pytest.raises(ParameterError, match=sentence):
        perceptron_error(**{**arguments, **changes})
