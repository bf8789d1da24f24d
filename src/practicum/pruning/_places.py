"""Where the nodes of a layer are in a value, and where they are after an operation that is tried on random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from practicum.pruning._layers import Layer
from practicum.pruning._paths import _sets

BATCH = 3
"""Examples on which operations are tried."""


class Place(NamedTuple):
    """Where the nodes are in a value like the traced one: along axis 1 of this shape, entries of one side by side."""

    shape: tuple[int, ...]
    together: bool


def first_place(layer: Layer) -> Place:
    sides = {nn.Linear: (), nn.Conv1d: (64,), nn.Conv2d: (32, 32), nn.Conv3d: (16, 16, 16)}
    along = next(side for kind, side in sides.items() if isinstance(layer, kind))
    # Rows of several vectors, if a Linear sees such, are flattened vector by vector.
    return Place((BATCH, len(layer.weight), *along), not isinstance(layer, nn.Linear))


def by_node(call: Callable[[Tensor], Any], place: Place, nodes: int, like: Tensor) -> Place | None:
    """Where the nodes are after an operation; None if it mixes them, loses them, or does not take such a value."""
    random = torch.Generator().manual_seed(0)
    first, second = (torch.randn(place.shape, generator=random) for _ in range(2))
    with suppress(Exception):  # an operation may refuse these shapes in any way it likes
        before = call(first.to(like, copy=True))  # it may work in place
        if not isinstance(before, Tensor) or before.ndim < 2 or len(before) != BATCH or before.shape[1] % nodes:
            return None
        kept = dict.fromkeys(_orders(before, place), True)  # by the order of entries: whether nodes stay apart in it
        for changed in _sets(nodes):
            there = _entries(changed, place.shape[1], place.together)
            after = call(torch.where(there.view(-1, *[1] * (first.ndim - 2)), second, first).to(like))
            same = ((before == after) | (before.isnan() & after.isnan())).cpu().movedim(1, 0).flatten(1).all(1)
            kept = {order: k and bool(same[_entries(~changed, len(same), order)].all()) for order, k in kept.items()}
        return next((Place(tuple(before.shape), order) for order, apart in kept.items() if apart), None)
    return None


def _orders(value: Tensor, place: Place) -> Iterator[bool]:
    yield place.together
    if value.ndim == 2 < len(place.shape):
        yield not place.together


def _entries(mask: Tensor, size: int, together: bool) -> Tensor:
    times = size // len(mask)
    return mask.repeat_interleave(times) if together else mask.repeat(times)
