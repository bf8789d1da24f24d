"""Weights to begin with: explicit ones, or random ones that have given overlaps exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters


@dataclass(frozen=True, eq=False)
class Weights:
    """Explicit weights: student J (K, N), teacher B (M, N), and the fan-outs v (K,), v_star (M,), ones if not given.

    Raises:
        ParameterError: shapes do not fit or an entry is not finite (as OrderParameters.from_weights).
    """

    J: np.ndarray
    B: np.ndarray
    v: np.ndarray | None = None
    v_star: np.ndarray | None = None

    def __post_init__(self) -> None:
        overlaps = OrderParameters.from_weights(self.J, self.B, self.v, self.v_star)
        for name, value in (("J", self.J), ("B", self.B), ("v", overlaps.v), ("v_star", overlaps.v_star)):
            array = np.array(value, dtype=np.float64, order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "_overlaps", overlaps)

    @property
    def overlaps(self) -> OrderParameters:
        """The order parameters of these weights."""
        return self._overlaps  # type: ignore[attr-defined]


def weights_from_overlaps(
    start: OrderParameters, dimension: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Random weights J (K, N) and B (M, N) whose overlaps are those of `start`, to rounding (about 1e-15).

    The rows are a square root of the joint Gram matrix times a uniformly random orthonormal frame of K + M vectors;
    the root comes from the eigenvalues, so that a semidefinite matrix (J = B, dependent teachers) is fine.

    Main arguments:
        start: the overlaps to meet.
        dimension: N.
        rng: the source of the frame; the weights depend on its state alone.

    Raises:
        ParameterError: ``N < K + M``.
    """
    K, M = start.students, start.teachers
    if dimension < K + M:
        raise ParameterError(
            f"The 'dimension' parameter must be >= {K + M}, because {K} students and {M} teachers with any given "
            f"overlaps need as many directions. Got {dimension} instead; raise it, or pass explicit weights."
        )
    values, vectors = np.linalg.eigh(start.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    frame, upper = np.linalg.qr(rng.standard_normal((dimension, K + M)))
    frame *= np.where(np.diag(upper) < 0, -1.0, 1.0)  # with positive diagonals the frame is uniform (Haar)
    weights = root @ frame.T
    return np.ascontiguousarray(weights[:K]), np.ascontiguousarray(weights[K:])
