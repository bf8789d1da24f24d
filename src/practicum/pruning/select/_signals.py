"""Scalar products, over streaming data, of what nodes emit and of what edges carry."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.pruning._folding import Moments
from practicum.pruning._layers import layer_of, module_of, nodes_axis, rows_by_node
from practicum.pruning._listening import moments_seen
from practicum.pruning._paths import applied, steps_after
from practicum.pruning._streams import run

_ENTRIES = 2**20
"""Activations that are held in float64 at a time."""


def node_products(network: nn.Module, layer: str, inputs: Any, activation: str | None = None) -> tuple[np.ndarray, int]:
    """``A^T A`` of the activations A (samples, nodes) of a layer in float64, shape (n, n), and the number of samples.

    Main arguments:
        inputs: as :func:`practicum.pruning._streams.blocks` takes them.

    Other arguments:
        activation: name of the module whose outputs are the activations; found in ``forward`` if None.

    Raises:
        ParameterError: as :func:`practicum.pruning._paths.steps_after`; no such module, or one with another number of
            nodes.
    """
    module, seen = layer_of(network, layer), Moments()
    axis, nodes = nodes_axis(module), len(module.weight)
    place = module if activation is None else module_of(network, activation)
    steps = steps_after(network, layer) if activation is None else []

    def see(_given: Tensor, output: Tensor) -> None:
        # Steps may work in place, on what the network still needs.
        values = applied(steps, output.clone()) if steps else output
        if values.ndim <= max(axis, 0) or values.shape[axis] != nodes:
            raise ParameterError(
                f"The module '{activation}' must have one output a node of layer '{layer}', {nodes} in all. Got "
                f"outputs of shape {tuple(values.shape)}."
            )
        for rows in rows_by_node(values, axis).split(max(1, _ENTRIES // nodes)):
            seen.add(rows)

    run(network, place, inputs, see)
    return _products(seen), seen.count


def edge_products(network: nn.Module, layer: str, inputs: Any) -> tuple[np.ndarray, int]:
    """``X^T X`` of what the weights of each unit are multiplied with, (edges, edges), and the number of samples.

    Of a convolution X are the patches, one row a position.

    Raises:
        ParameterError: a convolution in groups or over three axes, whose patches are not one table for all units, or
            inputs that do not fit.
    """
    module = layer_of(network, layer)
    if isinstance(module, nn.Conv3d) or getattr(module, "groups", 1) != 1:
        raise ParameterError(
            f"The signals of the edges of '{layer}' are known for Linear, and for Conv1d and Conv2d without groups. "
            f"Got {module} instead; Random(), Magnitude() and SoftMagnitude() do without signals."
        )
    (seen,) = moments_seen(network, [module], inputs)
    return _products(seen), seen.count


def _products(seen: Moments) -> np.ndarray:
    """Exactly symmetric, which a product of matrices is up to rounding only."""
    gram = seen.gram(centred=False)
    return ((gram + gram.T) / 2).cpu().numpy()
