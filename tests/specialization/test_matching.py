"""Best correlation, alignment, coverage, assignment: on networks whose answer is known."""

from itertools import permutations

import numpy as np
import pytest

from practicum import ParameterError
from practicum.specialization.correlation import correlate
from practicum.specialization.matching import (
    alignment,
    assign,
    assigned_correlation,
    best_correlation,
    coverage,
)


def copied(order, scales, noise=0.0, seed=0, samples=400):
    """A teacher, and students that copy its nodes in a given order and at given scales."""
    rng = np.random.default_rng(seed)
    teacher = np.maximum(rng.standard_normal((samples, 5)), 0)
    student = teacher[:, order] * scales
    return teacher, student + noise * rng.standard_normal(student.shape)


def test_permuted_copies_are_found():
    order = [3, 1, 4, 0, 2]
    rho = correlate(*copied(order, [0.1, 1, 2, 3, 50])).rho
    assert best_correlation(rho) == pytest.approx(np.ones(5), abs=1e-14)
    assert alignment(rho) == pytest.approx(np.ones(5), abs=1e-14)
    assert assign(rho).tolist() == np.argsort(order).tolist()
    assert coverage(best_correlation(rho)) == 1.0


def test_many_students_of_one_teacher_cover_one_teacher():
    teacher, student = copied([2, 2, 2, 2, 0], [1, 2, 3, 4, 5])
    student[:, 1] = 0  # a dead one
    rho = correlate(teacher, student).rho
    assert coverage(best_correlation(rho)) == pytest.approx(2 / 5)
    aligned = alignment(rho)
    assert aligned[[0, 2, 3, 4]] == pytest.approx(np.ones(4), abs=1e-14)
    assert aligned[1] <= 0.0 + 1e-15


def test_one_student_may_be_the_best_of_two_teachers_but_is_assigned_once():
    rho = np.array([[0.9, 0.6], [0.8, 0.1]])
    assert rho.argmax(axis=1).tolist() == [0, 0]
    assert assign(rho).tolist() == [1, 0]
    assert assigned_correlation(rho).tolist() == [0.6, 0.8]


def test_the_assignment_is_the_best_of_all():
    rho = np.random.default_rng(3).uniform(-1, 1, (2, 4, 6))
    for layer in rho:
        best = max(permutations(range(6), 4), key=lambda columns: layer[range(4), columns].sum())
        assert assign(layer).tolist() == list(best)
    assert assign(rho).tolist() == [assign(layer).tolist() for layer in rho]
    assert (best_correlation(rho) >= assigned_correlation(rho)).all()


def test_too_few_students_leave_a_teacher_alone():
    rho = np.array([[0.9], [0.95], [0.1]])
    assert assign(rho).tolist() == [-1, 0, -1]
    assert np.isnan(assigned_correlation(rho)).tolist() == [True, False, True]


def test_a_seed_that_diverged_has_no_coverage():
    rho = np.random.default_rng(0).uniform(-1, 1, (3, 4, 6))
    rho[1, 2, 3] = np.nan
    assert np.isnan(coverage(best_correlation(rho), 0.5)).tolist() == [False, True, False]
    assert assign(rho)[1].tolist() == [-1] * 4
    assert (assign(rho)[[0, 2]] >= 0).all()


def test_coverage_counts_what_lies_above():
    best = [[0.94, 0.95, 0.96, 1.0], [0.0, 0.1, 0.2, 0.3]]
    assert coverage(best, 0.95).tolist() == [0.5, 0.0]
    assert coverage(best, 0.2).tolist() == [1.0, 0.25]


@pytest.mark.parametrize("threshold", [1.0, 95, -1.5, np.nan, "0.95", None])
def test_a_threshold_is_a_correlation(threshold):
    with pytest.raises(ParameterError, match="The threshold of a coverage must be a number >= -1 and < 1"):
        coverage([0.5], threshold)


@pytest.mark.parametrize("rho", [np.ones(3), np.ones((0, 3)), 0.5])
def test_rho_has_two_axes(rho):
    with pytest.raises(ParameterError, match=r"rho must have shape \(..., teachers, students\)"):
        best_correlation(rho)
