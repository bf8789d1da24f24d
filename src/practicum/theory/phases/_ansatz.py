"""The two site-symmetric ansaetze: a few coordinates that stand for all overlaps.

*Plateau*, any K and M: ``Q_ii = Q, Q_ik = C, R_in = R``.
*Convergence*, K = M: ``Q_ii = Q, Q_ik = C, R_ii = R, R_in = S``.
The teacher is isotropic, ``T = t I``, and all fan-outs are 1.

Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), sections IV and V.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from practicum.theory.machines import Committee, LearningRule
from practicum.theory.phases._symmetric import Group, Overlaps, generalization_error, student_drift, teacher_drift

_STEP = 1e-30  # of the complex differentiation: no subtraction, hence no cancellation, hence any size will do


class Ansatz(ABC):
    """A few coordinates `x` that describe all overlaps of a site-symmetric state; a leading axis is the coordinate."""

    @abstractmethod
    def overlaps(self, x: np.ndarray) -> Overlaps:
        """The grouped overlaps that `x`, of shape (coordinates,) or (coordinates, batch), stands for."""

    @abstractmethod
    def drift(self, x: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        """``dx / d alpha``, of the shape of `x`."""

    def jacobian(self, x: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        """``d drift / d x``, to machine precision."""
        steps = x[:, None] + 1j * _STEP * np.eye(len(x))
        return np.imag(self.drift(steps, machine, rule)) / _STEP

    def error(self, x: np.ndarray) -> float:
        """The generalization error at `x`."""
        return float(generalization_error(self.overlaps(x)))


@dataclass(frozen=True)
class PlateauAnsatz(Ansatz):
    """``x = (Q, C, R)`` for K students that cannot tell M teachers of squared norm t apart."""

    students: float
    teachers: float
    teacher_norm: float = 1.0

    def overlaps(self, x: np.ndarray) -> Overlaps:
        groups = (Group(self.students, teacher=False), Group(self.teachers, student=False))
        Q, C, R = (np.asarray(c) for c in x)
        same = np.zeros((*Q.shape, 2, 2, 2), dtype=Q.dtype)
        other = np.zeros((*Q.shape, 2, 2, 2, 2), dtype=Q.dtype)
        same[..., 0, 0, 0], same[..., 1, 1, 1] = Q, self.teacher_norm
        other[..., 0, 0, 0, 0], other[..., 0, 1, 0, 1], other[..., 1, 0, 1, 0] = C, R, R
        return Overlaps(groups, same, other)

    def drift(self, x: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        state = self.overlaps(x)
        diagonal, between = student_drift(state, machine, rule, 0), student_drift(state, machine, rule, 0, 0)
        return np.stack([diagonal, between, teacher_drift(state, rule, 0, 1)])

    def distinct(self, y: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        """Equations for ``y = (Q - C, C, R)`` without the root Q = C (identical students stay so), divided out."""
        q, C, R = y
        dQ, dC, dR = self.drift(np.stack([C + q, C, R]), machine, rule)
        return np.stack([(dQ - dC) / q, dC, dR])

    def possible(self, y: np.ndarray) -> bool:
        """Whether ``y = (Q - C, C, R)`` are overlaps of different students: ``[[Q, R], [R^T, T]]`` is a Gram matrix."""
        q, C, R = y
        return q > 0 and q + self.students * C >= self.students * self.teachers * R**2 / self.teacher_norm

    def merged(self, y: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        """Equations for ``y = (Q, R)`` of identical students."""
        Q, R = y
        return self.drift(np.stack([Q, Q, R]), machine, rule)[1:]


@dataclass(frozen=True)
class ConvergenceAnsatz(Ansatz):
    """``x = (Q, C, R, S)`` for K students, each with a teacher of its own; T = I. ``x = (Q, R)`` for a single one."""

    students: float

    def perfect(self) -> np.ndarray:
        """Q = R = T."""
        return np.array([1.0, 1.0] if self.students == 1 else [1.0, 0.0, 1.0, 0.0])

    def overlaps(self, x: np.ndarray) -> Overlaps:
        if self.students == 1:
            x = np.stack([x[0], 0 * x[0], x[1], 0 * x[1]])
        Q, C, R, S = (np.asarray(c) for c in x)
        same = np.zeros((*Q.shape, 2, 2, 1), dtype=Q.dtype)
        other = np.zeros((*Q.shape, 2, 2, 1, 1), dtype=Q.dtype)
        same[..., 0, 0, 0], same[..., 0, 1, 0], same[..., 1, 0, 0], same[..., 1, 1, 0] = Q, R, R, 1.0
        other[..., 0, 0, 0, 0], other[..., 0, 1, 0, 0], other[..., 1, 0, 0, 0] = C, S, S
        return Overlaps((Group(self.students),), same, other)

    def possible(self, x: np.ndarray) -> bool:
        """Whether `x` are overlaps of weights, but for rounding: ``[[Q, R], [R^T, 1]]`` is a Gram matrix."""
        Q, C, R, S = x if self.students > 1 else (x[0], 0.0, x[1], 0.0)
        others = self.students - 1
        outside = Q - C - (R - S) ** 2, Q + others * C - (R + others * S) ** 2
        return min(outside) > -1e-14

    def drift(self, x: np.ndarray, machine: Committee, rule: LearningRule) -> np.ndarray:
        state = self.overlaps(x)
        own = student_drift(state, machine, rule, 0), teacher_drift(state, rule, 0)
        if self.students == 1:
            return np.stack(own)
        return np.stack([own[0], student_drift(state, machine, rule, 0, 0), own[1], teacher_drift(state, rule, 0, 0)])
