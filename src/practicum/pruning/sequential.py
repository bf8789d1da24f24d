"""One of the perceptrons side by side as a plain nn.Sequential, whose layers can be pruned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.mlp import MLP, activate
from practicum.values import whole


class Erf(nn.Module):
    """erf(x / sqrt 2), the activation of the theory."""

    def forward(self, values: Tensor) -> Tensor:
        return activate(values, "erf")


def as_module(network: MLP, index: int = 0) -> nn.Sequential:
    """One network of an MLP as ``nn.Sequential(Linear, activation, ..., Linear)``, a copy.

    Modules are named by their place, "0", "1", ...; BatchNorm has a place of its own, before or after the activation.
    Answers are the same numbers as the MLP's where it has no BatchNorm, and with it up to a few roundings, because
    PyTorch multiplies in another order. :func:`practicum.networks.from_module` leads back from ReLUs.

    Main arguments:
        network: an MLP.
        index: of the network, 0 ... S - 1.

    Raises:
        ParameterError: no MLP, or no such index.
    """
    if not isinstance(network, MLP):
        raise ParameterError(
            f"as_module takes practicum's MLP. Got {type(network).__name__} instead; an nn.Module with layers of its "
            "own can be pruned as it is."
        )
    index = whole("index", index, 0)
    if index >= network.seeds:
        raise ParameterError(
            f"The 'index' parameter of as_module must be < {network.seeds}, the number of networks. Got {index} "
            "instead."
        )
    factory = {"dtype": network.dtype, "device": network.device}
    steps: list[nn.Module] = []
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        outputs, inputs = weight.shape[1:]
        linear = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias is not None, **factory)
        steps.append(_filled(linear, weight=weight[index], bias=None if bias is None else bias[index]))
        if layer < network.depth:
            steps += _hidden(network, layer, index)
    return nn.Sequential(*steps).train(network.training).requires_grad_(network.weights[0].requires_grad)


def _hidden(network: MLP, layer: int, index: int) -> list[nn.Module]:
    """The activation, and the BatchNorm before or after it if there is one."""
    kinds = {"relu": nn.ReLU, "erf": Erf, "linear": nn.Identity}
    activation = nn.LeakyReLU(network.slope) if network.activation == "leaky-relu" else kinds[network.activation]()
    if network.normalisation is None:
        return [activation]
    norm: Any = network.norms[layer]
    factory = {"dtype": network.dtype, "device": network.device}
    made = nn.BatchNorm1d(norm.weight.shape[1], eps=norm.epsilon, momentum=norm.momentum, **factory)
    _filled(
        made, weight=norm.weight[index], bias=norm.bias[index], running_mean=norm.running_mean[index],
        running_var=norm.running_variance[index],
    )  # fmt: skip
    return [made, activation] if network.normalisation == "before" else [activation, made]


def _filled(module: nn.Module, **values: Tensor | None) -> nn.Module:
    with torch.no_grad():
        for name, value in values.items():
            if value is not None:
                getattr(module, name).copy_(value)
    return module
