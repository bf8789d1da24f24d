"""From a layer to the outputs: V_l(x), the linear map that a network with open and shut gates is for one sample.

With piecewise linear activations the outputs are f_L = V_l(x) f_l(x) + c_l(x). V_l depends on the sample through the
gates above layer l only, and is propagated downwards, V_{l-1} = V_l D_l W_l: a matrix (C, n_l) a sample, never (n, n).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.mlp import MLP
from practicum.networks.teachers import from_module


class Layered(NamedTuple):
    """A network as matrices: f_l = D_l (W_l f_{l-1} + b_l) with gates 1 where the node fires and `slope` where not.

    Main arguments:
        weights: (S, n_out, n_in), one a layer, the output layer last.
        biases: (S, n_out), zeros where the network has none.
        slope: 0 for ReLU, 1 for linear nodes.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    slope: float

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.weights) - 1

    def hidden(self, inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Gates D_l and activations f_l of the hidden layers, (S, B, n_l) each, on inputs (1|S, B, d)."""
        gates, values = [], []
        value = inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
            pre = value @ weight.transpose(1, 2) + bias.unsqueeze(1)
            # Of tensors: where would make float32 of two plain numbers, and 0.1 is another slope there.
            gates.append(torch.where(pre > 0, pre.new_ones(()), pre.new_tensor(self.slope)))
            value = gates[-1] * pre
            values.append(value)
        return gates, values

    def propagate(self, gates: list[Tensor]) -> Iterator[Tensor]:
        """V_l (S, B, C, n_l) of the hidden layers, from the highest down to the lowest.

        The highest is the output layer's weights whatever the sample, so its B is 1.
        """
        V = self.weights[-1].unsqueeze(1)
        yield V
        for weight, gate in zip(self.weights[-2:0:-1], gates[:0:-1]):
            # One product for all samples of a seed: (B C, n_l) (n_l, n_{l-1}).
            gated = V * gate.unsqueeze(2)
            V = (gated.flatten(1, 2) @ weight).unflatten(1, gated.shape[1:3])
            yield V

    def with_constant_node(self) -> Layered:
        """The same network with one more node a layer that is always 1, whose fan-out the biases are."""
        weights = []
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            weight = torch.cat([weight, bias.unsqueeze(2)], dim=2)
            if index < self.depth:
                row = torch.zeros_like(weight[:, :1])
                row[..., -1] = 1
                weight = torch.cat([weight, row], dim=1)
            weights.append(weight)
        return Layered(weights, [torch.zeros_like(w[..., 0]) for w in weights], self.slope)


def layered(network: nn.Module) -> Layered:
    """An MLP, or an ``nn.Sequential`` of Linear and (leaky) ReLU layers, as matrices.

    BatchNorm, as it is in evaluation, is folded into the weights: before the activation into those of its own layer,
    after it into those of the next.

    Raises:
        ParameterError: the network is neither, or its activation is not piecewise linear.
    """
    if isinstance(network, nn.Sequential):
        first = next(network.parameters(), torch.empty(0))
        network = from_module(network, dtype=first.dtype, device=first.device)
    if not isinstance(network, MLP):
        raise ParameterError(
            "Propagating fan-outs needs an MLP or an nn.Sequential of Linear and ReLU layers, because its layers must "
            f"be known in their order. Got {type(network).__name__} instead."
        )
    slopes = {"relu": 0.0, "leaky-relu": network.slope, "linear": 1.0}
    if network.activation not in slopes:
        raise ParameterError(
            "Propagating fan-outs needs an activation that is linear piece by piece: 'relu', 'leaky-relu' or 'linear'. "
            f"Got {network.activation!r} instead."
        )
    weights = [w.detach() for w in network.weights]
    biases = [
        weights[k].new_zeros(weights[k].shape[:2]) if b is None else b.detach() for k, b in enumerate(network.biases)
    ]
    for index, norm in enumerate(cast(list[Any], network.norms)):
        factor = (norm.weight * torch.rsqrt(norm.running_variance + norm.epsilon)).detach()
        shift = (norm.bias - norm.running_mean * factor).detach()
        if network.normalisation == "before":
            weights[index] = factor.unsqueeze(2) * weights[index]
            biases[index] = factor * biases[index] + shift
        else:
            biases[index + 1] = biases[index + 1] + (weights[index + 1] @ shift.unsqueeze(2)).squeeze(2)
            weights[index + 1] = weights[index + 1] * factor.unsqueeze(1)
    return Layered(weights, biases, slopes[network.activation])
