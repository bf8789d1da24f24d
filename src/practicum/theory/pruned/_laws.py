"""Every subset of k nodes and how likely it is: for errors after a refit, which two probabilities do not determine.

Nodes that can be exchanged without changing any overlap (copies, or all nodes in the symmetric phase) need not be told
apart: of subsets with as many nodes of each such block one stands for all. A student of blocks has few of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb, log

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.pruned._outputs import States
from practicum.theory.pruned.inclusion import ranked, spectrum

MOST = 2**18
_SAME = 1e-12
_BATCH = 2**14


def exchangeable(states: States, kernels: np.ndarray) -> list[list[int]]:
    """Blocks of nodes whose exchange changes neither an overlap, nor a fan-out, nor the kernel, in any state."""
    blocks: list[list[int]] = []
    for node in range(states.v.shape[-1]):
        for block in blocks:
            if _alike(states, kernels, block[0], node):
                block.append(node)
                break
        else:
            blocks.append([node])
    return blocks


def _alike(states: States, kernels: np.ndarray, i: int, j: int) -> bool:
    order = np.arange(states.v.shape[-1])
    order[[i, j]] = j, i
    vectors = [states.v[..., None], states.R]
    return all(_equal(x, x[..., order, :]) for x in vectors) and all(
        _equal(x, x[..., order, :][..., order]) for x in (states.Q, kernels)
    )


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() <= _SAME * max(float(np.abs(a).max()), 1e-300))


def spans(states: States, masks: np.ndarray) -> tuple[list[int], np.ndarray, np.ndarray]:
    """What a refit sees of subsets: of copies of a node, in every state, one is as good as several.

    Returns:
        One node of each kind, the different subsets of these as masks, and which of them each of `masks` is.
    """
    nodes = range(masks.shape[1])
    kind = [next(j for j in nodes if j == i or _copies(states, j, i)) for i in nodes]
    firsts = sorted(set(kind))
    some = np.stack([masks[:, [k == first for k in kind]].any(-1) for first in firsts], axis=-1)
    different, which = np.unique(some, axis=0, return_inverse=True)
    return firsts, different, which.reshape(-1)


def _copies(states: States, i: int, j: int) -> bool:
    return all(_equal(x[..., i, :], x[..., j, :]) for x in (states.Q, states.R))


def representatives(what: str, blocks: list[list[int]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """One subset of k nodes for each number of nodes from every block, and how many subsets it stands for.

    Returns:
        Masks of shape (n, K), and the logarithm of how many, shape (n,).
    """
    sizes = [len(block) for block in blocks]
    ways = [1] + [0] * k  # how many ways to distribute j nodes over the blocks so far
    for size in sizes:
        ways = [sum(ways[j - m] for m in range(min(size, j) + 1)) for j in range(k + 1)]
    if ways[k] > MOST:
        raise ParameterError(
            f"{what} averages a refit over all subsets of k nodes, and here are {ways[k]} different ones, more than "
            f"{MOST}. Take the mean of subset_error(..., refit=...) over drawn subsets, or refit='none', which two "
            "probabilities determine."
        )
    masks = np.zeros((ways[k], sum(sizes)), dtype=bool)
    logs = np.empty(ways[k])
    for row, counts in enumerate(_counts(sizes, k)):
        for block, m in zip(blocks, counts):
            masks[row, block[:m]] = True
        logs[row] = sum(log(comb(size, m)) for size, m in zip(sizes, counts))
    return masks, logs


def _counts(sizes: list[int], k: int) -> Iterator[tuple[int, ...]]:
    """All numbers of nodes from every block that add up to k."""
    if not sizes:
        yield ()
        return
    room = sum(sizes[1:])
    for m in range(max(0, k - room), min(sizes[0], k) + 1):
        for rest in _counts(sizes[1:], k - m):
            yield (m, *rest)


def uniform_law(logs: np.ndarray) -> np.ndarray:
    """P of the subsets that each row stands for, shape (n,): all subsets are as likely."""
    return _normalized(logs)


def importance_law(scores: np.ndarray, masks: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """The same for the largest scores, shape (..., n), ties being drawn."""
    sure, tied, _ = ranked(scores, int(masks[0].sum()))
    chosen = (masks | ~sure[..., None, :]).all(-1) & (~masks | (sure | tied)[..., None, :]).all(-1)
    return _normalized(np.where(chosen, logs, -np.inf))


def kdpp_law(kernels: np.ndarray, masks: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """The same for the limit epsilon -> 0 of the k-DPP of ``L + epsilon I``, shape (..., n).

    With ``L = B B^T``, B of shape (K, rank), the leading coefficient of ``det(L_SS + epsilon I)`` is ``det B_S B_S^T``
    up to k = rank, and ``det B_S^T B_S`` above (Cauchy-Binet).
    """
    k, K = int(masks[0].sum()), kernels.shape[-1]
    values, vectors, rank = spectrum(kernels)
    kept = np.nonzero(masks)[1].reshape(len(masks), k)
    found = np.empty((*rank.shape, len(masks)))
    for r in np.unique(rank):
        those = rank == r
        B = vectors[those][..., K - r :] * np.sqrt(values[those][..., None, K - r :])
        parts = [_log_minors(B, kept[start : start + _BATCH]) for start in range(0, len(kept), _BATCH)]
        found[those] = np.concatenate(parts, axis=-1)
    return _normalized(found + logs)


def _log_minors(B: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The logarithm of ``det B_S B_S^T``, or of ``det B_S^T B_S`` where that is the smaller matrix."""
    rows = B[..., kept, :]
    columns = np.swapaxes(rows, -1, -2)
    sign, size = np.linalg.slogdet(rows @ columns if rows.shape[-2] <= rows.shape[-1] else columns @ rows)
    # A determinant that rounding has left below 0 is 0, and so is the probability.
    return np.where(sign > 0.0, size, -np.inf)


def _normalized(logs: np.ndarray) -> np.ndarray:
    weights = np.exp(logs - logs.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)
