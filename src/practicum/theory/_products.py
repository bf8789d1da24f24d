"""Differences of products without cancellation: the 2 x 2 minors of a covariance, exact to an ulp or two.

``1 - r^2`` of two nearly parallel fields is ``a b - c^2`` of doubles that agree in their leading digits. With a fused
multiply-add the rounding error of one product is itself a double and can be added back, so that the minor is accurate
relative to its own size, not to the size of the products.

Source: Jeannerod, Louvet & Muller, Math. Comp. 82, 2245 (2013): error at most 1.5 ulp ("Kahan's algorithm").
"""

from __future__ import annotations

from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@njit(cache=True, error_model="numpy", nogil=True)
def difference_of_products(a, b, c, d):
    """a b - c d, accurate relative to the result."""
    product = c * d
    # The compiler passes the typing context of an intrinsic itself.
    error = fma(-c, d, product)  # pyright: ignore[reportCallIssue]
    return fma(a, b, -product) + error  # pyright: ignore[reportCallIssue]
