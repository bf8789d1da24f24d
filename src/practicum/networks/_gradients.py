"""Gradients of multilayer perceptrons written by hand: all seeds side by side, in buffers made once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from practicum.networks.losses import losses, output_gradient_
from practicum.networks.mlp import MLP
from practicum.networks.settings import Training


class Backpropagation:
    """Loss and gradients of an :class:`MLP` without normalisation on batches of one size.

    Main arguments:
        network: S perceptrons.
        batch_size: B.
        training: which loss.
    """

    def __init__(self, network: MLP, batch_size: int, training: Training) -> None:
        self.network, self.training = network, training
        self.shape = network.seeds, batch_size
        weights = [w.detach() for w in network.weights]
        self.weights = weights
        self.biases = [None if b is None else b.detach() for b in network.biases]
        self.weight_gradients = [torch.zeros_like(w) for w in weights]
        self.bias_gradients = [None if b is None else torch.zeros_like(b) for b in self.biases]
        self.values = [w.new_empty((*self.shape, w.shape[1])) for w in weights]
        self.errors = [torch.empty_like(v) for v in self.values]

    def __call__(self, inputs: Tensor, wanted: Tensor) -> Tensor:
        """The losses (S,) of a batch (S, B, d); gradients of their means are left in the buffers."""
        layers = len(self.weights)
        value = inputs
        posts = []
        for index, (weight, bias, out) in enumerate(zip(self.weights, self.biases, self.values)):
            posts.append(value)
            if bias is None:
                torch.bmm(value, weight.transpose(1, 2), out=out)
            else:
                torch.baddbmm(bias.unsqueeze(1), value, weight.transpose(1, 2), out=out)
            if index < layers - 1:
                value = self._activate(out)
        output = self.values[-1]
        loss = losses(output, wanted, self.training).mean(1)
        error = output_gradient_(output, wanted, self.training).div_(self.shape[1])
        for index in range(layers - 1, -1, -1):
            torch.bmm(error.transpose(1, 2), posts[index], out=self.weight_gradients[index])
            bias = self.bias_gradients[index]
            if bias is not None:
                torch.sum(error, 1, out=bias)
            if index:
                below = self.errors[index - 1]
                torch.bmm(error, self.weights[index], out=below)
                error = self._through(below, index - 1, posts[index])
        return loss

    def _activate(self, pre: Tensor) -> Tensor:
        kind = self.network.activation
        if kind == "relu":
            return pre.relu_()
        if kind == "leaky-relu":
            return torch.nn.functional.leaky_relu(pre, self.network.slope)
        if kind == "erf":
            return torch.erf(pre * math.sqrt(0.5))
        return pre

    def _through(self, error: Tensor, index: int, post: Tensor) -> Tensor:
        kind, pre = self.network.activation, self.values[index]
        if kind == "relu":
            return error.mul_(post > 0)
        if kind == "leaky-relu":
            return error.mul_(torch.where(pre > 0, 1.0, self.network.slope).to(error.dtype))
        if kind == "erf":
            return error.mul_(torch.exp(pre.square().mul_(-0.5)).mul_(math.sqrt(2 / math.pi)))
        return error
