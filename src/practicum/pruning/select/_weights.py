"""How strong the weights into and out of nodes are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from practicum.errors import ParameterError
from practicum.pruning._layers import layer_of
from practicum.pruning._reach import NotAChain, reach


def incoming(network: nn.Module, layer: str) -> np.ndarray:
    """The Euclidean norm of the weights into each node, without its bias; shape (n,)."""
    return layer_of(network, layer).weight.detach().double().flatten(1).norm(dim=1).cpu().numpy()


def outgoing(network: nn.Module, layer: str) -> np.ndarray:
    """The Euclidean norm of the weights out of each node, of all layers that hear it; shape (n,).

    Raises:
        ParameterError: the nodes are outputs of the network, or what hears them is not known, as in a residual sum.
    """
    module = layer_of(network, layer)
    try:
        consumers = reach(network, module).consumers
    except NotAChain as error:
        raise ParameterError(f"{error} Magnitude() looks at the weights into the nodes instead.") from None
    nodes, total = torch.arange(len(module.weight)), torch.zeros(len(module.weight), dtype=torch.float64)
    for part in consumers:
        weight: Any = network.get_submodule(part.name).weight
        each = weight.detach().double().cpu().transpose(0, 1).flatten(1).square().sum(1)
        total.index_add_(0, part.entries(nodes), each)  # above a Flatten a node has several entries
    return total.sqrt().numpy()
