"""One direction for all inputs: the error after the same step outside the data subspace, of any length.

Along a unit vector n outside the data every field is shifted by a constant, ``c_k = epsilon n . w_k``, and stays
Gaussian. What is needed are integrals of two nodes with shifted fields.

    erf:    <g(h_1 + c_1) g(h_2 + c_2)> = 4 P2 - 2 P(c_1 / r_1) - 2 P(c_2 / r_2) + 1,  r_i = sqrt(1 + C_ii),
            since g(u) = 2 P(Z <= u) - 1, and Z - h is normal again; P2 has the correlation C_12 / (r_1 r_2)
    ReLU:   (c_1 c_2 + C_12) P2 + c_2 s_1 phi(a) P((b - rho a) / sqrt(1 - rho^2)) + (the same, 1 and 2 exchanged)
            + s_1 s_2 sqrt(1 - rho^2) exp(-(a^2 - 2 rho a b + b^2) / (2 (1 - rho^2))) / (2 pi),
            s_i = sqrt(C_ii), a = c_1 / s_1, b = c_2 / s_2, P2 = P2(a, b; rho): Gaussian integration by parts
    linear: c_1 c_2 + C_12
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.subspace._checks import ACTIVATIONS, LABELS, array_of, basis, choice, fans, sizes
from practicum.theory.subspace.blocks import checked, checked_scale, covariances, signed_fan_outs
from practicum.theory.subspace.normal import distance, joint_probability


def universal_direction(
    student: ArrayLike,
    subspace: ArrayLike,
    v: ArrayLike | None = None,
    activation: str = "erf",
) -> np.ndarray:
    """The unit vector outside the data along which the student's mean output rises most steeply.

    It is the mean gradient, ``(I - P) sum_k v_k <g'(h_k)> w_k``, normalized; ``<g'>`` is
    ``sqrt(2 / (pi (1 + |P w_k|^2)))`` for erf, 1/2 for ReLU and 1 for linear nodes. That one direction serves for all
    inputs is what Melamed et al. prove of ReLU networks.

    Main arguments:
        student: W, shape (K, d).
        subspace: U, orthonormal columns that span the data, shape (d, r).

    Other arguments:
        v: student fan-out, shape (K,); ones if not given.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Returns:
        n, shape (d,), ``|n| = 1`` and ``U^T n = 0``. ``student @ n`` and ``teacher @ n`` are what
        :func:`universal_error` asks for.

    Validity: inputs ``x = U z``, z standard normal; the steepest to first order, not the worst of all directions.

    Raises:
        ParameterError: shapes do not fit, or the mean gradient outside is zero.

    Source: derived for this package, after Melamed, Yehudai & Vardi, NeurIPS 2023 (arXiv:2303.00783).
    """
    what = "universal_direction"
    W = array_of(what, "student", student, 2)
    U = basis(what, subspace, W.shape[1])
    a = fans(what, "v", v, len(W))
    activation = choice(what, "activation", activation, ACTIVATIONS)
    slopes = {
        "erf": np.sqrt(2.0 / (math.pi * (1.0 + ((W @ U) ** 2).sum(1)))),
        "relu": np.full(len(W), 0.5),
        "linear": np.ones(len(W)),
    }[activation]
    outside = W - (W @ U) @ U.T
    total = (a * slopes) @ outside
    total -= U @ (U.T @ total)
    length = float(np.linalg.norm(total))
    if not length > 1e-13 * float(np.abs(a * slopes) @ np.linalg.norm(W, axis=1)):
        raise ParameterError(
            f"{what} needs a student whose mean gradient outside the data is not zero. Got one of length "
            f"{length:.3g}: its weights lie in the subspace, or cancel; universal_error takes any other direction."
        )
    return total / length


def universal_error(
    blocks: Any,
    epsilon: ArrayLike,
    student_along: ArrayLike,
    teacher_along: ArrayLike | None = None,
    activation: str = "erf",
    *,
    labels: str = "oracle",
    scale: float = 0.0,
) -> float | np.ndarray:
    """``1/2 <(t - s)^2>`` after the step ``epsilon n`` from every input, n a unit vector outside the data subspace.

    Main arguments:
        blocks: overlaps inside and outside the subspace, a :class:`~practicum.subspace.Blocks` or a pair.
        epsilon: the length of the step, >= 0; a number or an array. Not only small ones: the result is exact.
        student_along: ``W n``, shape (K,).
        teacher_along: ``V n``, shape (M,); zeros if not given, for a teacher that lies in the subspace.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Other arguments:
        labels: ``"oracle"``: the teacher labels the input after the step; ``"fixed"``: before it.
        scale: s >= 0, the standard deviation of the inputs themselves outside the subspace.

    Returns:
        A float, or an array of the shape of `epsilon`.

    Validity: Gaussian inputs; exact at any K, M and epsilon, with an absolute error of about 1e-14.

    Raises:
        ParameterError: shapes do not fit, a number is out of range, or no unit vector has such components.

    Source: derived for this package (docs: off-subspace) from bivariate normal probabilities; c = 0 gives I2 of Saad &
    Solla, Phys. Rev. E 52, 4225 (1995), and of Cho & Saul, NIPS 22 (2009).
    """
    what = "universal_error"
    pair = checked(blocks, what)
    lengths = sizes(what, "epsilon", epsilon)
    K, M = pair.inside.students, pair.inside.teachers
    along = fans(what, "student_along", student_along, K)
    beside = np.zeros(M) if teacher_along is None else fans(what, "teacher_along", teacher_along, M)
    moment = _MOMENTS[choice(what, "activation", activation, ACTIVATIONS)]
    labels = choice(what, "labels", labels, LABELS)
    square = checked_scale(what, scale) ** 2
    inside, outside = covariances(pair)
    _check_components(outside, np.concatenate([along, beside]))
    law = inside + square * outside
    shifts = lengths.ravel()[:, None] * np.concatenate([along, np.zeros(M) if labels == "fixed" else beside])
    s = signed_fan_outs(pair)
    first, second = np.triu_indices(K + M)
    weights = np.where(first == second, 0.5, 1.0) * s[first] * s[second]
    values = moment(
        law[first, first], law[second, second], law[first, second], shifts[:, first], shifts[:, second], first == second
    )
    errors = np.maximum(values @ weights, 0.0)
    return float(errors[0]) if lengths.ndim == 0 else errors.reshape(lengths.shape)


def _check_components(outside: np.ndarray, along: np.ndarray) -> None:
    """A unit vector n has ``(W n)(W n)^T <= W (I - P) W^T``, jointly for student and teacher."""
    smallest = float(np.linalg.eigvalsh(outside - np.outer(along, along))[0])
    if smallest < -1e-9 * max(float(np.abs(outside).max()), 1e-300):
        raise ParameterError(
            "The 'student_along' and 'teacher_along' parameters of universal_error must be W n and V n of one unit "
            "vector n outside the subspace, but no unit vector has components that large beside these overlaps; "
            "teacher_along may be left out only where the teacher lies in the subspace."
        )


def _erf_moment(a: np.ndarray, b: np.ndarray, c: np.ndarray, x: np.ndarray, y: np.ndarray, _: np.ndarray) -> np.ndarray:
    """<g(h_1 + x) g(h_2 + y)> of fields of variances a, b and covariance c."""
    from scipy.special import ndtr

    from practicum.theory.subspace._moments import minors

    product = np.sqrt((1.0 + a) * (1.0 + b))
    h, k = x / np.sqrt(1.0 + a), y / np.sqrt(1.0 + b)
    sine = np.sqrt(1.0 + a + b + minors(a, b, c)) / product
    return 4.0 * joint_probability(h, k, c / product, sine) - 2.0 * ndtr(h) - 2.0 * ndtr(k) + 1.0


def _relu_moment(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, x: np.ndarray, y: np.ndarray, same: np.ndarray
) -> np.ndarray:
    """The same for g(u) = max(u, 0). A field of zero variance is the constant x, or y."""
    from scipy.special import ndtr

    from practicum.theory.subspace._moments import minors

    constant = (a <= 0) | (b <= 0)
    # A variance of 1e-200 stands for 0: its field is a constant to all digits, and nothing has to be divided by 0.
    one, two = np.sqrt(np.maximum(a, 1e-200)), np.sqrt(np.maximum(b, 1e-200))
    product, c = one * two, np.where(constant, 0.0, c)
    sine = np.where(same, 0.0, np.where(constant, 1.0, np.sqrt(minors(a, b, c)) / product))
    cosine = np.where(same, 1.0, np.clip(c / product, -1.0, 1.0))
    h, k = np.broadcast_arrays(x / one, y / two)
    both = joint_probability(h, k, cosine, sine)
    beyond, before = distance(h, k, cosine, sine), distance(k, h, cosine, sine)
    # The joint density is phi(h) times that of Y given X = h: no difference of large squares is taken.
    corner = product * sine * _density(h) * _density(beyond)
    return (x * y + c) * both + y * one * _density(h) * ndtr(beyond) + x * two * _density(k) * ndtr(before) + corner


def _density(h: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(-0.5 * h * h) / math.sqrt(2.0 * math.pi)


def _linear_moment(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, x: np.ndarray, y: np.ndarray, _: np.ndarray
) -> np.ndarray:
    return c + x * y


_MOMENTS = {"erf": _erf_moment, "relu": _relu_moment, "linear": _linear_moment}
