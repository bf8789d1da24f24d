"""Bad input to determinantal point processes, said in one sentence each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.subspace._checks import array_of
from practicum.values import real, whole

_TAG = 0x6B647070  # keeps these random numbers apart from those of other parts that take the same seed


def epsilon(value: Any) -> float:
    """The relative rounding error of the numbers as they were given: a kernel in float32 is good to float32."""
    dtype = np.asarray(value).dtype
    return float(np.finfo(dtype if dtype.kind == "f" and dtype.itemsize <= 8 else np.float64).eps)


def symmetric(what: str, value: Any) -> np.ndarray:
    """A square matrix, symmetric to rounding: its symmetric part, in float64."""
    L = array_of(what, "L", value, 2)
    if L.shape[0] != L.shape[1]:
        raise ParameterError(
            f"The 'L' parameter of {what} must be square, one row and one column an item. Got shape {L.shape} instead; "
            f"{what}.from_features(B) takes one row of features an item."
        )
    off = np.abs(L - L.T)
    if off.max() > 8 * len(L) * epsilon(value) * np.abs(L).max():
        i, j = map(int, np.unravel_index(off.argmax(), L.shape))
        raise ParameterError(
            f"The 'L' parameter of {what} must be symmetric, because the similarity of two items has no order. Got "
            f"{L[i, j]:g} at ({i}, {j}) and {L[j, i]:g} at ({j}, {i}) instead; (L + L.T) / 2 is symmetric."
        )
    return (L + L.T) / 2


def nonnegative(what: str, name: str, value: Any) -> np.ndarray:
    """Finite numbers >= 0, one an item."""
    array = array_of(what, name, value, 1)
    if (array < 0).any():
        place = int(np.argmax(array < 0))
        raise ParameterError(
            f"The '{name}' parameter of {what} must be >= 0, because probabilities are proportional to products of its "
            f"entries. Got {array[place]:g} at index {place} instead."
        )
    return array


def added(what: str, jitter: Any) -> float:
    """What is added to the diagonal."""
    if not 0 <= real(jitter) < math.inf:
        raise ParameterError(
            f"The 'jitter' parameter of {what} must be a finite number >= 0, because it is added to the diagonal. "
            f"Got {jitter!r:.60} instead; 0 adds nothing."
        )
    return float(jitter)


def size(what: str, k: Any, rank: int, items: int) -> int:
    """The size of a subset, 1 <= k <= rank."""
    k = whole("k", k, 1)
    if k > items:
        raise ParameterError(f"The 'k' parameter of {what} must be <= {items}, the number of items. Got {k} instead.")
    if k > rank:
        raise ParameterError(beyond(what, k, rank, items))
    return k


def beyond(what: str, k: int, rank: int, items: int) -> str:
    """The sentence about a k above the rank."""
    return (
        f"The 'k' parameter of {what} must be <= {rank}, the numerical rank of this kernel of {items} items, because "
        f"the determinant of every larger subset is 0. Got {k} instead; take a smaller k, or a Kernel with a jitter > "
        "0, such as 0.01, which makes every k possible."
    )


def mean_size(value: Any, rank: int) -> float:
    """The mean size of a subset, between 0 and the rank."""
    if not 0 < real(value) < rank:
        raise ParameterError(
            f"The 'expected_size' of a DPP must be > 0 and < {rank}, the numerical rank of the kernel, because only "
            f"infinite odds give all. Got {value!r:.60} instead; sample_kdpp draws exactly k items."
        )
    return float(value)


def generator(seed: int | Sequence[int]) -> np.random.Philox:
    """The bit generator of a seed, of one whole number or several."""
    parts = list(seed) if isinstance(seed, list | tuple) else [seed]
    # The number of parts is part of the key, since SeedSequence takes a trailing zero for nothing.
    key = (len(parts), *(whole("seed", part, 0) for part in parts))
    return np.random.Philox(np.random.SeedSequence(_TAG, spawn_key=key))
