"""Backpropagation through multilayer perceptrons written by hand: all seeds side by side, in buffers made once.

Autograd, and a Python call for each tensor it makes, cost more than the arithmetic of a small network. Here a batch of
all seeds costs five batched matrix products for two layers, and hardly anything else.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from practicum.networks._batches import lookup
from practicum.networks._optimizers import rule
from practicum.networks.losses import losses, output_gradient_
from practicum.networks.mlp import MLP
from practicum.networks.settings import Training


class Backpropagation:
    """Updates of an :class:`MLP` without normalisation, in place.

    Main arguments:
        network: S perceptrons.
        training: the loss and the rule of descent.
    """

    def __init__(self, network: MLP, training: Training) -> None:
        self.network, self.training = network, training
        self.weights = [w.detach() for w in network.weights]
        # A bias is the weight of a node that is always 1.
        self.biases = [None if b is None else b.detach().unsqueeze(1) for b in network.biases]
        parameters, self.places = list(self.weights), []
        for bias in self.biases:
            self.places.append(len(parameters))
            parameters += [] if bias is None else [bias]
        self.rule = rule(parameters, training)
        self.buffers: dict[int, _Buffers] = {}

    def run(self, inputs: Tensor, wanted: Tensor, rows: Tensor, rate: float) -> Tensor:
        """One update a batch; the losses (steps, S) before each, float64.

        Main arguments:
            inputs: (S or 1, N, d).
            wanted: what :func:`practicum.networks.losses.targets` made, (S or 1, N, C) or (S or 1, N).
            rows: of each seed's examples, (steps, S, B).
            rate: of learning.
        """
        steps, seeds, size = rows.shape
        (inputs, places), (wanted, answers) = lookup(inputs, rows), lookup(wanted, rows)
        if size not in self.buffers:
            self.buffers[size] = _Buffers(self, size, wanted)
        buffers = self.buffers[size]
        found = inputs.new_empty((steps, seeds))
        with torch.no_grad():
            self.rule.begin(rate, size)
            for place, answer, loss in zip(places, answers, found.unbind()):
                torch.index_select(inputs, 0, place, out=buffers.rows)
                torch.index_select(wanted, 0, answer, out=buffers.answers)
                self._forward(buffers)
                self._compare(buffers, loss)
                self._backward(buffers)
                self.rule.end()
        if self.training.loss == "mse":
            return found.double().square_() / (size * self.network.sizes[-1])
        return found.double()

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the network."""
        return self.rule.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""
        self.rule.load(state)

    def _forward(self, buffers: _Buffers) -> None:
        for index in range(self.network.depth):
            pre = buffers.pre[index]
            self._affine(index, buffers, pre)
            self._activate(pre, buffers.post[index])

    def _affine(self, index: int, buffers: _Buffers, out: Tensor) -> None:
        below, bias = buffers.below[index], self.biases[index]
        torch.bmm(below, buffers.transposed_weights[index], out=out)
        if bias is not None:
            out.add_(bias)

    def _compare(self, buffers: _Buffers, loss: Tensor) -> None:
        """Leave the gradient with respect to the outputs in the last buffer of errors."""
        last = self.network.depth
        bias, error = self.biases[last], buffers.errors[last]
        if self.training.loss == "mse":
            # `error` holds the targets.
            if bias is not None:
                error.sub_(bias)
            error.baddbmm_(buffers.below[last], buffers.transposed_weights[last], beta=-1)
            torch.linalg.vector_norm(error, dim=(1, 2), out=loss)
        else:
            self._affine(last, buffers, error)
            torch.mean(losses(error, buffers.wanted, self.training), 1, out=loss)
            output_gradient_(error, buffers.wanted, self.training)

    def _backward(self, buffers: _Buffers) -> None:
        for index in range(self.network.depth, -1, -1):
            error = buffers.errors[index]
            if index:
                torch.bmm(error, self.weights[index], out=buffers.errors[index - 1])
            self.rule.move(index, buffers.transposed_errors[index], buffers.below[index])
            if self.biases[index] is not None:
                self.rule.move(self.places[index], buffers.ones, error)
            if index:
                self._derive(buffers.errors[index - 1], buffers.pre[index - 1])

    def _activate(self, pre: Tensor, post: Tensor) -> None:
        kind = self.network.activation
        if kind == "relu":
            pre.relu_()  # post is the same memory
        elif kind == "leaky-relu":
            torch.ops.aten.leaky_relu(pre, self.network.slope, out=post)
        elif kind == "erf":
            torch.erf(torch.mul(pre, math.sqrt(0.5), out=post), out=post)

    def _derive(self, error: Tensor, pre: Tensor) -> None:
        """Multiply by the derivative of the activation; `pre` is not needed any more."""
        kind = self.network.activation
        if kind == "relu":
            error.mul_(pre.sign_())
        elif kind == "leaky-relu":
            torch.ops.aten.leaky_relu_backward(error, pre, self.network.slope, False, grad_input=error)
        elif kind == "erf":
            error.mul_(pre.square_().mul_(-0.5).exp_()).mul_(math.sqrt(2 / math.pi))


class _Buffers:
    """Memory for batches of one size, and the views of it that every step needs."""

    def __init__(self, owner: Backpropagation, size: int, wanted: Tensor) -> None:
        network, weights = owner.network, owner.weights
        first = weights[0]

        def room(width: int) -> Tensor:
            return first.new_empty((network.seeds, size, width))

        inputs, *hidden, outputs = (room(width) for width in network.sizes)
        self.pre = hidden
        in_place = network.activation in ("relu", "linear")
        self.post = hidden if in_place else [torch.empty_like(h) for h in hidden]
        self.errors = [*(torch.empty_like(h) for h in hidden), outputs]
        self.below = [inputs, *self.post]
        # The targets of "mse" are gathered where the outputs will be subtracted from them.
        shape = (network.seeds, size, *wanted.shape[1:])
        self.wanted = outputs if owner.training.loss == "mse" else wanted.new_empty(shape)
        self.rows = inputs.view(-1, inputs.shape[2])
        self.answers = self.wanted.view(-1, *wanted.shape[1:])
        self.ones = first.new_ones((network.seeds, 1, size))
        self.transposed_weights = [w.transpose(1, 2) for w in weights]
        self.transposed_errors = [e.transpose(1, 2) for e in self.errors]
