"""Networks as they are, without gradients: their answers and their losses on many examples, in parts.

The products of matrices depend in their last bits on where in memory the matrices begin. Lest a seed depend on the
others, perceptrons on a CPU are asked one by one, each with copies of its weights and of its examples.
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

_ENTRIES = 2**18


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


def apart(network: nn.Module) -> bool:
    """Whether the seeds of a network can be asked one by one at no great cost, as those of an MLP on a CPU can."""
    return isinstance(network, MLP) and network.device.type == "cpu"


def single(network: nn.Module, index: int) -> nn.Module:
    """The network of one seed, a copy; or the network itself, if there is only one."""
    if getattr(network, "seeds", 1) == 1:
        return network
    if isinstance(network, Ensemble):
        return Ensemble([network.networks[index]], shape=network.shape)
    assert isinstance(network, MLP)
    return network.select([index])


def rows_of(table: Tensor, index: int) -> Tensor:
    """The (1, N, ...) of one seed, a copy; or all, if all seeds share it."""
    return table if len(table) == 1 else table[index : index + 1].clone()


def _alone(network: nn.Module, inputs: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
    """Pairs of networks and the inputs (S or 1, N, ...) that they answer, seed after seed."""
    if not isinstance(network, (MLP, Ensemble)):
        yield network, inputs
        return
    seeds, sets = network.seeds, len(inputs)
    if seeds != sets and 1 not in (seeds, sets):
        raise ParameterError(
            f"Networks of {seeds} seeds cannot answer the inputs of {sets} seeds; give one network a seed, or one for "
            "all."
        )
    if isinstance(network, Ensemble) or apart(network) or seeds < sets:
        for index in range(max(seeds, sets)):
            yield single(network, index), inputs if sets == 1 else inputs[index : index + 1]
    else:
        yield network, inputs


def _answers(network: nn.Module, inputs: Tensor) -> Iterator[Tensor]:
    """Outputs on parts of the inputs so small that a layer of one seed stays in the cache."""
    rows = max(16, _ENTRIES // max(network.sizes if isinstance(network, MLP) else (256,)))
    for part in inputs.split(rows, 1):
        yield network(part.clone())
