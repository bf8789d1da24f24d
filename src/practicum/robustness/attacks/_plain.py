"""The layers of networks that are nothing but perceptrons, with BatchNorm in evaluation in their weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from practicum.networks.mlp import MLP, BatchNorm


class Plain(NamedTuple):
    """Layers of perceptrons.

    Main arguments:
        layers: weights (S, n_out, n_in) and biases (S, 1, n_out) or None, from the lowest.
        activation, slope: of the hidden layers.
        flattens: whether inputs of any shape become rows first.
    """

    layers: list[tuple[Tensor, Tensor | None]]
    activation: str
    slope: float
    flattens: bool = False

    @property
    def width(self) -> int:
        """Numbers in an input."""
        return self.layers[0][0].shape[-1]


def plain_of(network: nn.Module) -> Plain | None:
    """The layers of an MLP, or of a sequence of modules that compute the same; None of all else."""
    if any(map(_watched, network.modules())):
        return None
    if type(network) is MLP:
        return Plain(_folded(network), network.activation, network.slope)
    return _of_sequence(network)


def _watched(module: nn.Module) -> bool:
    """Whether a module may compute something else than its class says, or somebody wants to see it compute."""
    hooks = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    return bool(hooks) or "forward" in vars(module) or hasattr(module, "parametrizations")


def _of_sequence(network: nn.Module) -> Plain | None:
    """The layers of a sequence of Linear and ReLU in turns, perhaps after Flatten; None of all else."""
    if type(network) is not nn.Sequential:
        return None
    parts = list(network)
    flattens = bool(parts) and type(parts[0]) is nn.Flatten and (parts[0].start_dim, parts[0].end_dim) == (1, -1)
    parts = parts[flattens:]
    if len(parts) % 2 == 0:
        return None
    linear, between = parts[::2], parts[1::2]
    if any(type(part) is not nn.Linear for part in linear) or any(type(part) is not nn.ReLU for part in between):
        return None
    layers = [
        (part.weight.detach().unsqueeze(0), None if part.bias is None else part.bias.detach().view(1, 1, -1))  # pyright: ignore[reportCallIssue]
        for part in linear
    ]
    return Plain(layers, "relu", 0.0, flattens)  # pyright: ignore[reportArgumentType]


def _folded(network: MLP) -> list[tuple[Tensor, Tensor | None]]:
    """Weights and biases (S, 1, n) of each layer, with what BatchNorm does in evaluation in them."""
    layers: list[tuple[Tensor, Tensor | None]] = [
        (w.detach(), None if b is None else b.detach().unsqueeze(1)) for w, b in zip(network.weights, network.biases)
    ]
    for index, norm in enumerate(network.norms):
        assert isinstance(norm, BatchNorm)
        factor = (norm.weight * torch.rsqrt(norm.running_variance + norm.epsilon)).detach()
        shift = (norm.bias - norm.running_mean * factor).detach()
        if network.normalisation == "before":
            weight, bias = layers[index]
            bias = 0.0 if bias is None else bias * factor.unsqueeze(1)
            layers[index] = weight * factor.unsqueeze(2), bias + shift.unsqueeze(1)
        else:
            weight, bias = layers[index + 1]
            shifted = (weight @ shift.unsqueeze(2)).mT
            layers[index + 1] = weight * factor.unsqueeze(1), shifted if bias is None else bias + shifted
    return layers
