"""Perceptrons for the tests of training, and the same in modules of PyTorch, trained by autograd and torch.optim."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from practicum.networks.mlp import MLP

SEEDS, INPUTS, OUTPUTS, SAMPLES = 3, 5, 4, 40


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape)).to(dtype)


def perceptrons(depth=1, activation="relu", bias=True, normalisation=None, seeds=SEEDS, dtype=torch.float64):
    sizes = (INPUTS, *(7, 4, 6, 3)[:depth], OUTPUTS)
    weights = [drawn(seeds, n, m, seed=7, dtype=dtype) / m**0.5 for m, n in pairwise(sizes)]
    biases = [0.3 * drawn(seeds, n, seed=8, dtype=dtype) if bias else None for n in sizes[1:]]
    slope = 0.2 if activation == "leaky-relu" else 0.0
    return MLP(weights, biases, activation=activation, slope=slope, normalisation=normalisation).train()


class Erf(nn.Module):
    def forward(self, values):
        return torch.erf(values / math.sqrt(2))


ACTIVATIONS = {"relu": nn.ReLU(), "leaky-relu": nn.LeakyReLU(0.2), "erf": Erf(), "linear": nn.Identity()}


def sequential(network, seed):
    """One of the perceptrons as PyTorch would write it."""
    parts = []
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        _, n, width = weight.shape
        linear = nn.Linear(width, n, bias=bias is not None, dtype=weight.dtype)
        linear.weight.data.copy_(weight[seed])
        if bias is not None:
            linear.bias.data.copy_(bias[seed])
        parts.append(linear)
        if layer < network.depth:
            if network.normalisation == "before":
                parts.append(nn.BatchNorm1d(n, dtype=weight.dtype))
            parts.append(ACTIVATIONS[network.activation])
            if network.normalisation == "after":
                parts.append(nn.BatchNorm1d(n, dtype=weight.dtype))
    return nn.Sequential(*parts)


def flattened(module):
    """All parameters and running moments of a Sequential, layer by layer."""
    values = [v for v in module.state_dict().values() if v.is_floating_point()]
    return torch.cat([v.flatten() for v in values])


def flattened_seed(network, seed):
    """The same of one of the perceptrons."""
    linear = [[w[seed]] + ([] if b is None else [b[seed]]) for w, b in zip(network.weights, network.biases)]
    norms = [[n.weight[seed], n.bias[seed], n.running_mean[seed], n.running_variance[seed]] for n in network.norms]
    norms += [[]] * (len(linear) - len(norms))
    return torch.cat([v.detach().flatten() for pair in zip(linear, norms) for part in pair for v in part])
