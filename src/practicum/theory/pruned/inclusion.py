"""Which nodes a random subset keeps: the probabilities of one node and of two, for the laws that select k of K.

They are the theory's own, on small kernels and by eigenvalues; drawing subsets is the business of practicum.pruning.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.pruned._checks import kept_of, kernel_of, positive
from practicum.theory.pruned._outputs import ZERO
from practicum.theory.pruned._symmetric_polynomials import pair_probabilities, pick_probabilities
from practicum.theory.subspace._checks import array_of
from practicum.values import whole

_TIE = 1e-12


class Inclusion(NamedTuple):
    """Inclusion probabilities of a random subset; a plain pair serves wherever one is asked for.

    Main arguments:
        pi: P(node i stays), shape (..., K).
        pi_pairs: P(nodes i and j stay), shape (..., K, K), with pi on the diagonal.
    """

    pi: np.ndarray
    pi_pairs: np.ndarray


def uniform_inclusion(K: int, k: int) -> Inclusion:
    """``pi_i = k / K`` and ``pi_ij = k (k - 1) / (K (K - 1))``: every subset of k of K nodes is as likely.

    Main arguments:
        K: the number of nodes.
        k: how many of them stay, 1 <= k <= K.

    Returns:
        An :class:`Inclusion` of shapes (K,) and (K, K).

    Raises:
        ParameterError: a number is out of range.
    """
    K = whole("K", K, 1)
    k = kept_of("uniform_inclusion", k, K)
    pairs = np.full((K, K), k * (k - 1) / max(K * (K - 1), 1))
    np.fill_diagonal(pairs, k / K)
    return Inclusion(np.full(K, k / K), pairs)


def importance_inclusion(scores: ArrayLike, k: int) -> Inclusion:
    """The k nodes of the largest score stay; of those that tie for the last places every choice is as likely.

    The average over ties is exact: if g nodes tie for j places, one of them stays with probability j / g and two with
    ``j (j - 1) / (g (g - 1))``.

    Main arguments:
        scores: one a node, shape (..., K), such as |v| or |v| sqrt(diag Q). Compared by size, so pass no signs.
        k: how many nodes stay, 1 <= k <= K.

    Returns:
        An :class:`Inclusion`.

    Validity: scores that differ by less than 1e-12 of the largest count as equal.

    Raises:
        ParameterError: a score is not finite, or k is out of range.
    """
    what = "importance_inclusion"
    array = array_of(what, "scores", scores, None)
    if array.ndim == 0:
        raise ParameterError(
            f"The 'scores' parameter of {what} must hold one score a node. Got {scores!r:.80} instead."
        )
    k = kept_of(what, k, array.shape[-1])
    sure, tied, places = ranked(array, k)
    group = tied.sum(-1)
    share = places / group
    both = places * (places - 1) / np.maximum(group * (group - 1), 1)
    pi = np.where(sure, 1.0, np.where(tied, share[..., None], 0.0))
    within = tied[..., :, None] & tied[..., None, :]
    pairs = np.where(within, both[..., None, None], pi[..., :, None] * pi[..., None, :])
    return Inclusion(pi, with_diagonal(pairs, pi))


def kdpp_inclusion(kernel: ArrayLike, k: int, jitter: float = 0.0) -> Inclusion:
    """A k-DPP, ``P(S) ~ det L_SS`` over subsets of k nodes: similar nodes seldom stay together.

    With ``L = V diag(lambda) V^T`` a set J of k eigenvectors is picked, and S is the projection DPP of these::

        pi_i  = sum_n V_in^2 P(n in J)
        pi_ij = sum_{n < m} (V_in V_jm - V_im V_jn)^2 P(n and m in J)

    Main arguments:
        kernel: L, symmetric positive semidefinite, shape (K, K).
        k: how many nodes stay, 1 <= k <= K.

    Other arguments:
        jitter: epsilon >= 0, the law is that of ``L + epsilon I``. 0 is the limit epsilon -> 0, taken exactly: it is
            the plain k-DPP up to k = rank L. Above, det L_SS = 0 for all S, but the limit exists: J holds every
            eigenvector of the range and k - rank of the others, all choices being as likely.

    Returns:
        An :class:`Inclusion` of shapes (K,) and (K, K).

    Validity: any k; an eigenvalue below 1e-10 of the largest counts as zero, unless jitter lifts it. Costs K^4.

    Raises:
        ParameterError: the kernel is not square, symmetric, positive semidefinite and finite, or k is out of range.

    Source: Kulesza & Taskar, Found. Trends Mach. Learn. 5, 123 (2012), section 5.2, for first order; second order and
    the limit: derived for this package (docs: pruned-overlaps).
    """
    what = "kdpp_inclusion"
    L = kernel_of(what, kernel)
    k = kept_of(what, k, len(L))
    epsilon = positive(what, "jitter", jitter, 0.0, "it is added to the diagonal of a positive semidefinite kernel")
    return kdpp_of(L + epsilon * np.eye(len(L)), k)


def kdpp_of(kernels: np.ndarray, k: int) -> Inclusion:
    """The limit epsilon -> 0 of the k-DPP of every kernel of a stack, shape (..., K, K)."""
    K = kernels.shape[-1]
    values, vectors, rank = spectrum(kernels)
    first, pairs = np.empty(values.shape), np.empty(kernels.shape)
    for r in np.unique(rank):
        those = rank == r
        beyond = np.arange(K) < K - r  # eigenvalues ascend
        if k <= r:
            with np.errstate(divide="ignore"):
                logs = np.log(np.where(beyond, 0.0, values[those]))
            first[those] = pick_probabilities(logs, k)
            pairs[those] = pair_probabilities(logs, k, first[those])
        else:
            extra, free = k - r, K - r
            single, double = extra / free, extra * (extra - 1) / max(free * (free - 1), 1)
            first[those] = np.where(beyond, single, 1.0)
            both = beyond[:, None] & beyond[None, :]
            pairs[those] = np.where(both, double, np.where(beyond[:, None] | beyond[None, :], single, 1.0))
    squares = vectors**2
    pi = np.clip(np.einsum("...in,...n->...i", squares, first), 0.0, 1.0)
    # sum_{n<m} (V_in V_jm - V_im V_jn)^2 P_nm, multiplied out; the diagonal of P cancels.
    products = vectors[..., :, None, :] * vectors[..., None, :, :]
    overlap = (products @ pairs[..., None, :, :] * products).sum(-1)
    both = np.einsum("...in,...nm,...jm->...ij", squares, pairs, squares, optimize=True) - overlap
    both = np.clip(both, 0.0, np.minimum(pi[..., :, None], pi[..., None, :]))
    return Inclusion(pi, with_diagonal(both, pi))


def spectrum(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues from the smallest on, eigenvectors, and the numerical rank of every kernel of a stack."""
    values, vectors = np.linalg.eigh(kernels)
    # A kernel of zeros has rank 0, and its limit is the uniform law.
    rank = (values > ZERO * np.maximum(values[..., -1:], 1e-290)).sum(-1)
    return values, vectors, rank


def ranked(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the k largest scores: who is among them for sure, who ties for the last places, and how many those are."""
    last = -np.sort(-scores, axis=-1)[..., k - 1 : k]
    gap = scores - last
    width = _TIE * np.abs(scores).max(-1, keepdims=True)
    sure, tied = gap > width, np.abs(gap) <= width
    return sure, tied, k - sure.sum(-1)


def with_diagonal(pairs: np.ndarray, pi: np.ndarray) -> np.ndarray:
    """The probabilities of pairs with those of single nodes on the diagonal."""
    nodes = np.arange(pi.shape[-1])
    pairs[..., nodes, nodes] = pi
    return pairs
