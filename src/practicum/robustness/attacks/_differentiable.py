"""Networks that are asked for outputs and for the gradient with respect to their inputs, whatever their kind.

Perceptrons go by hand: autograd, and a Python call for each tensor it makes, cost more than the arithmetic of a small
network, and nobody needs the gradients of the weights here. BatchNorm in evaluation is a linear map and goes into the
weights. Modules of any other kind go by autograd.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble, as_batched
from practicum.robustness.attacks._plain import Plain, plain_of

_ROWS = 1000
"""Rows that go through a module at a time where no gradient is wanted, so that activations fit into memory."""


class Differentiable:
    """A module with outputs (S, R, C), asked by autograd.

    Main arguments:
        network: an MLP, an Ensemble, or a module from (R, ...) to (R, C).
        shape: of one example.
        name: "student" or "teacher", for sentences.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], name: str) -> None:
        self.network, self.shape, self.name = as_batched(network, shape), shape, name
        self.seeds = int(self.network.seeds)  # pyright: ignore[reportArgumentType]

    def outputs(self, inputs: Tensor) -> Tensor:
        """Outputs (S, R, C) on inputs (S or 1, R, ...), without a graph; one network answers the inputs of all."""
        with torch.no_grad():
            return self._spread(inputs)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Any]:
        """Outputs, without a graph of their own, and what :meth:`backward` needs; both stand until the next call."""
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
        inputs = inputs.expand(self.seeds, *inputs.shape[1:])
        if not isinstance(self.network, Ensemble):
            return self._answer(self.network, inputs)
        return torch.stack([self._alone(network, rows) for network, rows in zip(self.network.networks, inputs)])

    def _alone(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Outputs (R, C) of one of the modules."""
        parts = [inputs] if torch.is_grad_enabled() else inputs.split(_ROWS)
        found = [self._answer(network, part) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _answer(self, network: nn.Module, inputs: Tensor) -> Tensor:
        try:
            found = network(inputs)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, ParameterError):
                raise
            why = str(error).partition("\n")[0].rstrip(".")
            raise ParameterError(
                f"The {self.name} cannot answer inputs of shape {tuple(inputs.shape)}: {why}."
            ) from error
        leading = inputs.shape[: inputs.ndim - len(self.shape)]
        tensor = isinstance(found, Tensor)
        if not tensor or found.shape[:-1] != leading or found.shape[-1] == 0 or not found.is_floating_point():
            got = f"{found.dtype} of shape {tuple(found.shape)}" if tensor else type(found).__name__
            raise ParameterError(
                f"The {self.name} must have outputs of shape ({leading[-1]}, C) on {leading[-1]} inputs, a row of real "
                f"numbers an input. Got {got} instead; wrap it in a module that flattens or selects its outputs."
            )
        return found


class _Room(NamedTuple):
    """Memory of a batch: what each layer's activation and the next layer see, and the gradients of what it sees."""

    pre: list[Tensor]
    post: list[Tensor]
    errors: list[Tensor]


class Perceptron(Differentiable):
    """Perceptrons whose gradients are written by hand; to rounding they are the network in evaluation mode.

    Main arguments:
        network: an MLP, or a module that computes what `plain` says.
        plain: its layers.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], name: str, plain: Plain) -> None:
        super().__init__(network, shape, name)
        self.activation, self.slope = plain.activation, plain.slope
        self.layers = plain.layers
        self.width = self.layers[0][0].shape[-1]
        # One network needs no batched product, which is slower for a single matrix.
        self.alone = self.seeds == 1
        if self.alone:
            self.layers = [(w[0], None if b is None else b[0]) for w, b in self.layers]
        self.upright = [w.mT for w, _ in self.layers]
        self.rooms: dict[tuple[int, ...], _Room] = {}

    def forward(self, inputs: Tensor) -> tuple[Tensor, Any]:
        with torch.no_grad():
            room = self._room(inputs.shape[:2])
            value = inputs.reshape(-1, self.width) if self.alone else inputs.expand(self.seeds, -1, -1)
            for index, ((_, bias), turned) in enumerate(zip(self.layers, self.upright)):
                pre = room.pre[index]
                if bias is None:
                    torch.matmul(value, turned, out=pre)
                elif self.alone:
                    torch.addmm(bias, value, turned, out=pre)
                else:
                    torch.baddbmm(bias, value, turned, out=pre)
                value = pre if index == len(self.layers) - 1 else self._activated(pre, room.post[index])
            return (value.unflatten(0, inputs.shape[:2]) if self.alone else value), room

    def backward(self, tape: Any, gradient: Tensor) -> Tensor:
        with torch.no_grad():
            shape = gradient.shape
            gradient = gradient.reshape(-1, shape[-1]) if self.alone else gradient
            for index in range(len(self.layers) - 1, -1, -1):
                gradient = torch.matmul(gradient, self.layers[index][0], out=tape.errors[index])
                if index:
                    self._derived_(gradient, tape.pre[index - 1])
            return gradient.view(*shape[:2], *self.shape) if self.alone else gradient

    def _room(self, rows: tuple[int, ...]) -> _Room:
        """Memory for inputs of so many rows; what is in it stands until the next call."""
        if rows not in self.rooms:
            first = self.layers[0][0]
            leading = (rows[0] * rows[1],) if self.alone else (self.seeds, rows[1])
            widths = [first.shape[-1], *(w.shape[-2] for w, _ in self.layers)]
            made = [first.new_empty((*leading, width)) for width in widths]
            pre = made[1:]
            inside = self.activation in ("relu", "linear")
            post = [p if inside else torch.empty_like(p) for p in pre[:-1]]
            self.rooms = {rows: _Room(pre, post, [torch.empty_like(m) for m in made[:-1]])}
        return self.rooms[rows]

    def _activated(self, pre: Tensor, post: Tensor) -> Tensor:
        """What the next layer sees; a ReLU's is the same memory as what it sees itself."""
        if self.activation == "relu":
            pre.relu_()
        elif self.activation == "leaky-relu":
            torch.ops.aten.leaky_relu(pre, self.slope, out=post)
        elif self.activation == "erf":
            torch.erf(torch.mul(pre, math.sqrt(0.5), out=post), out=post)
        return post

    def _derived_(self, gradient: Tensor, pre: Tensor) -> None:
        """Multiply by the derivative of the activation; `pre` is not needed any more."""
        if self.activation == "relu":
            torch.ops.aten.threshold_backward(gradient, pre, 0, grad_input=gradient)
        elif self.activation == "leaky-relu":
            torch.ops.aten.leaky_relu_backward(gradient, pre, self.slope, False, grad_input=gradient)
        elif self.activation == "erf":
            gradient.mul_(pre.square_().mul_(-0.5).exp_()).mul_(math.sqrt(2 / math.pi))


def differentiable(network: nn.Module, shape: tuple[int, ...], name: str) -> Differentiable:
    """The fastest way to ask this network that there is."""
    plain = plain_of(network)
    if plain is not None and (shape == (plain.width,) or (plain.flattens and math.prod(shape) == plain.width)):
        return Perceptron(network, shape, name, plain)
    return Differentiable(network, shape, name)
