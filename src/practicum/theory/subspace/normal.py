"""The bivariate normal distribution function, accurate up to correlations of one.

``P(X <= h, Y <= k)`` in terms of Owen's T function. The argument ``(k - rho h) / sqrt(1 - rho^2)`` is 0/0 for nearly
equal variables; written with ``(k - h) + (1 - rho) h``, and with ``1 - rho`` from the sine of the angle between the
variables, it keeps its digits.

Source: Owen, Ann. Math. Stat. 27, 1075 (1956); the correlation by its angle: this package.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError


def bivariate_normal(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> float | np.ndarray:
    """``P(X <= h, Y <= k)`` for standard normal X and Y of correlation rho.

    Main arguments:
        h, k: upper ends, infinite ones included; numbers or arrays that broadcast.
        rho: correlation, -1 <= rho <= 1.

    Returns:
        A float, or an array of the common shape.

    Validity: absolute error below 1e-14 everywhere, |rho| -> 1 included (for rho as the double that was passed).

    Raises:
        ParameterError: a value is not a number, or rho is outside [-1, 1].

    Source: Owen, Ann. Math. Stat. 27, 1075 (1956).
    """
    try:
        arrays = [np.asarray(a, dtype=np.float64) for a in (h, k, rho)]
    except (TypeError, ValueError, OverflowError):
        raise ParameterError("bivariate_normal needs numbers or arrays of numbers h, k and rho.") from None
    if any(np.isnan(a).any() for a in arrays):
        raise ParameterError("bivariate_normal needs numbers h, k and rho. Got NaN among them.")
    h_, k_, r = arrays
    if (np.abs(r) > 1).any():
        raise ParameterError(
            f"The 'rho' parameter of bivariate_normal must lie between -1 and 1, because it is a correlation. "
            f"Got {r.flat[np.abs(r).argmax()]:.17g} instead; clip what rounding has left outside."
        )
    values = joint_probability(h_, k_, r, np.sqrt((1.0 - r) * (1.0 + r)))
    return float(values) if values.ndim == 0 else values


def distance(h: np.ndarray, k: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """``(k - rho h) / sqrt(1 - rho^2)``: the end k in standard deviations of Y given X = h; 0 where it is 0/0."""
    positive = cosine >= 0
    # 1 - |rho|, relative to itself.
    gap = sine * sine / (1.0 + np.abs(cosine))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        rise = np.where(positive, (k - h) + gap * h, (k + h) - gap * h)
        ratio = rise / sine
    return np.where(rise == 0.0, 0.0, ratio)


def joint_probability(h: np.ndarray, k: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """P(X <= h, Y <= k) for the correlation cos(angle), given as the cosine and the sine of the angle."""
    from scipy.special import ndtr

    h, k, cosine, sine = np.broadcast_arrays(h, k, cosine, sine)
    finite = np.isfinite(h) & np.isfinite(k)
    x, y = np.where(finite, h, 0.0), np.where(finite, k, 0.0)
    opposite = np.sign(x) * np.sign(y)
    below = (opposite < 0) | ((opposite == 0) & ((x < 0) | (y < 0)))
    inner = 0.5 * (ndtr(x) + ndtr(y)) - _owen(x, y, cosine, sine) - _owen(y, x, cosine, sine) - 0.5 * below
    # With an infinite end the other variable alone decides, or nothing is possible.
    outer = np.minimum(ndtr(h), ndtr(k))
    return np.clip(np.where(finite, inner, outer), 0.0, 1.0)


def _owen(h: np.ndarray, k: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """T(h, (k - rho h) / (h sqrt(1 - rho^2)))."""
    from scipy.special import owens_t

    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        slope = distance(h, k, cosine, sine) / h
        # The tangent of half the angle: the limit of the slope along h = k.
        half = np.where(cosine >= 0, sine / (1.0 + cosine), (1.0 - cosine) / sine)
    slope = np.where((h == 0) & (k == 0), half, np.where(h == 0, np.copysign(math.inf, k), slope))
    return owens_t(h, slope)
