"""What was computed for one and is asked for by the next: a few results, the least used of which go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """At most `size` results by key. Used on the event loop only."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._results: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The result of a key, or None."""
        if key in self._results:
            self._results.move_to_end(key)
        return self._results.get(key)

    def put(self, key: K, result: V) -> None:
        """Keep a result; the one that was not used for longest makes room."""
        self._results[key] = result
        self._results.move_to_end(key)
        if len(self._results) > self.size:
            self._results.popitem(last=False)
