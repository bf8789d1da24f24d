"""Branch-free elementary functions that LLVM can vectorise; plain libm calls cannot be.

``asin``: the argument is folded to [0, 1/2] and evaluated with the rational approximation that fdlibm
documents (error below 1 ulp of the result on the folded interval). Arguments beyond 1 by rounding are clipped.
"""

import math

from numba import njit


@njit(cache=True, error_model="numpy")
def asin(x: float) -> float:
    """arcsin(x) for -1 <= x <= 1; values beyond the ends are clipped to them."""
    a = min(abs(x), 1.0)
    folded = a > 0.5
    z = (1.0 - a) * 0.5 if folded else a * a
    root = math.sqrt(z) if folded else a
    p = 3.47933107596021167570e-05
    p = p * z + 7.91534994289814532176e-04
    p = p * z - 4.00555345006794114027e-02
    p = p * z + 2.01212532134862925881e-01
    p = p * z - 3.25565818622400915405e-01
    p = (p * z + 1.66666666666666657415e-01) * z
    q = 7.70381505559019352791e-02
    q = q * z - 6.88283971605453293030e-01
    q = q * z + 2.02094576023350569471e00
    q = q * z - 2.40339491173441421878e00
    q = q * z + 1.0
    y = root + root * (p / q)
    y = 1.5707963267948966192 - 2.0 * y if folded else y
    return y if x >= 0.0 else -y
