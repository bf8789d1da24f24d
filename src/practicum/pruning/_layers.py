"""The layer that a name means, and the sentences for those that cannot be pruned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.values import nearest

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
"""What has nodes: outputs of a Linear, output channels of a convolution."""

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def check_network(network: Any) -> None:
    """One sentence for what is no network with named layers.

    Raises:
        ParameterError: no module, or one with a seed axis.
    """
    if isinstance(network, MLP):
        raise ParameterError(
            f"Pruning takes one network, because each has its own nodes to lose. Got an MLP of {network.seeds} "
            "seed(s); practicum.pruning.as_module(network, 0) is the one of the first seed, as an nn.Sequential."
        )
    if isinstance(network, Ensemble):
        raise ParameterError(
            f"Pruning takes one network, because each has its own nodes to lose. Got an Ensemble of {network.seeds}; "
            "network.networks[0] is the first of them."
        )
    if not isinstance(network, nn.Module):
        raise ParameterError(f"Pruning takes an nn.Module. Got {type(network).__name__} instead.")


def layer_of(network: nn.Module, name: str) -> Layer:
    """The Linear or the convolution of this name.

    Raises:
        ParameterError: no network with named layers, no layer of this name, one of another type or without a finite
            weight, or one that stands or shares its weight with another place of the network.
    """
    check_network(network)
    modules = dict(network.named_modules(remove_duplicate=False))
    known = [key for key, module in modules.items() if isinstance(module, LAYERS)]
    listed = ", ".join(map(repr, known[:12])) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
    if name not in modules:
        raise ParameterError(
            f"{type(network).__name__} has no layer {name!r:.60}; those that can be pruned are {listed or 'none'}."
            f"{nearest(str(name), known)}"
        )
    layer = modules[name]
    if not isinstance(layer, LAYERS):
        raise ParameterError(
            f"The layer '{name}' must be a Linear or a Conv1d, Conv2d or Conv3d, because their outputs are nodes. Got "
            f"{type(layer).__name__} instead; those that can be pruned are {listed or 'none'}."
        )
    weight = layer.weight
    others = [key for key, module in modules.items() if key != name and _holds(module, layer, weight)]
    if others:
        raise ParameterError(
            f"The layer '{name}' must stand in one place, because what is pruned here would be pruned there too. Got "
            f"one that '{others[0]}' shares; copy.deepcopy it into one of the two places."
        )
    if not torch.isfinite(weight).all():
        raise ParameterError(f"The weights of layer '{name}' hold a number that is not finite; repair the network.")
    return layer


def nodes_axis(layer: Layer) -> int:
    """The axis of the nodes in a batch of outputs."""
    return -1 if isinstance(layer, nn.Linear) else 1


def rows_by_node(values: Tensor, axis: int) -> Tensor:
    """A batch of outputs as (samples, nodes); each position of a convolution is a sample."""
    return values.movedim(axis, -1).reshape(-1, values.shape[axis])


def module_of(network: nn.Module, name: str) -> nn.Module:
    """A module by its name, with the nearest known one if there is none.

    Raises:
        ParameterError: no such module.
    """
    known = dict(network.named_modules())
    if name not in known:
        raise ParameterError(
            f"The 'activation' parameter must name a module of {type(network).__name__}. Got {name!r:.60} instead."
            f"{nearest(str(name), list(known))}"
        )
    return known[name]


def _holds(module: nn.Module, layer: nn.Module, weight: Tensor) -> bool:
    return module is layer or any(p is weight for p in module._parameters.values())
