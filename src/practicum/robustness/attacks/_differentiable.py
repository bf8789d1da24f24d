"""Networks that are asked for outputs and for the gradient with respect to their inputs, whatever their kind.

Perceptrons go by hand: autograd, and a Python call for each tensor it makes, cost more than the arithmetic of a small
network, and nobody needs the gradients of the weights here. BatchNorm in evaluation is a linear map and goes into the
weights. Modules of any other kind go by autograd.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import as_batched
from practicum.networks.mlp import MLP, BatchNorm


class Differentiable:
    """A module with outputs (S, R, C), asked by autograd.

    Main arguments:
        network: an MLP, an Ensemble, or a module from (R, ...) to (R, C).
        shape: of one example.
        name: "student" or "teacher", for sentences.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], name: str) -> None:
        self.network, self.name = as_batched(network, shape), name
        self.seeds = int(self.network.seeds)  # pyright: ignore[reportArgumentType]

    def outputs(self, inputs: Tensor) -> Tensor:
        """Outputs (S, R, C) on inputs (S or 1, R, ...), without a graph; one network answers the inputs of all."""
        with torch.no_grad():
            return self._spread(inputs)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Any]:
        """Outputs, without a graph of their own, and what :meth:`backward` needs."""
        leaf = inputs.detach().requires_grad_()
        with torch.enable_grad():
            found = self._spread(leaf)
        return found.detach(), (leaf, found)

    def backward(self, tape: Any, gradient: Tensor) -> Tensor:
        """From the gradient with respect to the outputs to the one with respect to the inputs."""
        leaf, found = tape
        if not found.requires_grad:
            raise ParameterError(
                f"The outputs of the {self.name} do not depend on its inputs in a way that PyTorch can differentiate, "
                "so there is no direction to attack in; leave out detach() and torch.no_grad() in its forward."
            )
        (back,) = torch.autograd.grad(found, leaf, gradient, allow_unused=True)
        return torch.zeros_like(leaf) if back is None else back

    def _spread(self, inputs: Tensor) -> Tensor:
        if self.seeds == 1 and inputs.shape[0] > 1:
            return self._asked(inputs.flatten(0, 1).unsqueeze(0)).unflatten(1, inputs.shape[:2]).squeeze(0)
        return self._asked(inputs)

    def _asked(self, inputs: Tensor) -> Tensor:
        """Outputs, of the shape that they must have."""
        try:
            found = self.network(inputs)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, ParameterError):
                raise
            why = str(error).partition("\n")[0].rstrip(".")
            raise ParameterError(
                f"The {self.name} cannot answer inputs of shape {tuple(inputs.shape[1:])}: {why}."
            ) from error
        rows = inputs.shape[1]
        if not isinstance(found, Tensor) or found.ndim != 3 or found.shape[1] != rows or found.shape[2] == 0:
            shape = tuple(found.shape[1:]) if isinstance(found, Tensor) else type(found).__name__
            raise ParameterError(
                f"The {self.name} must have outputs of shape ({rows}, C) on {rows} inputs, one row of numbers an "
                f"input. Got {shape} instead; wrap it in a module that flattens or selects its outputs."
            )
        return found


class Perceptron(Differentiable):
    """An :class:`MLP`, whose gradients are written by hand; to rounding it is the network in evaluation mode."""

    def __init__(self, network: MLP, shape: tuple[int, ...], name: str) -> None:
        super().__init__(network, shape, name)
        self.activation, self.slope = network.activation, network.slope
        self.layers = _folded(network)
        # One network needs no batched product, which is slower for a single matrix.
        self.alone = self.seeds == 1
        if self.alone:
            self.layers = [(w[0], None if b is None else b[0]) for w, b in self.layers]
        self.upright = [w.mT for w, _ in self.layers]

    def forward(self, inputs: Tensor) -> tuple[Tensor, Any]:
        with torch.no_grad():
            shape, value, tape = inputs.shape, inputs, []
            value = value.reshape(-1, shape[-1]) if self.alone else value.expand(self.seeds, *shape[1:])
            for index, ((_, bias), turned) in enumerate(zip(self.layers, self.upright)):
                if bias is None:
                    value = value @ turned
                elif self.alone:
                    value = torch.addmm(bias, value, turned)
                else:
                    value = torch.baddbmm(bias, value, turned)
                if index < len(self.layers) - 1:
                    value, kept = self._activated(value)
                    tape.append(kept)
            return (value.unflatten(0, shape[:2]) if self.alone else value), tape

    def backward(self, tape: Any, gradient: Tensor) -> Tensor:
        with torch.no_grad():
            shape = gradient.shape
            gradient = gradient.reshape(-1, shape[-1]) if self.alone else gradient
            for index in range(len(self.layers) - 1, -1, -1):
                gradient = gradient @ self.layers[index][0]
                if index:
                    self._derived_(gradient, tape[index - 1])
            return gradient.unflatten(0, shape[:2]) if self.alone else gradient

    def _activated(self, pre: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the next layer sees, and what the derivative is made of."""
        if self.activation == "relu":
            pre.relu_()
            return pre, pre
        if self.activation == "leaky-relu":
            return torch.nn.functional.leaky_relu(pre, self.slope), pre
        if self.activation == "erf":
            return torch.erf(pre * math.sqrt(0.5)), pre
        return pre, None

    def _derived_(self, gradient: Tensor, kept: Tensor | None) -> None:
        if self.activation == "relu":
            torch.ops.aten.threshold_backward(gradient, kept, 0, grad_input=gradient)
        elif self.activation == "leaky-relu":
            torch.ops.aten.leaky_relu_backward(gradient, kept, self.slope, False, grad_input=gradient)
        elif self.activation == "erf":
            assert kept is not None
            gradient.mul_((kept * kept).mul_(-0.5).exp_()).mul_(math.sqrt(2 / math.pi))


def differentiable(network: nn.Module, shape: tuple[int, ...], name: str) -> Differentiable:
    """The fastest way to ask this network that there is."""
    return (Perceptron if isinstance(network, MLP) else Differentiable)(network, shape, name)  # pyright: ignore[reportArgumentType]


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
