"""Gaussian averages of the soft threshold ``pi(w) = w^2 / (c^2 + w^2)``: which weights a diagonal k-DPP keeps.

The substitution ``w = c sinh u`` makes pi = tanh(u)^2 and spreads out the scale c, so that the trapezoidal rule of
step h converges like exp(-pi^2 / (2 h)), whatever c. Of two correlated weights the second is integrated in closed form:
given ``w_1 = x`` it is normal of mean m = rho x and variance s^2 = 1 - rho^2, and with the Faddeeva function w(z)

    E[w_2 / (c^2 + w_2^2)] = Re E[1 / (w_2 - i c)] = sqrt(pi / 2) / s Im w((m + i c) / (s sqrt 2)) .

Source: derived for this package; w(z): Abramowitz & Stegun, 7.1.4.
"""

from __future__ import annotations

import math

import numpy as np

_REACH = 10.0  # beyond it a standard normal has no weight left in double precision
_NUMBERS = 2**20


def grid(c: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positive w, their weights in ``2 int_0^inf phi(w) f(w) dw`` (f even), and pi(w)."""
    step = min(0.12, 0.35 / c)
    u = step * (np.arange(math.ceil(math.asinh(_REACH / c) / step)) + 0.5)
    w = c * np.sinh(u)
    density = math.sqrt(2.0 / math.pi) * np.exp(-0.5 * w * w)
    return w, step * c * np.cosh(u) * density, np.tanh(u) ** 2


def kept_share(c: float) -> float:
    """E pi."""
    _, weights, pi = grid(c)
    return float(weights @ pi)


def kept_square(c: float) -> tuple[float, float]:
    """E[w^2 pi] and E[w^2 pi^2]."""
    w, weights, pi = grid(c)
    return float(weights @ (w * w * pi)), float(weights @ (w * pi) ** 2)


def kept_product(c: float, rho: np.ndarray) -> np.ndarray:
    """``E[w_1 pi(w_1) w_2 pi(w_2)]`` at correlations rho, shape (n,)."""
    w, weights, pi = grid(c)
    found = np.empty(rho.shape)
    batch = max(1, _NUMBERS // len(w))
    for start in range(0, len(rho), batch):
        r = rho[start : start + batch, None]
        found[start : start + batch] = (r * w - _pruned_mean(c, r, w)) @ (weights * w * pi)
    return found


def _pruned_mean(c: float, rho: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``E[w_2 (1 - pi(w_2)) | w_1 = x]``."""
    from scipy.special import wofz

    mean = rho * x
    spread = np.sqrt((1.0 - rho) * (1.0 + rho))
    with np.errstate(divide="ignore", invalid="ignore"):
        average = math.sqrt(0.5 * math.pi) / spread * wofz((mean + 1j * c) / (math.sqrt(2.0) * spread)).imag
    return c * c * np.where(spread > 0.0, average, mean / (c * c + mean * mean))
