"""An importance for Torch-Pruning: what greedy search takes first of a group of channels stays longest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.pruning._folding import Moments
from practicum.pruning._layers import LAYERS, check_network, nodes_axis, rows_by_node
from practicum.pruning._listening import _finite, _listen
from practicum.pruning.select.base import Items
from practicum.pruning.select.diverse import GreedyMAP

_ENTRIES = 2**20
"""Activations that are held in float64 at a time."""


class GreedyMAPImportance:
    """Scores of the channels of a group by their rank in greedy MAP; for the ``importance=`` of Torch-Pruning.

    Channels that a network adds to each other, as in residual blocks, must go together; Torch-Pruning finds them and
    calls them a group. Their activations are what the layers that read them see, whatever ``forward`` did before. The
    channel that differs most from all before it gets the next rank: the first of n scores 1, the last 1/n, so that the
    lowest goes first.

    Torch-Pruning changes networks in place. A group is scored anew whenever it asks, with the network as it then is.

    Main arguments:
        network: that the pruner prunes.
        inputs: of the network: a tensor (samples, ...), or batches that can be gone through many times.

    Other arguments:
        selector: the kernel.

    Raises:
        ParameterError: no network or selector, or inputs that can be gone through only once.
    """

    def __init__(self, network: nn.Module, inputs: Any, selector: GreedyMAP | None = None) -> None:
        check_network(network)
        self.network, self.inputs = network, inputs
        self.selector = GreedyMAP() if selector is None else selector
        if not isinstance(self.selector, GreedyMAP):
            raise ParameterError(
                f"GreedyMAPImportance ranks by a GreedyMAP. Got {selector!r:.60} instead; GreedyMAP(jitter=0.1) is one."
            )
        if iter(inputs) is inputs:
            raise ParameterError(
                "The 'inputs' parameter of GreedyMAPImportance is gone through once a group. Got a "
                f"{type(inputs).__name__}, which can be gone through once; list(inputs) keeps its batches."
            )

    def __call__(self, group: Any) -> Tensor | None:
        """The scores of the channels of a group, (n,), in the order of its root; None if no layer reads them.

        Raises:
            ParameterError: inputs that do not fit the network, a reader that computes several times in a pass, or
                activations that are not finite.
        """
        channels = [int(index) for index in group[0].idxs]
        found = _readers(group, channels)
        if not found:
            return None
        seen = Moments()
        takers = [_taker(reader, seen, len(channels)) for reader in found]
        _listen(self.network, [reader.layer for reader in found], takers, self.inputs, lambda _: None)
        gram = _finite(seen).gram(centred=False)
        products = ((gram + gram.T) / 2).cpu().numpy()
        items = Items("channels of a group", len(channels), seen.count, lambda _: products)
        scores = torch.empty(len(channels), dtype=torch.float32, device=found[0].layer.weight.device)
        scores[torch.from_numpy(self.selector.order(items, len(channels)))] = torch.arange(
            len(channels), 0, -1, dtype=scores.dtype, device=scores.device
        ) / len(channels)
        return scores


class _Reader(NamedTuple):
    """A layer that reads channels of a group, and which of its inputs they are: (channels, positions)."""

    layer: Any
    columns: Tensor


def _readers(group: Any, channels: list[int]) -> list[_Reader]:
    place = {channel: number for number, channel in enumerate(channels)}
    found = []
    for dependency, inputs, roots in ((item.dep, item.idxs, item.root_idxs) for item in group):
        layer = dependency.target.module
        if dependency.handler.__name__ != "prune_in_channels" or not isinstance(layer, LAYERS) or None in roots:
            continue
        order = np.argsort([place[int(root)] for root in roots], kind="stable")
        columns = np.asarray(inputs)[order].reshape(len(channels), -1)
        found.append(_Reader(layer, torch.from_numpy(columns)))
    return found


def _taker(reader: _Reader, seen: Moments, channels: int) -> Callable[[Tensor], None]:
    """Takes in what a layer sees, a row a sample and position."""
    axis, flat = nodes_axis(reader.layer), reader.columns.flatten()

    def take(value: Tensor) -> None:
        for rows in rows_by_node(value, axis).split(max(1, _ENTRIES // len(flat))):
            chosen = rows[:, flat.to(rows.device)].unflatten(1, (channels, -1))
            seen.add(chosen.transpose(1, 2).flatten(0, 1))

    return take
