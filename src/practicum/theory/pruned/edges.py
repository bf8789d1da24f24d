"""The order parameters of a student of whose first-layer weights a share p is left, for four ways to choose them.

Every node keeps the same share p of its weights, chosen by itself. As N -> infinity the overlaps are self-averaging,
and a selector is a few numbers: the factor f by which an overlap with weights that stay shrinks (``R -> f R``), what
becomes of ``Q_ii``, and what becomes of ``Q_ij`` at the correlation ``rho = Q_ij / sqrt(Q_ii Q_jj)``.

| selector | f | Q_ii / before | Q_ij / before |
|---|---|---|---|
| random | p | p | p^2 |
| rescaled, weights divided by p | 1 | 1 / p | 1 |
| magnitude, ``|w| > t sqrt(Q_ii / N)`` | kappa = p + 2 t phi(t) | kappa | ``E[x y; |x|, |y| > t] / rho`` |
| dpp, odds of staying ~ w^2 | a = E[w^2 pi] | a | ``E[x pi(x) y pi(y)] / rho`` |

x and y are standard normal of correlation rho.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned._checks import activation_of, fraction_of, order_parameters_of, refit_of
from practicum.theory.pruned._kept_edges import magnitude_numbers, pruned_overlaps, soft_scale
from practicum.theory.pruned._outputs import States, outputs, states_of, subset_errors
from practicum.theory.subspace._checks import choice

EDGE_SELECTORS = ("random", "rescaled", "magnitude", "dpp")


class MagnitudeMoments(NamedTuple):
    """Of standard normal weights of which those with ``|w| > threshold`` stay; `kept_square` is E[w^2; w stays]."""

    threshold: float
    kept_square: float


class DppMoments(NamedTuple):
    """Of standard normal weights that stay with odds ``odds * w^2``.

    ``kept_square = E[w^2 pi]`` and ``kept_square_twice = E[w^2 pi^2]``, if w stays in one copy of a node, and in two.
    """

    odds: float
    kept_square: float
    kept_square_twice: float


def magnitude_moments(p: float) -> MagnitudeMoments:
    """Threshold t and kappa of magnitude pruning: ``p = 2 (1 - Phi(t))`` and ``kappa = p + 2 t phi(t)``.

    Main arguments:
        p: the share of weights that stay, 0 < p <= 1.

    Returns:
        A :class:`MagnitudeMoments`; t in standard deviations of the weights.

    Raises:
        ParameterError: p is out of range.

    Source: Acharyya et al., arXiv:2006.16617; integration by parts.
    """
    return MagnitudeMoments(*magnitude_numbers(fraction_of("magnitude_moments", p)))


def dpp_moments(p: float) -> DppMoments:
    """Odds lambda, a and b of a k-DPP over the weights of a node: ``pi(w) = lambda w^2 / (1 + lambda w^2)``, E pi = p.

    With independent inputs the weighted inputs ``w_c x_c`` of a node are orthogonal, so that the kernel is diagonal
    with entries w_c^2 and nothing is diverse: a k-DPP is then conditional Poisson sampling, in which, for many
    weights, each stays by itself with odds in proportion to w^2. It is a soft magnitude pruning.

    Main arguments:
        p: the share of weights that stay, 0 < p <= 1.

    Returns:
        A :class:`DppMoments`; the odds are infinite at p = 1.

    Validity: N -> infinity with p fixed; absolute error 1e-14.

    Raises:
        ParameterError: p is out of range.

    Source: Acharyya et al., arXiv:2006.16617, for the diagonal kernel; conditional Poisson sampling: Hajek, Ann. Math.
    Stat. 35, 1491 (1964); the averages: derived for this package (docs: pruned-overlaps).
    """
    share = fraction_of("dpp_moments", p)
    if share == 1.0:
        return DppMoments(math.inf, 1.0, 1.0)
    from practicum.theory.pruned._soft import kept_square

    c = soft_scale(share)
    return DppMoments(1.0 / (c * c), *kept_square(c))


def random_edges(order_parameters: OrderParameters, p: float, *, rescale: bool = False) -> OrderParameters:
    """Every weight stays with probability p, or pN of each node chosen at random, which is the same as N -> infinity.

    ``Q -> p^2 Q + (p - p^2) diag Q`` and ``R -> p R``: two nodes share a weight with probability p^2, a node shares all
    of its own with itself. Divided by p, the weights keep R and Q_ij, but Q_ii grows to ``Q_ii / p``.

    Main arguments:
        order_parameters: of the student before pruning.
        p: the share of weights that stay, 0 < p <= 1.

    Other arguments:
        rescale: divide the weights that stay by p.

    Returns:
        The order parameters after pruning.

    Validity: N -> infinity, for weights of which no few dominate.

    Raises:
        ParameterError: no order parameters, or p is out of range.

    Source: Acharyya et al., arXiv:2006.16617.
    """
    return _pruned("random_edges", order_parameters, p, "rescaled" if rescale else "random")


def magnitude_edges(order_parameters: OrderParameters, p: float) -> OrderParameters:
    """Of every node the share p of the largest weights stays, ``|w| > t sqrt(Q_ii / N)``.

    ``Q_ii -> kappa Q_ii`` and ``R -> kappa R`` (:func:`magnitude_moments`). Two nodes of correlation rho share

        Q_ij -> 2 sqrt(Q_ii Q_jj) [m(rho) - m(-rho)]
        m(rho) = E[x y; x, y > t] = rho P(x, y > t) + 2 rho t phi(t) Phi(-t q) + sqrt(1 - rho^2) phi(t) phi(t q)
        q = sqrt((1 - rho) / (1 + rho))

    Main arguments:
        order_parameters: of the student before pruning.
        p: the share of weights that stay, 0 < p <= 1.

    Returns:
        The order parameters after pruning.

    Validity: N -> infinity; weights of students and teachers that are jointly Gaussian over the inputs, as they are
    under on-line learning from a Gaussian start. Absolute error 1e-15.

    Raises:
        ParameterError: no order parameters, or p is out of range.

    Source: Acharyya et al., arXiv:2006.16617, for copies; any correlation: moments of the truncated bivariate normal,
    Rosenbaum, J. R. Stat. Soc. B 23, 405 (1961).
    """
    return _pruned("magnitude_edges", order_parameters, p, "magnitude")


def dpp_edges(order_parameters: OrderParameters, p: float) -> OrderParameters:
    """Of every node pN weights stay, drawn by a k-DPP of its weighted inputs: with odds in proportion to w^2.

    ``Q_ii -> a Q_ii``, ``R -> a R`` and ``Q_ij -> sqrt(Q_ii Q_jj) E[x pi(x) y pi(y)]`` (:func:`dpp_moments`); for
    copies, rho = 1, the last one is ``b Q_ii``.

    Main arguments:
        order_parameters: of the student before pruning.
        p: the share of weights that stay, 0 < p <= 1.

    Returns:
        The order parameters after pruning.

    Validity: N -> infinity; independent inputs; Gaussian weights, as for :func:`magnitude_edges`. Absolute error 1e-14.

    Raises:
        ParameterError: no order parameters, or p is out of range.

    Source: Acharyya et al., arXiv:2006.16617, for copies; any correlation: derived for this package (docs:
    pruned-overlaps).
    """
    return _pruned("dpp_edges", order_parameters, p, "dpp")


def edge_error(
    order_parameters: OrderParameters,
    p: float,
    selector: str = "random",
    activation: str = "erf",
    refit: bool | str = False,
) -> float:
    """The generalization error of a student of which every node keeps a share p of its weights.

    Main arguments:
        order_parameters: of the student before pruning.
        p: the share of weights that stay, 0 < p <= 1.
        selector: ``"random"``, ``"rescaled"``, ``"magnitude"`` or ``"dpp"``.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Other arguments:
        refit: of the fan-out after pruning: ``"none"`` or False, ``"fuse"``, ``"optimal"`` or True, as in
            :func:`subset_error`.

    Returns:
        A float. There is no average: as N -> infinity every draw has this error.

    Validity: as of the selector's function, :func:`random_edges`, :func:`magnitude_edges` or :func:`dpp_edges`.

    Raises:
        ParameterError: no order parameters, p out of range, or an unknown word.

    Source: as of the selector's function; refit: derived for this package.
    """
    what = "edge_error"
    states = states_of(order_parameters_of(what, order_parameters))
    share = fraction_of(what, p)
    selector = choice(what, "selector", selector, EDGE_SELECTORS)
    return float(edge_errors(states, share, selector, activation_of(what, activation), [refit_of(what, refit)])[0])


def edge_errors(states: States, p: float, selector: str, activation: str, refits: list[str]) -> np.ndarray:
    """The errors of every state, shape (..., refits)."""
    pruned, factor = pruned_overlaps(states.Q, p, selector)
    out = outputs(states, activation, pruned, factor)
    everyone = np.ones((1, states.v.shape[-1]), dtype=bool)
    return np.concatenate([subset_errors(out, everyone, refit) for refit in refits], axis=-1)


def _pruned(what: str, order_parameters: OrderParameters, p: float, selector: str) -> OrderParameters:
    o = order_parameters_of(what, order_parameters)
    Q, factor = pruned_overlaps(o.Q, fraction_of(what, p), selector)
    return OrderParameters(Q, factor * o.R, o.T, o.v, o.v_star)
