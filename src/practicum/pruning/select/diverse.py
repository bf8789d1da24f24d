"""Selectors that keep items which differ from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.pruning.dpp.greedy import greedy_map
from practicum.pruning.dpp.kernel import Kernel
from practicum.pruning.dpp.sampling import as_masks, sample_kdpp
from practicum.pruning.select.base import Items, Reads, Selector, best
from practicum.pruning.select.kernels import Similarity, similarities


class Diverse(Selector):
    """Base of the selectors with a kernel: of activation vectors for nodes, of weighted inputs for edges.

    Main arguments:
        similarity: "gaussian", ``exp(-b |a_i - a_j|^2)``, or "linear", ``a_i . a_j`` over the mean of its diagonal.

    Other arguments:
        bandwidth: b of the Gaussian; 10 / samples if None.
        jitter: added to the diagonal, whose mean is 1 before; 0.01 is small and makes every k possible.

    Raises:
        ParameterError: a number out of range, or a bandwidth that nothing uses.

    Source: Mariet & Sra (2016), sections 3 and 4, for nodes and the Gaussian; Acharyya et al. (2020) for edges.
    """

    reads: ClassVar[Reads] = "signals"
    similarity: Similarity = "gaussian"
    bandwidth: float | None = Field(
        default=None, gt=0, json_schema_extra={"remedy": "None takes 10 / samples, a mean over samples."}
    )
    jitter: float = Field(default=0.01, ge=0, json_schema_extra={"remedy": "0 adds nothing to the diagonal."})

    @model_validator(mode="after")
    def _used(self) -> Diverse:
        if self.bandwidth is not None and self.similarity == "linear":
            raise ParameterError(
                f"The 'bandwidth' parameter of {type(self).__name__} belongs to similarity='gaussian'. Got "
                f"{self.bandwidth:g} with similarity='linear'; leave one of them out."
            )
        return self

    def kernel(self, items: Items) -> Kernel:
        """The kernel of the items, with its jitter.

        Raises:
            ParameterError: signals that are not finite.
        """
        products = items.products
        if not np.isfinite(products).all():
            raise ParameterError(
                f"The kernel of the {items.name} must be finite. Got NaN or infinity among the scalar products of what "
                "they signal; look for such numbers, or very large ones, in the inputs and the weights."
            )
        return Kernel(similarities(products, items.samples, self.similarity, self.bandwidth), self.jitter)

    def _refuse(self, items: Items, size: int, rank: int) -> ParameterError:
        return ParameterError(
            f"{type(self).__name__} can keep at most {rank} of the {items.count} {items.name}, the numerical rank of "
            f"their kernel, because every larger subset holds what the others make up. Got {size} instead; give it a "
            "jitter > 0, such as 0.01, or more samples."
        )


class DPP(Diverse):
    """k items drawn by a k-DPP: the probability of a subset is proportional to the determinant of its kernel.

    One eigendecomposition serves all sizes and draws.
    """

    kind: Literal["dpp"] = "dpp"
    drawn: ClassVar[bool] = True

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        kernel = self.kernel(items)
        if kernel.rank < max(sizes):
            raise self._refuse(items, max(sizes), kernel.rank)
        return np.stack([as_masks(sample_kdpp(kernel, k, draws, seed), items.count) for k in sizes])


class GreedyMAP(Diverse):
    """The k items that greedy search finds for the largest determinant; nothing is drawn.

    Each next item is the one that differs most from those before it, so that smaller subsets are parts of larger ones.
    """

    kind: Literal["greedy-map"] = "greedy-map"

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        scores = np.full(items.count, -np.inf)
        scores[self.order(items, max(sizes))] = -np.arange(max(sizes))
        return best(scores, sizes).repeat(draws, axis=1)

    def order(self, items: Items, k: int) -> np.ndarray:
        """The numbers of the first k items, the best one first.

        Raises:
            ParameterError: as :meth:`kernel`, or a k above the rank.
        """
        return greedy_map(self.kernel(items), k)
