"""Students that are copies of teacher nodes: the case in which pruning has closed forms.

K = M Z students, each teacher node copied Z times, ``v_i = v_star / Z``, and orthonormal teacher nodes: the student is
the teacher. With m_b survivors of the copies of teacher node b, ``s = sum_i v_i g(h_i)`` lacks a part 1 - m_b / Z of
that node. With ``I2 = a + x`` for equal and x for orthogonal nodes (erf: a = 1/3, x = 0),

    error = 1/2 v_star^2 [a sum_b (1 - m_b / Z)^2 + x (sum_b (1 - m_b / Z))^2]

and for random survivors all that is needed are the mean k / M and the variance of m_b.

Source: Acharyya et al., arXiv:2006.16617, for the ansatz and erf; the variance under a DPP beyond k = M, the refit, and
the other activations: derived for this package (docs: pruned-overlaps).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned._checks import activation_of, kept_of, refit_of
from practicum.theory.pruned._outputs import pair_outputs
from practicum.theory.subspace._checks import array_of, choice
from practicum.values import whole

COPY_SELECTORS = ("random", "importance", "dpp")


def copies(M: int, Z: int, v_star: float = 1.0) -> OrderParameters:
    """Order parameters of a student that is Z copies of each of M orthonormal teacher nodes, sharing its fan-out.

    Main arguments:
        M: teacher nodes.
        Z: copies of each; the student has K = M Z nodes, those of teacher node b being b Z ... b Z + Z - 1.

    Other arguments:
        v_star: teacher fan-out, one number for all nodes; the student's is v_star / Z.

    Returns:
        OrderParameters of a student without error.

    Raises:
        ParameterError: a number is out of range.

    Source: Acharyya et al., arXiv:2006.16617.
    """
    what = "copies"
    M, Z = whole("M", M, 1), whole("Z", Z, 1)
    fan = _fan(what, v_star)
    R = np.kron(np.eye(M), np.ones((Z, 1)))
    return OrderParameters(R @ R.T, R, np.eye(M), np.full(M * Z, fan / Z), np.full(M, fan))


def copies_subset_error(
    survivors: ArrayLike, Z: int, v_star: float = 1.0, activation: str = "erf", refit: bool | str = False
) -> float | np.ndarray:
    """The error of copies of which m_b of teacher node b survive; for erf ``v_star^2 / 6 sum_b (1 - m_b / Z)^2``.

    A refit, by either target, restores every teacher node of which a copy survives.

    Main arguments:
        survivors: m_b, shape (..., M), whole numbers from 0 to Z.
        Z: copies of each teacher node.

    Other arguments:
        v_star: teacher fan-out.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        refit: as in :func:`subset_error`.

    Returns:
        A float, or an array of shape (...).

    Raises:
        ParameterError: a number is out of range.

    Source: as of the module.
    """
    what = "copies_subset_error"
    Z = whole("Z", Z, 1)
    m = array_of(what, "survivors", survivors, None)
    if m.ndim == 0 or (m != np.round(m)).any() or (m < 0).any() or (m > Z).any():
        raise ParameterError(
            f"The 'survivors' parameter of {what} must be whole numbers from 0 to {Z}, one a teacher node, because "
            f"each has {Z} copies. Got {survivors!r:.80} instead."
        )
    square = _fan(what, v_star) ** 2
    activation, how = activation_of(what, activation), refit_of(what, refit)
    if how == "none":
        lost = 1.0 - m / Z
        a, x = _same_and_cross(activation)
        found = 0.5 * square * (a * (lost**2).sum(-1) + x * lost.sum(-1) ** 2)
    else:
        found = square * _without(m.shape[-1], (m == 0).sum(-1), activation)
    return float(found) if m.ndim == 1 else found


def copies_error(
    M: int,
    Z: int,
    k: int,
    selector: str = "dpp",
    v_star: float = 1.0,
    activation: str = "erf",
    refit: bool | str = False,
) -> float:
    """The expected error of copies of which a selector keeps k nodes, in closed form.

    Without a refit, and with ``c = v_star^2 / 6`` (erf)::

        random  c M [(1 - k / K)^2 + Var / Z^2],  Var = (k / M)(1 - 1 / M)(K - k) / (K - 1)
        dpp     c [M - k + k (1 - 1 / Z)^2]                                       k <= M
                c M (1 - 1 / Z)^2 [(1 - k' / K')^2 + Var' / (Z - 1)^2]            k > M

    where ``k' = k - M``, ``K' = K - M`` and Var' is Var with k', K' in the places of k, K. Importance ties with random:
    all fan-outs are equal. After a refit a teacher node is lost if all of its copies are; for erf ``c max(M - k, 0)``
    with a DPP, and ``c M C(K - Z, k) / C(K, k)`` at random.

    Main arguments:
        M: teacher nodes.
        Z: copies of each, K = M Z.
        k: how many students stay, 1 <= k <= K.
        selector: ``"random"``, ``"importance"`` or ``"dpp"``, with the kernel Q + epsilon I, epsilon -> 0.

    Other arguments:
        v_star: teacher fan-out.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        refit: as in :func:`subset_error`; both targets are the same here.

    Returns:
        A float.

    Raises:
        ParameterError: a number is out of range, or an unknown word.

    Source: as of the module.
    """
    what = "copies_error"
    M, Z = whole("M", M, 1), whole("Z", Z, 1)
    k = kept_of(what, k, M * Z)
    selector = choice(what, "selector", selector, COPY_SELECTORS)
    square = _fan(what, v_star) ** 2
    activation, how = activation_of(what, activation), refit_of(what, refit)
    if how != "none":
        lost = _lost(M, Z, k) if selector != "dpp" else iter([(max(M - k, 0), 1.0)])
        return float(square * sum(share * _without(M, count, activation) for count, share in lost))
    a, x = _same_and_cross(activation)
    spread = M * (1.0 - k / (M * Z)) ** 2 + M * _variance(M, Z, k, selector) / (Z * Z)
    return float(0.5 * square * (a * spread + x * (M - k / Z) ** 2))


def _variance(M: int, Z: int, k: int, selector: str) -> float:
    """Of the number of survivors of one teacher node, of which the mean is k / M."""
    if selector != "dpp":
        return _hypergeometric(M, M * Z, k)
    if k <= M:  # k different teacher nodes, one survivor each
        return (k / M) * (1.0 - k / M)
    # One survivor each, and any k - M of the other copies.
    return _hypergeometric(M, M * (Z - 1), k - M)


def _hypergeometric(M: int, K: int, k: int) -> float:
    """Variance of the number of one of M equal kinds among k of K."""
    return (k / M) * (1.0 - 1.0 / M) * (K - k) / (K - 1) if K > 1 else 0.0


def _lost(M: int, Z: int, k: int) -> Iterator[tuple[int, float]]:
    """How many teacher nodes lose all copies if k of M Z are kept at random, and with what probability."""
    # Subsets of k that meet every one of o nodes: the coefficient of x^k in ((1 + x)^Z - 1)^o.
    ways = [1] + [0] * k
    for o in range(1, M + 1):
        ways = [sum(ways[j - m] * comb(Z, m) for m in range(1, min(Z, j) + 1)) for j in range(k + 1)]
        yield M - o, comb(M, o) * ways[k] / comb(M * Z, k)


def _without(M: int, lost: int | np.ndarray, activation: str) -> float | np.ndarray:
    """Per v_star^2, the error of the best fit of M teacher nodes by all but `lost` of them."""
    a, x = _same_and_cross(activation)
    # The mean output of the others stands in for that of the lost ones, where it is not 0.
    return 0.5 * lost * a * (a + M * x) / (a + (M - lost) * x)


def _same_and_cross(activation: str) -> tuple[float, float]:
    """a and x: ``<g(h) g(h')>`` is a + x for equal, x for orthogonal fields of variance 1."""
    equal, orthogonal = (float(pair_outputs(np.ones(1), np.ones(1), np.full(1, c), activation)[0]) for c in (1.0, 0.0))
    return equal - orthogonal, orthogonal


def _fan(what: str, value: float) -> float:
    array = array_of(what, "v_star", value, 0)
    return float(array)
