"""Who belongs to whom, read off rho(teacher, student): the best correlation, coverage, and one-to-one assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.errors import ParameterError


def best_correlation(rho: Any) -> np.ndarray:
    """max_k rho_jk: how close a teacher node's best student is. Shape (..., m) from (..., m, n)."""
    return checked_rho(rho).max(axis=-1)


def alignment(rho: Any) -> np.ndarray:
    """max_j rho_jk: how close a student is to the teacher node it resembles most. Shape (..., n) from (..., m, n).

    Source: drawn against the fan-out it is the L-shape of Tian, "Student Specialization in Deep Rectified Networks
    With Finite Width and Input Dimension", ICML 2020.
    """
    return checked_rho(rho).max(axis=-2)


def coverage(best: Any, threshold: float = 0.95) -> np.ndarray:
    """Share of teacher nodes whose best correlation exceeds `threshold`: shape (...) from `best` (..., m).

    NaN where the best correlation of any node is NaN, as in a seed that diverged.

    Raises:
        ParameterError: the threshold is not between -1 and 1.
    """
    limit = checked_threshold(threshold)
    best = np.asarray(best, dtype=float)
    return np.where(np.isnan(best).any(axis=-1), np.nan, (best > limit).mean(axis=-1))


def assign(rho: Any) -> np.ndarray:
    """The student of each teacher node when no student may serve two: maximises sum_j rho_j,k(j). Shape (..., m).

    The maximum may give one student to several teacher nodes; this does not (linear sum assignment). A teacher node
    without a student, because there are fewer of them, has -1, and so has every node where rho holds NaN.
    """
    from scipy.optimize import linear_sum_assignment

    rho = checked_rho(rho)
    students = np.full(rho.shape[:-1], -1)
    for index in np.ndindex(rho.shape[:-2]):
        if np.isfinite(rho[index]).all():
            rows, columns = linear_sum_assignment(rho[index], maximize=True)
            students[index][rows] = columns
    return students


def assigned_correlation(rho: Any) -> np.ndarray:
    """rho of each teacher node and the student that :func:`assign` gives it, NaN without one. Shape (..., m)."""
    rho = checked_rho(rho)
    students = assign(rho)
    values = np.take_along_axis(rho, np.maximum(students, 0)[..., None], axis=-1)[..., 0]
    return np.where(students < 0, np.nan, values)


def checked_threshold(threshold: Any) -> float:
    """A threshold of a correlation, or one sentence."""
    if not isinstance(threshold, (int, float, np.integer, np.floating)) or not -1 <= threshold < 1:
        raise ParameterError(
            "The threshold of a coverage must be a number >= -1 and < 1, because correlations are at most 1. "
            f"Got {threshold!r:.60} instead; 0.95 is usual."
        )
    return float(threshold)


def checked_rho(rho: Any) -> np.ndarray:
    """rho as an array (..., teacher, student), or one sentence."""
    rho = np.asarray(rho, dtype=float)
    if rho.ndim < 2 or 0 in rho.shape:
        raise ParameterError(
            f"rho must have shape (..., teachers, students), at least one of each. Got {rho.shape} instead; "
            "correlate(teacher, student).rho computes it from activations."
        )
    return rho
