"""Perceptrons, ``sign(w . x)``: robust errors of a student of a teacher, on Gaussian inputs in a subspace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.subspace._checks import LABELS, NORMS, PERTURBATIONS, array_of, basis, choice, sizes
from practicum.theory.subspace.linear import largest_change
from practicum.theory.subspace.normal import joint_probability

_SAME = 1e-12


def perceptron_error(
    student: ArrayLike,
    teacher: ArrayLike,
    subspace: ArrayLike,
    epsilon: ArrayLike,
    *,
    labels: str = "oracle",
    perturbation: str = "anywhere",
    norm: str = "l2",
) -> float | np.ndarray:
    """The probability that some perturbation of size epsilon makes a student perceptron disagree with its teacher.

    The student survives on the positive side if ``w . x`` exceeds the largest change m_w that a perturbation can make,
    and ``v . x`` exceeds m_v (0 for fixed labels). With ``s_w = |P w|``, ``s_v = |P v|``, rho the correlation of the
    two fields::

        1 - 2 P2(-m_w / s_w, -m_v / s_v; rho)       m_w = epsilon |w|, or epsilon |(I - P) w| outside the subspace

    Main arguments:
        student, teacher: w and v, shape (d,), of any length.
        subspace: U, orthonormal columns that span the data, shape (d, r); inputs are ``U z``, z standard normal.
        epsilon: the size of the perturbation, >= 0; a number or an array.

    Other arguments:
        labels: ``"oracle"``: the teacher labels the perturbed input; ``"fixed"``: it has labelled the clean one.
        perturbation: ``"anywhere"``, or ``"outside"`` the subspace only. Outside, with a teacher that lies inside,
            both kinds of labels are one.
        norm: of the perturbation, ``"l2"`` or ``"linf"``.

    Returns:
        A float, or an array of the shape of `epsilon`.

    Validity: exact for any w, v. The oracle error is degenerate: near the boundaries of two perceptrons that differ at
    all there are always points on which they disagree, so that it does not vanish as w -> v; it is 0 at w = v alone
    (here: parallel up to 1e-12).

    Raises:
        ParameterError: shapes do not fit, a number is out of range, or a perceptron sees nothing of the data.

    Source: derived for this package (docs: off-subspace); epsilon = 0 is the textbook angle over pi.
    """
    what = "perceptron_error"
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
    norm = choice(what, "norm", norm, NORMS)
    a, b = (_direction(what, name, vector, U) for name, vector in (("student", w), ("teacher", v)))
    unit_w, unit_v = w / np.linalg.norm(w), v / np.linalg.norm(v)
    if labels == "oracle" and np.linalg.norm(unit_w - unit_v) < _SAME:
        return 0.0 if lengths.ndim == 0 else np.zeros(lengths.shape)
    reach_w, reach_v = (
        float(largest_change(x, 1.0, norm=norm, subspace=where) / np.linalg.norm(U.T @ x)) for x in (w, v)
    )
    if labels == "fixed":
        reach_v = 0.0
    # From half the angle, of which neither the sine nor the cosine loses digits where the two nearly agree.
    half_sine, half_cosine = 0.5 * np.linalg.norm(a - b), 0.5 * np.linalg.norm(a + b)
    cosine, sine = (half_cosine - half_sine) * (half_cosine + half_sine), 2.0 * half_sine * half_cosine
    errors = 1.0 - 2.0 * joint_probability(-lengths * reach_w, -lengths * reach_v, np.asarray(cosine), np.asarray(sine))
    return float(errors) if lengths.ndim == 0 else errors


def _direction(what: str, name: str, vector: np.ndarray, U: np.ndarray) -> Any:
    """The unit vector of what the data see of a perceptron."""
    seen = U.T @ vector
    length = float(np.linalg.norm(seen))
    if not length > 1e-13 * float(np.linalg.norm(vector)):
        raise ParameterError(
            f"The '{name}' parameter of {what} must not be orthogonal to the data subspace, because its output would "
            "be sign(0) on all inputs. Got a projection of length "
            f"{length:.3g} instead."
        )
    return seen / length
