"""Selectors that look at each item by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from practicum.errors import ParameterError
from practicum.pruning.dpp.kernel import Kernel
from practicum.pruning.dpp.sampling import as_masks, sample_kdpp
from practicum.pruning.select.base import Items, Reads, Selector, best


class Random(Selector):
    """Every subset of k items is equally likely. Of one draw smaller subsets are parts of larger ones."""

    kind: Literal["random"] = "random"
    drawn: ClassVar[bool] = True

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        from practicum.pruning.dpp._checks import generator

        scores = np.random.Generator(generator(seed)).random((draws, items.count))
        return np.concatenate([best(row, sizes) for row in scores], axis=1)


class Magnitude(Selector):
    """The k nodes with the largest norm of incoming weights, or the k edges of a unit with the largest \\|w\\|."""

    kind: Literal["magnitude"] = "magnitude"
    reads: ClassVar[Reads] = "incoming"

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        return best(items.incoming, sizes).repeat(draws, axis=1)


class Importance(Selector):
    """The k nodes with the largest norm of outgoing weights, whatever their signs. For nodes only.

    Source: the importance of a node in Mariet & Sra (2016) and Acharyya et al. (2020), whose code ranks by signed
    weights instead.
    """

    kind: Literal["importance"] = "importance"
    reads: ClassVar[Reads] = "outgoing"

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        return best(items.outgoing, sizes).repeat(draws, axis=1)


class SoftMagnitude(Selector):
    """Exactly k items, drawn with odds proportional to their squared magnitude: conditional-Poisson sampling.

    A k-DPP of edges whose inputs are independent is this, so that its diversity does nothing there.

    Source: Acharyya et al. (2020), section on edges; L is diagonal if inputs are independent.
    """

    kind: Literal["soft-magnitude"] = "soft-magnitude"
    reads: ClassVar[Reads] = "incoming"
    drawn: ClassVar[bool] = True

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        possible = int(np.count_nonzero(items.incoming))
        if possible < max(sizes):
            raise ParameterError(
                f"SoftMagnitude can keep at most {possible} of the {items.count} {items.name}, because the others have "
                f"weight 0. Got {max(sizes)} instead; Magnitude() keeps such items too."
            )
        # Odds matter up to a factor; without one the squares of very small weights would be 0.
        kernel = Kernel.from_diagonal((items.incoming / items.incoming.max()) ** 2)
        return np.stack([as_masks(sample_kdpp(kernel, k, draws, seed), items.count) for k in sizes])
