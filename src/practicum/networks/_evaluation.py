"""Networks as they are, without gradients: their answers and their losses on many examples, in parts.

On a CPU each seed is asked alone, with copies of its weights and examples: the products of matrices depend in their
last bits on where in memory the matrices begin, and that must not depend on the other seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.ensemble import Ensemble
from practicum.networks.losses import losses
from practicum.networks.mlp import MLP
from practicum.networks.settings import Training

_ENTRIES = 2**16


@contextmanager
def evaluated(*networks: nn.Module) -> Iterator[None]:
    """Without gradients and in evaluation mode; afterwards each module is in the mode it was in."""
    with kept_modes(*networks), torch.no_grad():
        for network in networks:
            network.eval()
        yield


@contextmanager
def kept_modes(*networks: nn.Module) -> Iterator[None]:
    """Afterwards each module is in training or evaluation mode as it was before."""
    before = [(part, part.training) for network in networks for part in network.modules()]
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode


def outputs(network: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs (S, N, C) of a network in evaluation mode on inputs (S or 1, N, ...).

    A network of one seed answers the inputs of each seed.

    Raises:
        ParameterError: both have several seeds, and not as many.
    """
    with evaluated(network):
        return torch.cat([torch.cat(list(_answers(one, x)), 1) for one, x in _alone(network, inputs)])


def mean_losses(network: nn.Module, inputs: Tensor, wanted: Tensor, training: Training) -> np.ndarray:
    """The mean loss of each network (S,), float64, on inputs (S or 1, N, ...) and targets (S or 1, N, ...)."""
    found, first = [], 0
    with evaluated(network):
        for one, x in _alone(network, inputs):
            total: Tensor | float = 0.0
            place = 0
            for answers in _answers(one, x):
                seeds, rows = answers.shape[:2]
                sets = wanted if len(wanted) == 1 else wanted[first : first + seeds]
                part = sets[:, place : place + rows]
                total = total + losses(answers, part.expand(seeds, *part.shape[1:]), training).double().sum(1)
                place += rows
            assert isinstance(total, Tensor)
            found.append(total)
            first += len(total)
        return (torch.cat(found) / inputs.shape[1]).cpu().numpy()


def _alone(network: nn.Module, inputs: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
    """Pairs of networks and the inputs (S or 1, N, ...) that they answer, seed after seed."""
    seeds = getattr(network, "seeds", 1)
    if seeds != len(inputs) and 1 not in (seeds, len(inputs)):
        raise ParameterError(
            f"Networks of {seeds} seeds cannot answer the inputs of {len(inputs)} seeds; give one network a seed, or "
            "one for all."
        )
    if seeds == 1:
        for x in inputs.split(1):
            yield network, x
    elif isinstance(network, Ensemble):
        for index, module in enumerate(network.networks):
            yield Ensemble([module], shape=network.shape), inputs[index % len(inputs)].unsqueeze(0)
    elif isinstance(network, MLP) and network.device.type == "cpu":
        one = network.select([0])
        for index in range(seeds):
            for here, there in zip(one.state_dict().values(), network.state_dict().values()):
                here.copy_(there[index : index + 1])
            yield one, inputs[index % len(inputs)].unsqueeze(0)
    else:
        yield network, inputs


def _answers(network: nn.Module, inputs: Tensor) -> Iterator[Tensor]:
    """Outputs on parts of the inputs so small that a layer of one seed stays in the cache."""
    rows = max(16, _ENTRIES // max(network.sizes if isinstance(network, MLP) else (256,)))
    for part in inputs.split(rows, 1):
        yield network(part.clone())
