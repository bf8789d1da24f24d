"""Diverse subsets, drawn exactly: k items (k-DPP), or a random number of them (DPP)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.pruning import _needs
from practicum.pruning.dpp._checks import generator, size
from practicum.pruning.dpp.kernel import Kernel, _DiagonalKernel
from practicum.values import whole

_NUMBERS = 2**21
"""Random numbers that are held at a time."""


def sample_kdpp(kernel: Kernel, k: int, draws: int = 1, seed: int | Sequence[int] = 0, *, first: int = 0) -> np.ndarray:
    """Subsets of exactly k items, each with probability ``det L_SS / e_k``; of a diagonal kernel, conditional Poisson.

    Exact to rounding for every k up to the rank, also where kernels are smooth and eigenvalues span many powers of ten:
    the page on diversity says why a draw cannot fail.

    Main arguments:
        kernel: its eigendecomposition is shared by all draws.
        k: 1 <= k <= rank.
        draws: how many subsets.
        seed: a whole number >= 0, or several, as (seed, unit) for independent draws of many units.

    Other arguments:
        first: the number of the first draw. Draw d depends on the kernel, k, the seed and d alone: ten draws are
            five, and five more from ``first=5``.

    Returns:
        The items of each subset in increasing order, shape (draws, k); :func:`as_masks` makes masks of them.

    Raises:
        ParameterError: k is above the rank, or a number is out of range.

    Cost: O(r k) once, then O(items c^2) a draw with c = min(k, items - k); O(items) if the kernel is diagonal.

    Source: Kulesza & Taskar (2012), algorithms 1 and 8, with the changes that the page on diversity derives.
    """
    from practicum.pruning.dpp._weights import chances, choose, table

    k = size("sample_kdpp", k, kernel.rank, kernel.items)
    require("This sample", _needs.subsets, draws=whole("draws", draws, 1), size=k)
    p, q = chances(kernel.eigenvalues, k)
    rest = table(p, q, k)
    found = []
    for uniforms in _uniforms(kernel, draws, seed, first):
        chosen = np.zeros((len(uniforms), _columns(kernel)), np.bool_)
        choose(p, rest, uniforms, chosen)
        found.append(np.nonzero(_items(kernel, chosen, uniforms))[1].reshape(-1, k))
    return np.concatenate(found)


def sample_dpp(
    kernel: Kernel,
    draws: int = 1,
    seed: int | Sequence[int] = 0,
    *,
    expected_size: float | None = None,
    first: int = 0,
) -> np.ndarray:
    """Subsets of any size, each with probability ``det L_SS / det(I + L)``; of a diagonal kernel, independent choices.

    Main arguments:
        kernel: its eigendecomposition is shared by all draws.
        draws: how many subsets.
        seed: a whole number >= 0, or several.

    Other arguments:
        expected_size: L is first multiplied by the number that makes this the mean size; as it is if not given.
        first: the number of the first draw, as for :func:`sample_kdpp`.

    Returns:
        Masks, True at the items of a subset; shape (draws, items).

    Raises:
        ParameterError: a number is out of range.

    Source: Kulesza & Taskar (2012), algorithm 1.
    """
    if expected_size is not None:
        kernel = kernel.rescaled(expected_size)
    require("This sample", lambda draws, items: 2 * draws * items, draws=whole("draws", draws, 1), items=kernel.items)
    p = kernel.eigenvalues / (1.0 + kernel.eigenvalues)
    found = []
    for uniforms in _uniforms(kernel, draws, seed, first):
        chosen = np.zeros((len(uniforms), _columns(kernel)), np.bool_)
        chosen[:, : len(p)] = uniforms[:, : len(p)] < p
        found.append(_items(kernel, chosen, uniforms))
    return np.concatenate(found)


def as_masks(subsets: ArrayLike, items: int) -> np.ndarray:
    """Masks of subsets of item numbers, (..., k) to (..., items): True at the items of the subset.

    Raises:
        ParameterError: an item number is not a whole number from 0 to items - 1.
    """
    items = whole("items", items, 1)
    numbers = np.asarray(subsets)
    if numbers.ndim == 0 or numbers.dtype.kind not in "iu" or ((numbers < 0) | (numbers >= items)).any():
        raise ParameterError(
            f"The 'subsets' parameter of as_masks must be an array of item numbers from 0 to {items - 1}, shape "
            f"(..., k). Got {subsets!r:.60} instead."
        )
    masks = np.zeros((*numbers.shape[:-1], items), np.bool_)
    np.put_along_axis(masks, numbers, True, axis=-1)
    return masks


def _columns(kernel: Kernel) -> int:
    """How many eigenvectors there are to choose from, those of eigenvalue 0 included, which are never chosen."""
    return kernel.rank if isinstance(kernel, _DiagonalKernel) else kernel._spectrum[1].shape[1]


def _uniforms(kernel: Kernel, draws: int, seed: int | Sequence[int], first: int) -> Iterator[np.ndarray]:
    """Random numbers in rows, one a draw: first those that choose eigenvectors, then those that choose items."""
    draws, first = whole("draws", draws, 1), whole("first", first, 0)
    columns = _columns(kernel)
    words = 1 + (columns if isinstance(kernel, _DiagonalKernel) else 2 * columns) // 4  # Philox gives four numbers each
    source = generator(seed)
    source.advance(first * words)
    numbers = np.random.Generator(source)
    at_a_time = max(1, _NUMBERS // (4 * words))
    for begin in range(0, draws, at_a_time):
        yield numbers.random((min(at_a_time, draws - begin), 4 * words))


def _items(kernel: Kernel, chosen: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Masks of items, given which eigenvectors were chosen."""
    taken = np.zeros((len(chosen), kernel.items), np.bool_)
    if isinstance(kernel, _DiagonalKernel):
        taken[:, kernel.places] = chosen
        return taken
    from practicum.pruning.dpp._projection import draw_items

    basis = kernel._spectrum[1]
    items, columns = basis.shape
    counts = chosen.sum(1)
    most = int((np.minimum(counts, items - counts) if items == columns else counts).max())
    space = np.empty((items, most)), np.empty((most, most)), np.empty((most, items)), np.empty(items)
    draw_items(basis, chosen, uniforms[:, columns:], *space, taken)
    return taken
