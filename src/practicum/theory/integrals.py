"""Gaussian integrals of the order-parameter theory: erf, ReLU and linear nodes.

The fields are jointly Gaussian with mean zero and covariance C; for a student and a teacher C is
``[[Q, R], [R^T, T]]`` (:attr:`OrderParameters.covariance`). Every function takes C of shape (..., n, n) and indices
into its last axes, and returns a float for one covariance and an array of shape (...) for a stack. Units: fields are
dimensionless; nothing depends on N.

| activation | g(u) | g'(u) |
|---|---|---|
| ``"erf"`` | erf(u / sqrt 2) | sqrt(2/pi) exp(-beta u^2 / 2), beta the inverse temperature |
| ``"relu"`` | max(u, 0) | 1 for u > 0, else 0 |
| ``"linear"`` | u | 1 |

Only the erf derivative knows an inverse temperature: ``inverse_temperature=1.0`` is the true derivative (gradient
descent), larger values are the adaptive back-propagation of West & Saad. Beta multiplies the exponent and leaves the
prefactor alone.

Accuracy: 1e-11 relative for erf, at norms up to 1e8 and more; 1e-14 of the natural scale for ReLU, or 1e-16 over the
angle between the closest fields. Two ReLU fields with 1 - r^2 < 4e-16 count as parallel, which moves a result by 3e-9
of that scale at most. A ReLU field of zero variance is the limit of a small independent one: its value is 0, and it is
positive half the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError

__all__ = ["I2", "I3", "I4", "J2", "orthant4"]

_KERNELS = {
    "erf": "practicum.theory._erf",
    "relu": "practicum.theory._relu",
    "linear": "practicum.theory._linear",
}
# Of the largest entry: what rounding leaves of the symmetry and of the zero eigenvalues of a Gram matrix.
_TOLERANCE = 1e-9


def I2(C: ArrayLike, u: int, v: int, activation: str = "erf") -> float | np.ndarray:
    """``<g(u) g(v)>``: the overlap of two nodes' outputs.

    Main arguments:
        C: covariance of the fields, shape (..., n, n), symmetric positive semidefinite.
        u, v: indices of the fields, 0 <= index < n; they may be equal.

    Other arguments:
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Returns:
        A float, or an array of shape (...) for a stack of covariances.

    Raises:
        ParameterError: C is not a covariance, an index is not a field, or the activation is unknown.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eq. (5): ``(2/pi) asin(C_uv / sqrt((1 + C_uu)(1 + C_vv)))``;
    ReLU: Cho & Saul, NIPS 22 (2009), eq. (6), half their kernel of degree 1.
    """
    return _evaluate("I2", C, {"u": u, "v": v}, activation, None)


def J2(C: ArrayLike, u: int, v: int, activation: str = "erf", inverse_temperature: float = 1.0) -> float | np.ndarray:
    """``<g'_beta(u) g'_beta(v)>``: what output noise adds to the student overlaps.

    Main arguments:
        C: covariance of the fields, shape (..., n, n), symmetric positive semidefinite.
        u, v: indices of the fields, 0 <= index < n; they may be equal.

    Other arguments:
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        inverse_temperature: beta > 0 in the erf derivative; must be 1 for the other two.

    Returns:
        A float, or an array of shape (...) for a stack of covariances.

    Raises:
        ParameterError: C is not a covariance, an index is not a field, the activation is unknown, or the inverse
            temperature does not fit.

    Source: Saad & Solla, NIPS 9 (1996), for noise; beta: West & Saad, NIPS 8 (1995) p. 323:
    ``(2/pi) / sqrt((1 + beta C_uu)(1 + beta C_vv) - beta^2 C_uv^2)``; ReLU: Sheppard (1899),
    ``1/4 + asin(r_uv) / (2 pi)``.
    """
    return _evaluate("J2", C, {"u": u, "v": v}, activation, inverse_temperature)


def I3(
    C: ArrayLike, u: int, v: int, w: int, activation: str = "erf", inverse_temperature: float = 1.0
) -> float | np.ndarray:
    """``<g'_beta(u) v g(w)>``: the drift of an overlap with the field v.

    Main arguments:
        C: covariance of the fields, shape (..., n, n), symmetric positive semidefinite.
        u: index of the node whose derivative enters.
        v: index of the field that enters linearly.
        w: index of the node whose output enters. Any of the three may be equal.

    Other arguments:
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        inverse_temperature: beta > 0 in the erf derivative; must be 1 for the other two.

    Returns:
        A float, or an array of shape (...) for a stack of covariances.

    Raises:
        ParameterError: C is not a covariance, an index is not a field, the activation is unknown, or the inverse
            temperature does not fit.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), appendix; beta: West & Saad, NIPS 8 (1995) p. 323. ReLU, with
    ``S = sqrt(C_uu C_ww - C_uw^2)``: ``C_uv S / (2 pi C_uu) + C_vw (1/4 + asin(r_uw) / (2 pi))``.
    """
    return _evaluate("I3", C, {"u": u, "v": v, "w": w}, activation, inverse_temperature)


def I4(
    C: ArrayLike, u: int, v: int, w: int, z: int, activation: str = "erf", inverse_temperature: float = 1.0
) -> float | np.ndarray:
    """``<g'_beta(u) g'_beta(v) g(w) g(z)>``: the diffusion of a student-student overlap.

    Main arguments:
        C: covariance of the fields, shape (..., n, n), symmetric positive semidefinite.
        u, v: indices of the nodes whose derivatives enter.
        w, z: indices of the nodes whose outputs enter. Any of the four may be equal.

    Other arguments:
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        inverse_temperature: beta > 0 in the erf derivative; must be 1 for the other two.

    Returns:
        A float, or an array of shape (...) for a stack of covariances.

    Raises:
        ParameterError: C is not a covariance, an index is not a field, the activation is unknown, or the inverse
            temperature does not fit.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), appendix, here as two rank-one tilts of C; beta: West & Saad,
    NIPS 8 (1995) p. 323. ReLU: integration by parts to :func:`orthant4`, after Plackett, Biometrika 41, 351 (1954).
    """
    return _evaluate("I4", C, {"u": u, "v": v, "w": w, "z": z}, activation, inverse_temperature)


def orthant4(C: ArrayLike, u: int = 0, v: int = 1, w: int = 2, z: int = 3) -> float | np.ndarray:
    """``P(u > 0, v > 0, w > 0, z > 0)``: the orthant probability of four Gaussian fields.

    It is the volume of a spherical tetrahedron over ``2 pi^2``. Absolute error: 1e-14 for fields that are well apart,
    1e-16 over the angle between the closest two otherwise.

    Main arguments:
        C: covariance of the fields, shape (..., n, n), symmetric positive semidefinite.
        u, v, w, z: indices of the fields, 0 <= index < n; any of them may be equal.

    Returns:
        A float, or an array of shape (...) for a stack of covariances.

    Raises:
        ParameterError: C is not a covariance, or an index is not a field.

    Source: Plackett, Biometrika 41, 351 (1954), as a one-dimensional integral; nearly dependent fields: the volume of
    orthoschemes, Coxeter, Quart. J. Math. 6, 13 (1935).
    """
    return _evaluate("orthant4", C, {"u": u, "v": v, "w": w, "z": z}, "relu", None)


def _evaluate(
    name: str, C: ArrayLike, indices: dict[str, int], activation: str, inverse_temperature: float | None
) -> float | np.ndarray:
    kernel = _kernel(name, activation)
    arguments: list[Any] = []
    if inverse_temperature is not None:
        arguments.append(_checked_temperature(name, activation, inverse_temperature))
    stack = _checked_covariance(name, C)
    fields = [_checked_index(name, index, value, stack.shape[-1]) for index, value in indices.items()]
    flat = np.ascontiguousarray(stack.reshape(-1, *stack.shape[-2:]))
    values = np.array([kernel(covariance, *fields, *arguments) for covariance in flat], dtype=np.float64)
    return float(values[0]) if stack.ndim == 2 else values.reshape(stack.shape[:-2])


def _kernel(name: str, activation: str) -> Callable[..., float]:
    if not isinstance(activation, str) or activation not in _KERNELS:
        raise ParameterError(
            f"The 'activation' parameter of {name} must be one of {', '.join(map(repr, _KERNELS))}. "
            f"Got {activation!r:.80} instead."
        )
    # Imported here: whoever only reads this module's names should not wait for the compiler.
    return getattr(import_module(_KERNELS[activation]), "orthant" if name == "orthant4" else name.lower())


def _checked_temperature(name: str, activation: str, value: float) -> float:
    try:
        beta = float(value)
    except (TypeError, ValueError, OverflowError):
        beta = math.nan
    if not (math.isfinite(beta) and beta > 0.0):
        raise ParameterError(
            f"The 'inverse_temperature' parameter of {name} must be a finite number > 0. Got {value!r:.80} instead; "
            "1.0 is the true derivative, larger values are adaptive back-propagation."
        )
    if activation != "erf" and beta != 1.0:
        raise ParameterError(
            f"The 'inverse_temperature' parameter of {name} must be 1 for activation={activation!r}, because only "
            f"the derivative of erf is a Gaussian that beta can narrow. Got {beta:g} instead; use activation='erf'."
        )
    return beta


def _checked_index(name: str, index: str, value: int, n: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not 0 <= value < n:
        raise ParameterError(
            f"The '{index}' parameter of {name} must be the index of a field, an integer from 0 to {n - 1}, "
            f"because C has {n} of them. Got {value!r:.80} instead."
        )
    return int(value)


def _checked_covariance(name: str, C: ArrayLike) -> np.ndarray:
    try:
        stack = np.asarray(C, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The 'C' parameter of {name} must be an array of numbers. Got {C!r:.80} instead."
        ) from None
    if stack.ndim < 2 or stack.shape[-1] != stack.shape[-2] or stack.shape[-1] == 0:
        raise ParameterError(
            f"The 'C' parameter of {name} must have shape (..., n, n), because it is the covariance of n fields. "
            f"Got shape {stack.shape} instead."
        )
    if not np.isfinite(stack).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(stack))[0]))
        raise ParameterError(
            f"The 'C' parameter of {name} must be finite. Got {stack[where]} at index {where} instead."
        )
    if stack.size == 0:
        return stack
    scale = np.abs(stack).max(axis=(-2, -1))
    asymmetry = np.abs(stack - np.swapaxes(stack, -2, -1)).max(axis=(-2, -1))
    if (asymmetry > _TOLERANCE * scale).any():
        raise ParameterError(
            f"The 'C' parameter of {name} must be symmetric, because it is a covariance. Got an asymmetry of "
            f"{asymmetry.max():.3g} instead; (C + C.T) / 2 is its symmetric part."
        )
    smallest = np.linalg.eigvalsh(stack)[..., 0]
    if (smallest < -_TOLERANCE * scale).any():
        raise ParameterError(
            f"The 'C' parameter of {name} must be positive semidefinite, because it is a covariance. Its smallest "
            f"eigenvalue is {smallest.min():.3g}; OrderParameters(...).covariance is consistent by construction."
        )
    return stack
