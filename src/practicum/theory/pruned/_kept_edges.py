"""What is left of the overlaps when every node keeps a share p of its weights: the numbers behind each selector.

For standard normal x and y of correlation rho, E[x y; both stay] is 1-D quadrature for "dpp" (:mod:`._soft`), and for
"magnitude" a difference of moments of the truncated bivariate normal distribution.

Source: Rosenbaum, J. R. Stat. Soc. B 23, 405 (1961), for E[x y; x > t, y > t].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

# As for ReLU fields: 1 - |rho| below this is rounding of the overlaps, and the threshold would turn it into its root.
_PARALLEL = 4.4e-16


def pruned_overlaps(Q: np.ndarray, p: float, selector: str) -> tuple[np.ndarray, float]:
    """Q after pruning, shape (..., K, K), and the factor f of R."""
    norms = np.diagonal(Q, axis1=-2, axis2=-1)
    nodes = np.arange(Q.shape[-1])
    if selector in ("random", "rescaled"):
        kept, factor, same = (p * p, p, p) if selector == "random" else (1.0, 1.0, 1.0 / p)
        new = kept * Q
    else:
        factor, product = _moments(p, selector)
        roots = np.sqrt(np.maximum(norms, 0.0))
        size = roots[..., :, None] * roots[..., None, :]
        # A node without weights is correlated with nothing.
        rho = np.where(size > 0.0, Q / np.where(size > 0.0, size, 1.0), 0.0)
        rho = np.where(np.abs(rho) > 1.0 - _PARALLEL, np.sign(rho), rho)
        upper, lower = np.triu_indices(len(nodes), 1)
        new, same = np.empty(Q.shape), factor
        pairs = rho[..., upper, lower]
        new[..., upper, lower] = product(pairs.ravel()).reshape(pairs.shape) * size[..., upper, lower]
        new[..., lower, upper] = new[..., upper, lower]
    new[..., nodes, nodes] = same * norms
    return new, factor


def _moments(p: float, selector: str) -> tuple[float, Callable[[np.ndarray], np.ndarray]]:
    """E[w^2; w stays], and ``E[x y; both stay]`` as a function of their correlation."""
    if p == 1.0:
        return 1.0, lambda rho: rho
    if selector == "magnitude":
        t, kappa = magnitude_numbers(p)
        return kappa, lambda rho: 2.0 * (_both_above(t, rho) - _both_above(t, -rho))
    from practicum.theory.pruned._soft import kept_product, kept_square

    c = soft_scale(p)
    return kept_square(c)[0], lambda rho: kept_product(c, rho)


def magnitude_numbers(p: float) -> tuple[float, float]:
    """The threshold t with ``p = 2 (1 - Phi(t))``, and kappa = E[x^2; |x| > t]."""
    from scipy.special import ndtri

    t = -float(ndtri(0.5 * p))
    return t, p + 2.0 * t * math.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)


def _both_above(t: float, rho: np.ndarray) -> np.ndarray:
    """E[x y; x > t and y > t] at the correlations rho."""
    from scipy.special import ndtr

    from practicum.theory.subspace.normal import joint_probability

    density = math.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)
    sine = np.sqrt((1.0 - rho) * (1.0 + rho))
    with np.errstate(divide="ignore"):
        beyond = t * np.sqrt((1.0 - rho) / (1.0 + rho))  # (t - rho t) / sqrt(1 - rho^2)
    corner = sine * density * np.exp(-0.5 * beyond * beyond) / math.sqrt(2.0 * math.pi)
    above = joint_probability(np.full(rho.shape, -t), np.full(rho.shape, -t), rho, sine)
    return rho * above + 2.0 * rho * t * density * ndtr(-beyond) + corner


def soft_scale(p: float) -> float:
    """c = lambda^(-1/2), at which E pi = p < 1."""
    from scipy.optimize import brentq

    from practicum.theory.pruned._soft import kept_share

    # p is at most 1 / c^2, and 1 - p at most c sqrt(pi / 2).
    low, high = math.log(0.5 * (1.0 - p) / math.sqrt(0.5 * math.pi)), math.log(2.0 / math.sqrt(p))
    solution = brentq(lambda x: kept_share(math.exp(x)) - p, low, high, xtol=1e-15)
    return math.exp(float(solution))  # pyright: ignore[reportArgumentType]
