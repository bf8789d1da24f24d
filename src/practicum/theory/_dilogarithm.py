"""The real part of the dilogarithm on the closed unit disk, in polar form: ``Re Li2(x exp(i theta))``, |x| <= 1.

``Li2(z) = sum_m z^m / m^2``. With ``u = -log(1 - z)`` it is ``u - u^2/4 + sum_k B_2k u^(2k+1) / (2k+1)!`` (B: Bernoulli
numbers), which gains a factor (|u| / 2 pi)^2 a term. Where Re z > 1/2 the reflection
``Li2(z) = pi^2/6 - log(z) log(1-z) - Li2(1-z)`` comes first, so that |u| <= pi/3 and nine terms reach double precision.

Source: Zagier, "The dilogarithm function", in Frontiers in Number Theory, Physics, and Geometry II (2007), section I.1;
't Hooft & Veltman, Nucl. Phys. B 153, 365 (1979), appendix A, for the series in u.
"""

from __future__ import annotations

import math

from numba import njit

_ZETA2 = math.pi**2 / 6.0


@njit(cache=True, error_model="numpy", nogil=True)
def _series(re, im):
    """Real part of u - u^2/4 + sum_k B_2k u^(2k+1) / (2k+1)! at u = re + i im."""
    re2 = re * re - im * im
    im2 = 2.0 * re * im
    # Horner in u^2; the coefficients are B_2k / (2k+1)!, k = 9 ... 1.
    a, b = 4.518980029619918e-16, 0.0
    a, b = a * re2 - b * im2 - 1.9939295860721076e-14, a * im2 + b * re2
    a, b = a * re2 - b * im2 + 8.921691020456453e-13, a * im2 + b * re2
    a, b = a * re2 - b * im2 - 4.0647616451442255e-11, a * im2 + b * re2
    a, b = a * re2 - b * im2 + 1.0 / 526901760.0, a * im2 + b * re2
    a, b = a * re2 - b * im2 - 1.0 / 10886400.0, a * im2 + b * re2
    a, b = a * re2 - b * im2 + 1.0 / 211680.0, a * im2 + b * re2
    a, b = a * re2 - b * im2 - 1.0 / 3600.0, a * im2 + b * re2
    a, b = a * re2 - b * im2 + 1.0 / 36.0, a * im2 + b * re2
    a, b = a * re2 - b * im2 + 1.0, a * im2 + b * re2
    return a * re - b * im - 0.25 * re2


@njit(cache=True, error_model="numpy", nogil=True)
def re_li2(x, cosine, sine):
    """Re Li2(x exp(i theta)) for -1 <= x <= 1, given the cosine and sine of theta."""
    zr, zi = x * cosine, x * sine
    wr = 1.0 - zr
    w2 = wr * wr + zi * zi
    if w2 == 0.0:
        return _ZETA2
    log_w, arg_w = 0.5 * math.log(w2), math.atan2(-zi, wr)
    if zr <= 0.5:
        return _series(-log_w, -arg_w)
    log_z, arg_z = math.log(abs(x)), math.atan2(zi, zr)
    return _ZETA2 - (log_z * log_w - arg_z * arg_w) - _series(-log_z, -arg_z)
