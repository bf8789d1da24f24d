"""When nodes fire: how often each does, which a teacher's boundary cuts, and how rarely two fire together."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.correlation import as_activations, as_numpy, as_pair

# Samples that are counted at a time: float32 counts exactly up to 2^24.
_ROWS = 4096


class Activity:
    """Counts over streams of samples of when teacher and student nodes fire, that is, have a value above 0.

    ``update`` takes pre-activations or ReLU outputs of shape (..., samples, nodes), NumPy's or PyTorch's, any number of
    times. NaN does not fire. Results are NumPy arrays.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._teacher: Any = 0.0
        self._student: Any = 0.0
        self._both: Any = 0.0

    def update(self, teacher: Any, student: Any) -> Activity:
        """Take in more samples: teacher (..., samples, m) and student (..., samples, n).

        Raises:
            ParameterError: the numbers of samples differ, there are none, or the axes in front do not fit each other.
        """
        teacher, student = as_pair("Activity", teacher, student)
        for first in range(0, teacher.shape[-2], _ROWS):
            part = slice(first, first + _ROWS)
            a, b = _gates(teacher[..., part, :]), _gates(student[..., part, :])
            self._teacher = self._teacher + as_numpy(a.sum(axis=-2))
            self._student = self._student + as_numpy(b.sum(axis=-2))
            self._both = self._both + as_numpy(a.swapaxes(-1, -2) @ b)
        self.samples += teacher.shape[-2]
        return self

    @property
    def teacher(self) -> np.ndarray:
        """The share of samples on which a teacher node fires, shape (..., m)."""
        return self._share(self._teacher)

    @property
    def student(self) -> np.ndarray:
        """The share of samples on which a student fires, shape (..., n): 0 is a dead node, 1 a linear one."""
        return self._share(self._student)

    @property
    def dead(self) -> np.ndarray:
        """True for a student that never fires, shape (..., n). A ReLU that does not fire does not learn either."""
        return self.student == 0

    @property
    def linear(self) -> np.ndarray:
        """True for a student that fires always, shape (..., n): a ReLU whose boundary lies outside the data."""
        return self.student == 1

    @property
    def observation(self) -> np.ndarray:
        """min(#{f*_j > 0, f_k > 0}, #{f*_j <= 0, f_k > 0}) / N, shape (..., m, n): the share of samples that student k
        sees on the rarer side of the boundary of teacher node j. Where it is 0, the boundary is not observed.

        Source: Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input Dimension", ICML
        2020; there a boundary is observed if it runs through the region in which the student fires.
        """
        beyond = np.asarray(self._student)[..., None, :] - self._both
        return self._share(np.minimum(self._both, beyond))

    def _share(self, counts: Any) -> np.ndarray:
        if not self.samples:
            raise ParameterError("Activity needs at least one sample. Got none; call update(teacher, student).")
        return np.asarray(counts) / self.samples


class Overlap:
    """E[f f^T] and E[gate gate^T] of the nodes of one layer, over streams of samples.

    The analysis of lucky nodes rests on teacher nodes that are rarely active together.

    Source: Tian et al., "Luck Matters: Understanding Training Dynamics of Deep ReLU Networks", arXiv:1905.13405.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._values: Any = 0.0
        self._gates: Any = 0.0

    def update(self, values: Any, drives: Any = None) -> Overlap:
        """Take in more samples: activations (..., samples, m), and what decides whether they fire if not themselves."""
        values = as_activations("network", values)
        gates = _gates(values if drives is None else as_activations("network", drives))
        for first in range(0, values.shape[-2], _ROWS):
            f, g = values[..., first : first + _ROWS, :], gates[..., first : first + _ROWS, :]
            self._values = self._values + as_numpy(f.swapaxes(-1, -2) @ f)
            self._gates = self._gates + as_numpy(g.swapaxes(-1, -2) @ g)
        self.samples += values.shape[-2]
        return self

    @property
    def values(self) -> np.ndarray:
        """E[f f^T], shape (..., m, m)."""
        return self._mean(self._values)

    @property
    def gates(self) -> np.ndarray:
        """E[gate gate^T], shape (..., m, m): how often two nodes fire together, and on the diagonal each at all."""
        return self._mean(self._gates)

    def _mean(self, total: Any) -> np.ndarray:
        if not self.samples:
            raise ParameterError("An overlap needs at least one sample. Got none; call update(values).")
        return np.asarray(total) / self.samples


def off_diagonal_share(matrix: Any) -> np.ndarray:
    """The mean entry off the diagonal over the mean one on it: 0 for nodes that are never active together.

    Shape (...) from (..., m, m). Of E[gate gate^T] with independent nodes that fire half the time it is 1/2; of
    E[f f^T] with ReLU nodes of independent Gaussian drives around 0 it is 1/pi.

    Raises:
        ParameterError: the matrix is not square, or has one node only.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] < 2:
        raise ParameterError(
            f"Overlaps must have shape (..., m, m) with at least two nodes. Got {matrix.shape} instead."
        )
    nodes = matrix.shape[-1]
    diagonal = np.trace(matrix, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (matrix.sum(axis=(-2, -1)) - diagonal) / (nodes - 1) / diagonal


def _gates(values: Any) -> Any:
    """1 where a node fires, in float32, which counts fast."""
    fires = values > 0
    return fires.float() if hasattr(fires, "detach") else fires.astype(np.float32)
