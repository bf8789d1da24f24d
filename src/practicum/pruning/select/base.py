"""What all selectors share: values that choose k of n items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from practicum.networks._described import Described

Reads = Literal["nothing", "incoming", "outgoing", "signals"]
"""What of the items a selector looks at."""


@dataclass(frozen=True)
class Items:
    """The nodes of a layer, or the edges into one of its units, as a selector sees them.

    Only what the selector reads is computed.

    Main arguments:
        name: what they are, for sentences.
        count: n.
        samples: P, over how many samples signals were seen.
        ask: ``ask("incoming")`` and so on, what the properties below return.
    """

    name: str
    count: int
    samples: int
    ask: Callable[[Reads], np.ndarray]

    @cached_property
    def incoming(self) -> np.ndarray:
        """Of a node the norm of its incoming weights, of an edge its \\|w\\|; shape (n,)."""
        return self.ask("incoming")

    @cached_property
    def outgoing(self) -> np.ndarray:
        """Of a node the norm of its outgoing weights; shape (n,)."""
        return self.ask("outgoing")

    @cached_property
    def products(self) -> np.ndarray:
        """Scalar products, over the samples, of what the items signal: activations or weighted inputs; shape (n, n)."""
        return self.ask("signals")

    def only(self, left: np.ndarray) -> Items:
        """Some of the items, by their numbers."""

        def ask(what: Reads) -> np.ndarray:
            values = self.ask(what)
            return values[np.ix_(left, left)] if what == "signals" else values[left]

        return Items(self.name, len(left), self.samples, ask)


class Selector(Described):
    """Base of the selectors. A new one is a `choose`, and says what it `reads` and whether it is `drawn`."""

    reads: ClassVar[Reads] = "nothing"
    drawn: ClassVar[bool] = False
    """Whether seeds differ."""

    def choose(self, items: Items, sizes: Sequence[int], draws: int, seed: Sequence[int]) -> np.ndarray:
        """Masks, True for what is kept, exactly ``sizes[i]`` items in each of ``[i]``: (len(sizes), draws, n).

        Main arguments:
            items: what there is.
            sizes: 1 <= k <= n.
            draws: how many subsets of each size.
            seed: whole numbers that name the stream of random numbers.

        Raises:
            ParameterError: a size that this selector cannot give.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        """The call that makes this value: what is left out is as it is by default."""
        fields = type(self).model_fields
        said = ", ".join(f"{name}={value!r}" for name, value in self if value != fields[name].default)
        return f"{type(self).__name__}({said})"

    __str__ = __repr__


def best(scores: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Masks of the k largest scores, (len(sizes), 1, n); of equal ones the first is kept."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks < np.asarray(sizes)[:, None, None]
