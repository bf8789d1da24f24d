"""Robust errors against closed forms: perceptrons, linear regression, and the first order of small perturbations."""

import numpy as np
import pytest
from scipy.special import erf

torch = pytest.importorskip("torch")

from practicum.networks import LowRankInputs  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.networks.randomness import generator  # noqa: E402
from practicum.robustness import _measuring, _searches  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise  # noqa: E402
from practicum.robustness.errors import robust_errors  # noqa: E402
from robustness.perceptrons import (  # noqa: E402
    INPUTS,
    STUDENT,
    SUBSPACE,
    TEACHER,
    X,
    dual,
    error_of_signs,
    one_output,
    outside,
    standard_errors,
    two_classes,
    unit,
)

EPSILONS = (0.1, 0.4)
SHARES = ["fixed_label_error", "oracle_error"]


def strong(norm):
    # Its steps begin as large as the ball and are halved, so that it ends next to the nearest boundary.
    return APGD(norm=norm, steps=30)


@pytest.mark.parametrize("scale", [1.0, 10.0])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_perceptrons(norm, scale):
    """Anywhere: 1 - 2 Phi_2(-m_w / s_w, -m_v / s_v; rho), m_v = 0 for fixed labels; the outputs' scale is no matter."""
    epsilons = EPSILONS if norm == "l2" else [e / 3 for e in EPSILONS]
    students, teacher = two_classes(STUDENT, TEACHER, scale=scale), two_classes(TEACHER)
    found = robust_errors(students, X, epsilons, teacher=teacher, attack=strong(norm), kinds=SHARES)
    w, v = X @ STUDENT, X @ TEACHER
    crossed = (w > 0) != (v > 0)
    for epsilon in epsilons:
        reach_w, reach_v = epsilon * dual(norm, STUDENT), epsilon * dual(norm, TEACHER)
        expected = {
            "fixed_label_error": error_of_signs(STUDENT, TEACHER, reach_w, 0.0),
            "oracle_error": error_of_signs(STUDENT, TEACHER, reach_w, reach_v),
        }
        assert expected["oracle_error"] > expected["fixed_label_error"] + 0.02
        on_these = {
            "fixed_label_error": (crossed | (np.abs(w) < reach_w)).mean(),
            "oracle_error": (crossed | (np.abs(w) < reach_w) | (np.abs(v) < reach_v)).mean(),
        }
        for name in SHARES:
            error = float(found[name].sel(epsilon=epsilon, seed=0))
            assert abs(standard_errors(error, expected[name])) < 4
            assert on_these[name] - 1e-3 < error <= on_these[name] + 1e-12  # 1e-3: next to where boundaries cross
    # The teacher as its own student: nobody disagrees with himself, and with fixed labels a boundary is near.
    assert (found.oracle_error.sel(seed=1) == 0).all()
    near = erf(reach_v / np.linalg.norm(SUBSPACE.T @ TEACHER) / np.sqrt(2))
    assert abs(standard_errors(float(found.fixed_label_error[1, 1]), near)) < 4


def misses(found, epsilon=EPSILONS[-1]):
    """By how many standard errors both errors are too small."""
    reach = epsilon
    expected = [error_of_signs(STUDENT, TEACHER, reach, 0.0), error_of_signs(STUDENT, TEACHER, reach, reach)]
    errors = [float(found[name].sel(epsilon=epsilon, seed=0)) for name in SHARES]
    return [-standard_errors(error, truth) for error, truth in zip(errors, expected)]


@pytest.mark.parametrize("weak", [PGD(norm="l2", steps=2, step_size=0.1), RandomNoise(norm="l2", tries=5)])
def test_a_weak_attack_fails_the_same_test(weak):
    found = robust_errors(two_classes(STUDENT), X, EPSILONS, teacher=two_classes(TEACHER), attack=weak, kinds=SHARES)
    assert min(misses(found)) > 4


@pytest.mark.parametrize("kept", [0, 1])
def test_half_of_the_search_for_the_oracle_error_is_not_enough(kept, monkeypatch):
    """Only the student led across its boundary, or only the teacher across its own."""
    whole = _searches.searches
    monkeypatch.setattr(
        _measuring, "searches", lambda *asked: found if len(found := whole(*asked)) == 1 else found[kept : kept + 1]
    )
    found = robust_errors(
        two_classes(STUDENT), X, EPSILONS, teacher=two_classes(TEACHER), attack=strong("l2"), kinds=SHARES
    )
    assert abs(misses(found)[0]) < 4
    assert misses(found)[1] > 4


def test_outside_the_subspace_of_a_teacher_that_lies_in_it_both_judges_are_one():
    """1 - 2 Phi_2(-epsilon |(I - P) w| / s_w, 0; rho)."""
    teacher = SUBSPACE @ (SUBSPACE.T @ TEACHER)
    found = robust_errors(
        two_classes(STUDENT), X, EPSILONS, teacher=two_classes(teacher), attack=strong("l2"), subspace=SUBSPACE,
        side="outside", kinds=SHARES,
    )  # fmt: skip
    for epsilon in EPSILONS:
        expected = error_of_signs(STUDENT, teacher, epsilon * np.linalg.norm(outside(STUDENT)), 0.0)
        for name in SHARES:
            assert abs(standard_errors(float(found[name].sel(epsilon=epsilon)[0]), expected)) < 4
        anywhere = error_of_signs(STUDENT, teacher, epsilon, 0.0)  # power: what leaves the complement finds more
        assert standard_errors(anywhere, expected) > 4
    np.testing.assert_array_equal(found.fixed_label_error, found.oracle_error)


def distance_to_sure_disagreement(p, q, cosine, margin):
    """The Euclidean distance from fields (w.x, v.x) = (p, q), w and v of length 1, to {p <= 0, q >= margin}.

    The nearest point is the foot on one edge, if it lies on the edge, or the corner.
    """
    corner = np.sqrt((p * p - 2 * cosine * -p * (margin - q) + (margin - q) ** 2) / (1 - cosine**2))
    foot_p = np.where((p > 0) & (q - cosine * p >= margin), p, np.inf)
    foot_q = np.where((q < margin) & (p + cosine * (margin - q) <= 0), margin - q, np.inf)
    inside = (p <= 0) & (q >= margin)
    return np.where(inside, 0.0, np.minimum(np.minimum(foot_p, foot_q), corner))


@pytest.mark.parametrize("margin", [0.1, 0.5])
def test_the_gated_error_of_perceptrons(margin):
    """Against the distance to the wedges in which the teacher is sure and the student wrong."""
    rows = X[:4000]
    w, v, cosine = rows @ STUDENT, rows @ TEACHER, STUDENT @ TEACHER
    distance = np.minimum(*(distance_to_sure_disagreement(s * w, s * v, cosine, margin) for s in (1, -1)))
    found = robust_errors(
        two_classes(STUDENT), rows, EPSILONS, teacher=two_classes(TEACHER), margin=margin,
        attack=APGD(norm="l2", steps=60), kinds=["oracle_error", "margin_gated_oracle_error"], clean=True,
    )  # fmt: skip
    assert found.margin_gated_oracle_error.attrs["margin"] == margin
    for epsilon in (0.0, *EPSILONS):
        error = float(found.margin_gated_oracle_error.sel(epsilon=epsilon)[0])
        # 2e-3: inputs of which a corner of a wedge lies just within epsilon.
        assert (distance <= epsilon).mean() - 2e-3 <= error <= (distance <= epsilon + 1e-9).mean()
        without = float(found.oracle_error.sel(epsilon=epsilon)[0])  # power: without the gate there are more
        assert without > error + 0.02


def test_plain_steps_need_a_teacher_that_stays_across_its_boundary():
    """PGD, which does not settle at corners, finds the gated error to a point if the second search keeps its way."""
    rows = X[:2000]
    w, v, cosine = rows @ STUDENT, rows @ TEACHER, STUDENT @ TEACHER
    near = np.minimum(*(distance_to_sure_disagreement(s * w, s * v, cosine, 0.1) for s in (1, -1))) <= 0.4
    found = robust_errors(
        two_classes(STUDENT), rows, 0.4, teacher=two_classes(TEACHER), margin=0.1,
        attack=PGD(norm="l2", steps=40, restarts=2), kinds=["margin_gated_oracle_error"],
    )  # fmt: skip
    assert near.mean() - 0.01 < found.margin_gated_oracle_error.item() <= near.mean()


def test_a_student_next_to_its_teacher_is_wrong_without_the_gate_only():
    """The oracle error is degenerate: it tends to the mass near the teacher's boundary, not to 0."""
    almost = TEACHER + 0.01 * unit(2)
    found = robust_errors(
        two_classes(almost), X[:4000], 0.2, teacher=two_classes(TEACHER), margin=0.05,
        attack=APGD(norm="l2", steps=100),
        kinds=["oracle_error", "margin_gated_oracle_error"], clean=True,
    )  # fmt: skip
    near = (np.abs(X[:4000] @ TEACHER) < 0.2).mean()
    clean, attacked = found.oracle_error[:, 0]
    assert clean < 2e-3
    assert near > 0.15
    assert attacked > 0.95 * near
    assert (found.margin_gated_oracle_error == 0).all()


@pytest.mark.parametrize("attack", [strong("l2"), strong("linf"), FGSM(norm="linf"), APGD(norm="linf", steps=20)])
def test_squared_errors_of_linear_students(attack):
    """1/2 (|r| + epsilon |w|*)^2 of every residual r, in the dual norm; with an oracle of w - v."""
    rows, w, v = X[:500], STUDENT, 1.5 * unit(4)
    residual = np.abs(rows @ w - rows @ v)
    found = robust_errors(one_output(w), rows, EPSILONS, teacher=one_output(v), attack=attack, clean=True)
    assert list(found.data_vars) == ["fixed_squared_error", "oracle_squared_error"]
    for name, slope in (("fixed_squared_error", w), ("oracle_squared_error", w - v)):
        for epsilon in (0.0, *EPSILONS):
            expected = 0.5 * (residual + epsilon * dual(attack.norm, slope)) ** 2
            error = float(found[name].sel(epsilon=epsilon)[0])
            # 3 %: inputs whose random start lies beyond r = 0 climb to the lower of two tops.
            assert expected.mean() * (1 - 3e-2) < error < expected.mean() * (1 + 1e-12)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_squared_error_outside_is_at_least_its_first_order(activation):
    """(epsilon^2 / 2) E |grad outside (s - t)|^2 of a student that is its teacher inside the subspace.

    E |grad (s - t)|^2 = a'(Q_ * J2)a + b'(T_ * J2)b - 2 a'(R_ * J2)b, all J2 = <g'(h_i) g'(h_j)> being those of the
    teacher's fields. What is found lies above by terms of higher order.
    """
    law = LowRankInputs(dimension=20, rank=8)
    U = law.subspace()
    rng = np.random.default_rng(11)
    V, W = rng.standard_normal((2, 3, 20)) / np.sqrt(8)
    W += (V - W) @ U @ U.T
    a = rng.standard_normal(3)
    rows = law.sample(generator(5, "held-out"), 6000)
    networks = [MLP([torch.from_numpy(M)[None], torch.from_numpy(a)[None, None]], [None, None], activation=activation)
                for M in (W, V)]  # fmt: skip
    C = V @ U @ U.T @ V.T  # covariance of the fields
    s = np.sqrt(np.diag(C))
    if activation == "relu":
        J2 = 0.25 + np.arcsin(np.clip(C / np.outer(s, s), -1, 1)) / (2 * np.pi)
    else:
        J2 = (2 / np.pi) / np.sqrt(np.outer(1 + s**2, 1 + s**2) - C**2)
    rest = (W - V) @ (np.eye(20) - U @ U.T)
    first = a @ (rest @ rest.T * J2) @ a
    # The standard error, from the gradients at these inputs.
    fields = rows @ V.T
    slope = (fields > 0) * 1.0 if activation == "relu" else np.sqrt(2 / np.pi) * np.exp(-(fields**2) / 2)
    squares = (((slope * a) @ rest) ** 2).sum(1)
    error = squares.std() / np.sqrt(len(rows))
    assert abs(squares.mean() - first) < 4 * error
    epsilons = [0.02, 0.1]
    found = robust_errors(
        networks[0], rows, epsilons, teacher=networks[1], attack=APGD(norm="l2", steps=60, restarts=2),
        subspace=U, side="outside", kinds=["oracle_squared_error"], clean=True,
    ).oracle_squared_error  # fmt: skip
    assert float(found.sel(epsilon=0)[0]) < 1e-25
    for epsilon in epsilons:
        ratio = float(found.sel(epsilon=epsilon)[0]) / (epsilon**2 / 2)
        assert first - 4 * error < ratio < 1.1 * first + 4 * error
        assert ratio > squares.mean()  # on the same inputs, without the noise of which they are
    weak = robust_errors(
        networks[0], rows, epsilons, teacher=networks[1], attack=RandomNoise(norm="l2"), subspace=U, side="outside",
        kinds=["oracle_squared_error"],
    ).oracle_squared_error  # fmt: skip
    assert float(weak[0, 0]) / (0.02**2 / 2) < first - 4 * error


def test_the_number_of_inputs_is_what_the_standard_errors_assume():
    assert len(X) == INPUTS
