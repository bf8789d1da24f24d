"""Linear models, ``s(x) = w . x``: the largest change of the output, and robust errors, in closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError, PracticumError
from practicum.theory.subspace._checks import LABELS, NORMS, PERTURBATIONS, array_of, basis, choice, sizes


def largest_change(
    weights: ArrayLike, epsilon: ArrayLike, *, norm: str = "linf", subspace: ArrayLike | None = None
) -> float | np.ndarray:
    """``max w . delta`` over perturbations of size epsilon: the dual norm of the weights.

    It is the largest change of the output, and of a loss that is linear in it. A loss that falls with the margin, as
    the hinge and the logistic loss do, becomes at worst that of the margin less this number.

    | norm | anywhere | outside the subspace |
    |---|---|---|
    | ``"l2"`` | epsilon ``|w|_2`` | epsilon ``|(I - P) w|_2`` |
    | ``"linf"`` | epsilon ``|w|_1`` | epsilon ``min_c |w - U c|_1``, by linear programming |

    Main arguments:
        weights: w, shape (d,).
        epsilon: the size of the perturbation, >= 0; a number or an array.

    Other arguments:
        norm: ``"l2"``: ``|delta|_2 <= epsilon``; ``"linf"``: every entry at most epsilon.
        subspace: U, orthonormal columns, shape (d, r): only perturbations orthogonal to it. Anywhere if not given.

    Returns:
        A float, or an array of the shape of `epsilon`.

    Raises:
        ParameterError: shapes do not fit, a number is out of range, or an unknown norm.

    Source: the duality of l-infinity and l-1; outside, the dual of ``max w . delta`` with ``U^T delta = 0``.
    """
    what = "largest_change"
    w = array_of(what, "weights", weights, 1)
    lengths = sizes(what, "epsilon", epsilon)
    norm = choice(what, "norm", norm, NORMS)
    U = None if subspace is None else basis(what, subspace, len(w))
    if norm == "l2":
        unit = float(np.linalg.norm(w if U is None else w - U @ (U.T @ w)))
    else:
        unit = float(np.abs(w).sum()) if U is None else _least_absolute(w, U)
    values = lengths * unit
    return float(values) if lengths.ndim == 0 else values


def _least_absolute(w: np.ndarray, U: np.ndarray) -> float:
    """``min_c |w - U c|_1``: minimise the sum of t with ``-t <= w - U c <= t``."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack, vstack

    size = float(np.abs(w).max())
    if size == 0.0:
        return 0.0
    d, r = U.shape
    sheet, identity, target = csr_array(U), eye_array(d), w / size  # the solver's tolerances are absolute
    above, below = hstack([-sheet, -identity]), hstack([sheet, -identity])
    solution = linprog(
        np.concatenate([np.zeros(r), np.ones(d)]),
        A_ub=vstack([above, below]).tocsc(), b_ub=np.concatenate([-target, target]),
        bounds=[(None, None)] * r + [(0, None)] * d, method="highs",
    )  # fmt: skip
    if solution.status != 0:
        raise PracticumError(f"The linear program of largest_change was not solved: {solution.message}")
    return size * float(np.abs(target - U @ solution.x[:r]).sum())


def linear_error(
    student: ArrayLike,
    teacher: ArrayLike,
    subspace: ArrayLike,
    epsilon: ArrayLike,
    *,
    labels: str = "oracle",
    perturbation: str = "anywhere",
    norm: str = "l2",
) -> float | np.ndarray:
    """``<max 1/2 ((w . (x + delta) - v . x')^2)>`` over perturbations delta: the robust error of a linear student.

    With ``e = (w - v) . x``, a Gaussian of variance tau^2, and c the :func:`largest_change` of ``w - v`` (oracle,
    ``x' = x + delta``) or of ``w`` (fixed labels, ``x' = x``), the worst case is ``1/2 (|e| + c)^2``, of mean
    ``1/2 (tau^2 + 2 sqrt(2 / pi) tau c + c^2)``.

    Main arguments:
        student, teacher: w and v, shape (d,); of a linear committee ``W^T a`` and ``V^T b``.
        subspace: U, orthonormal columns that span the data, shape (d, r); inputs are ``U z``, z standard normal.
        epsilon: the size of the perturbation, >= 0; a number or an array.

    Other arguments:
        labels: ``"oracle"``: the teacher labels the perturbed input; ``"fixed"``: it has labelled the clean one.
        perturbation: ``"anywhere"``, or ``"outside"`` the subspace only.
        norm: ``"l2"`` or ``"linf"``.

    Returns:
        A float, or an array of the shape of `epsilon`.

    Validity: exact, for Gaussian inputs.

    Raises:
        ParameterError: shapes do not fit, a number is out of range, or an unknown word.

    Source: derived for this package (docs: off-subspace).
    """
    what = "linear_error"
    w, v = array_of(what, "student", student, 1), array_of(what, "teacher", teacher, 1)
    if w.shape != v.shape:
        raise ParameterError(
            f"student and teacher must have the same shape (d,), because both see the same input. Got {w.shape} and "
            f"{v.shape} instead."
        )
    U = basis(what, subspace, len(w))
    lengths = sizes(what, "epsilon", epsilon)
    labels = choice(what, "labels", labels, LABELS)
    where = U if choice(what, "perturbation", perturbation, PERTURBATIONS) == "outside" else None
    moved = w - v if labels == "oracle" else w
    change = lengths * largest_change(moved, 1.0, norm=choice(what, "norm", norm, NORMS), subspace=where)
    tau = float(np.linalg.norm(U.T @ (w - v)))
    values = 0.5 * (tau * tau + 2.0 * math.sqrt(2.0 / math.pi) * tau * change + change * change)
    return float(values) if lengths.ndim == 0 else values
