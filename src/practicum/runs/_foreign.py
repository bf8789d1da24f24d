"""Plain perceptrons that other programs have saved: what a state dict says of them, and where it leaves a doubt."""

from __future__ import annotations

import re
from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING

from practicum.errors import ParameterError
from practicum.networks.names import Activation

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP
    from practicum.specialization.batchnorm.reading import State

_MOST_ORDERS = 7
"""Layers up to which all orders are tried: 5040 of them."""


def perceptron(path: Path, activation: Activation, slope: float) -> MLP:
    """The network of a state dict with one weight, and perhaps one bias, a layer.

    Raises:
        ParameterError: other arrays than these, or more than one order in which the layers could follow each other.
        StorageError: see :func:`practicum.specialization.batchnorm.reading.read`.
    """
    from practicum.networks._given import from_arrays
    from practicum.specialization.batchnorm.reading import read

    state = read(path, lambda state: not _strangers(state))
    strangers = _strangers(state)
    if strangers or not state.shapes:
        raise ParameterError(
            f"The file {path} holds no plain perceptron, whose arrays are X.weight of shape (n_out, n_in) and X.bias "
            f"of shape (n_out,). Got {strangers[0] if strangers else 'nothing'} instead; load the module in Python and "
            "give it to practicum.specialization.compare."
        )
    layers = _ordered(state, path)
    weights = [state.values(f"{layer}weight") for layer in layers]
    biases = [state.values(f"{layer}bias") if f"{layer}bias" in state.shapes else None for layer in layers]
    return from_arrays(weights, biases, activation=activation, slope=slope, dtype="float64")


def _strangers(state: State) -> list[str]:
    """The arrays that a plain perceptron has not, with their shapes."""
    found = []
    for name, shape in state.shapes.items():
        prefix, _, part = name.rpartition(".")
        prefix = f"{prefix}." if prefix else ""
        width = state.shapes.get(f"{prefix}weight", ())[:1]
        if not ((part == "weight" and len(shape) == 2) or (part == "bias" and shape == width)):
            found.append(f"{name} {shape}")
    return found


def _ordered(state: State, path: Path) -> list[str]:
    """Prefixes of the layers from the lowest."""
    layers = [name.removesuffix("weight") for name in state.shapes if name.endswith("weight")]
    ends = [state.shapes[f"{layer}weight"] for layer in layers]
    if len(layers) < 2:
        raise ParameterError(
            f"The file {path} holds one layer, {layers[0]}weight {ends[0]}, and a network needs a hidden layer, so two "
            "at least."
        )

    def follows(order: tuple[int, ...] | range) -> bool:
        return all(ends[below][0] == ends[above][1] for below, above in pairwise(order))

    given = range(len(layers))
    # Numbers in otherwise equal names are an order; so is that in which a module registered its layers.
    numbered = len({re.sub(r"\d+", "#", layer) for layer in layers}) == 1
    if (numbered or state.ordered) and follows(given):
        return layers
    orders = (
        [order for order in permutations(given) if follows(order)]
        if len(layers) <= _MOST_ORDERS and not numbered
        else []
    )
    if len(orders) != 1:
        why = "several orders of its layers fit together" if orders else "its layers do not follow each other"
        shown = ", ".join(f"{layer}weight {shape}" for layer, shape in zip(layers[:6], ends))
        raise ParameterError(
            f"The file {path} is no perceptron whose order is certain: {why} ({shown}); build the teacher with "
            "practicum.networks.from_arrays, which takes the layers in their order."
        )
    return [layers[i] for i in orders[0]]
