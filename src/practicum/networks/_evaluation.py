"""Networks as they are, without gradients: their answers and their losses on many examples, in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
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


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch: at these sizes two get in each other's way, and sums would depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def outputs(network: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs (S, N, C) of a network in evaluation mode on inputs (S or 1, N, ...).

    A teacher of one seed answers the inputs of each seed.

    Raises:
        ParameterError: both have several seeds, and not as many.
    """
    seeds = getattr(network, "seeds", 1)
    if seeds != inputs.shape[0] and 1 not in (seeds, inputs.shape[0]):
        raise ParameterError(
            f"Networks of {seeds} seeds cannot answer the inputs of {inputs.shape[0]} seeds; give one network a seed, "
            "or one for all."
        )
    with evaluated(network):
        groups = inputs.split(1) if seeds == 1 else (inputs,)
        return torch.cat([torch.cat([network(x) for x in g.split(_rows(network), 1)], 1) for g in groups])


def mean_losses(network: nn.Module, inputs: Tensor, wanted: Tensor, training: Training) -> np.ndarray:
    """The mean loss of each student (S,), float64, on inputs (S or 1, N, ...) and targets (S or 1, N, ...)."""
    rows = _rows(network)
    with evaluated(network):
        parts = []
        for x, t in zip(inputs.split(rows, 1), wanted.split(rows, 1)):
            found = network(x)
            parts.append(losses(found, t.expand(found.shape[0], *t.shape[1:]), training).double().sum(1))
        return (torch.stack(parts).sum(0) / inputs.shape[1]).cpu().numpy()


def _rows(network: nn.Module) -> int:
    """Examples at a time, so that a layer of a seed stays in the cache; the number of seeds must not change bits."""
    return max(16, _ENTRIES // max(network.sizes if isinstance(network, MLP) else (256,)))
