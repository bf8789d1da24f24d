"""Networks to prune, with drawn numbers everywhere, and masks."""

import numpy as np
import torch
from torch import nn

from practicum.pruning.kept import Kept


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape)).to(dtype)


def filled(network, seed=0):
    """The network in float64 and evaluation mode, with weights, biases and moments of BatchNorm drawn anew."""
    network = network.double().eval()
    for number, values in enumerate(network.state_dict().values()):
        if values.is_floating_point():
            size = values[0].numel() ** -0.5 if values.ndim > 1 else 0.5
            values.copy_(1.5 * size * drawn(*values.shape, seed=seed + number))
    for part in network.modules():
        if getattr(part, "running_var", None) is not None:
            part.running_var.copy_(0.3 + part.running_var.square())
            part.num_batches_tracked.fill_(7)
    return network


def perceptron(activation=nn.Sigmoid, seed=0, norm=True):
    """6 inputs, hidden layers "0" of 9 and "2.0" of 5 nodes, 3 outputs; nested, with BatchNorm and Dropout."""
    first = nn.Sequential(nn.BatchNorm1d(9), activation()) if norm else activation()
    second = nn.Sequential(nn.Linear(9, 5), activation(), nn.Dropout())
    return filled(nn.Sequential(nn.Linear(6, 9), first, second, nn.Linear(5, 3)), seed)


def nodes(layer, *places, of, **options):
    """The choice of some nodes of a layer."""
    mask = torch.zeros(of, dtype=torch.bool)
    mask[list(places)] = True
    return Kept(layer, "nodes", mask, **options)


def edges(layer, *shape, share=0.5, seed=0):
    """The choice of about a share of the edges of a layer."""
    return Kept(layer, "edges", torch.from_numpy(np.random.default_rng(seed).random(shape) < share))


def snapshot(network):
    """Everything about a network that a function could change behind its user's back."""
    state = {name: values.clone() for name, values in network.state_dict().items()}
    gradients = {name: None if p.grad is None else p.grad.clone() for name, p in network.named_parameters()}
    needs = {name: p.requires_grad for name, p in network.named_parameters()}
    modes = [part.training for part in network.modules()]
    hooks = [{key: dict(v) for key, v in vars(part).items() if "hooks" in key and v} for part in network.modules()]
    return state, gradients, needs, modes, hooks


def check_same(before, after):
    """Two snapshots of one network are equal, bit for bit."""
    for old, new in zip(before[:2], after[:2]):
        assert list(old) == list(new)
        for name in old:
            assert (old[name] is None and new[name] is None) or torch.equal(old[name], new[name]), name
    assert before[2:] == after[2:]
