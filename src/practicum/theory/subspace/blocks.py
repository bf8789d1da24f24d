"""Overlaps inside and outside the data subspace: all that the theory of low-rank inputs needs of the weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.theory.subspace._checks import array_of, basis, number


class Blocks(NamedTuple):
    """The order parameters of the two parts of all weights; a plain pair serves wherever one is asked for.

    Main arguments:
        inside: overlaps of ``W P`` and ``V P``, with the projection ``P = U U^T`` on the data subspace.
        outside: overlaps of ``W (I - P)`` and ``V (I - P)``. Both have the same fan-outs.
    """

    inside: OrderParameters
    outside: OrderParameters

    def seen(self, scale: float = 0.0) -> OrderParameters:
        """What inputs of variance 1 inside and ``scale^2`` outside see: ``Q_inside + scale^2 Q_outside`` and so on.

        A scale of 0 is low-rank data; 1 are isotropic inputs, for which these are the overlaps of the whole weights.
        """
        inside, outside = checked(self, "Blocks.seen")
        square = checked_scale("Blocks.seen", scale) ** 2
        Q, R, T = (getattr(inside, n) + square * getattr(outside, n) for n in "QRT")
        return OrderParameters(Q, R, T, inside.v, inside.v_star)


def blocks_from_weights(
    student: ArrayLike,
    teacher: ArrayLike,
    subspace: ArrayLike,
    v: ArrayLike | None = None,
    v_star: ArrayLike | None = None,
) -> Blocks:
    """Overlaps of given weights, inside and outside the subspace of the data.

    Main arguments:
        student: W, shape (K, d).
        teacher: V, shape (M, d).
        subspace: U, orthonormal columns that span the data, shape (d, r).

    Other arguments:
        v: student fan-out, shape (K,); ones if not given.
        v_star: teacher fan-out, shape (M,); ones if not given.

    Returns:
        ``inside`` with ``Q = W P W^T``, ``R = W P V^T``, ``T = V P V^T``, and ``outside`` with ``I - P`` in place of
        ``P = U U^T``.

    Raises:
        ParameterError: shapes do not fit, a number is not finite, or U is not orthonormal.

    Source: Yang et al., AISTATS 2021 (arXiv:2102.13170), the low-rank setting; definitions of this package.
    """
    what = "blocks_from_weights"
    W, V = array_of(what, "student", student, 2), array_of(what, "teacher", teacher, 2)
    if W.shape[1] != V.shape[1]:
        raise ParameterError(
            "student and teacher must have the same number of columns, because both see the same input. "
            f"Got shapes {W.shape} and {V.shape} instead."
        )
    U = basis(what, subspace, W.shape[1])
    inside = OrderParameters.from_weights(W @ U, V @ U, v, v_star)
    # The rest of the weights themselves, not a difference of overlaps, so that a small rest keeps its digits.
    outside = OrderParameters.from_weights(W - (W @ U) @ U.T, V - (V @ U) @ U.T, v, v_star)
    return Blocks(inside, outside)


def checked(blocks: Any, what: str) -> Blocks:
    """A pair of order parameters that belong to the same nodes, or one sentence."""
    if not isinstance(blocks, tuple | list) or [isinstance(b, OrderParameters) for b in blocks] != [True, True]:
        raise ParameterError(
            f"{what} needs a pair of OrderParameters, inside and outside the data subspace. Got {blocks!r:.80} "
            "instead; blocks_from_weights(W, V, U) builds one."
        )
    inside, outside = blocks
    if inside.R.shape != outside.R.shape:
        raise ParameterError(
            f"{what} needs a pair with the same students and teachers. Got {inside.R.shape} inside and "
            f"{outside.R.shape} outside."
        )
    if not (np.array_equal(inside.v, outside.v) and np.array_equal(inside.v_star, outside.v_star)):
        raise ParameterError(
            f"{what} needs a pair with the same fan-outs v and v_star, because a node has one weight to the output, "
            "wherever its inputs lie."
        )
    return Blocks(inside, outside)


def checked_scale(what: str, scale: Any) -> float:
    """The standard deviation of the inputs outside the subspace, or one sentence."""
    return number(
        what, "scale", scale, "it is the standard deviation of the inputs outside the subspace, 0 for low-rank data."
    )


def covariances(blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    """The covariances of the fields (h, rho) that the two blocks contribute at unit variance, each (K + M, K + M)."""
    return blocks.inside.covariance, blocks.outside.covariance


def signed_fan_outs(blocks: Blocks) -> np.ndarray:
    """``s = (-v, v_star)`` over the fields: the error is ``sum_w s_w g(f_w)``."""
    return np.concatenate([-blocks.inside.v, blocks.inside.v_star])
