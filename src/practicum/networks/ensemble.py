"""Modules of any kind, one a seed, behind the interface of an MLP with a leading seed axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.mlp import MLP, Layers

_ROWS = 1000
"""Rows that go through a module at a time in evaluation: the activations of 60 000 images at once fill a laptop."""


class Ensemble(nn.Module):
    """S modules of one shape, one a seed, that compute one after the other and share nothing.

    Main arguments:
        networks: modules from (B, ...) to (B, C).

    Other arguments:
        shape: of one example, such as (1, 28, 28); None asks the first module for its `shape`. If that has none
            either, inputs must always have a leading seed axis, since (S, B) cannot be told from (B, d).

    Raises:
        ParameterError: no module, or one that is there twice or shares weights with another.
    """

    def __init__(self, networks: Iterable[nn.Module], *, shape: Sequence[int] | None = None) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        if not len(self.networks):
            raise ParameterError("An Ensemble needs at least one module, one a seed. Got none.")
        parameters = [id(p) for network in self.networks for p in network.parameters()]
        if len(set(parameters)) < len(parameters) or len({id(n) for n in self.networks}) < len(self.networks):
            raise ParameterError(
                "The modules of an Ensemble must not share weights, because seeds learn independently. Got a parameter "
                "twice; copy.deepcopy a module to begin several seeds with the same weights."
            )
        found = getattr(self.networks[0], "shape", None) if shape is None else shape
        self.shape: tuple[int, ...] | None = None if found is None else tuple(int(n) for n in found)

    @property
    def seeds(self) -> int:
        """S, the number of modules."""
        return len(self.networks)

    @property
    def sizes(self) -> tuple[int, ...]:
        """(d or c, n_1, ..., C), of modules that know it."""
        return self._asked("sizes")

    @property
    def depth(self) -> int:
        """The number of hidden layers, of modules that know it."""
        return self._asked("depth")

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (S, B, C) on inputs (B, ...), the same for all, or (S, B, ...), or (1, B, ...)."""
        return torch.stack([_computed(network, rows) for network, rows in self.pairs(inputs)])

    def layers(self, inputs: Tensor) -> Layers:
        """Outputs and what every hidden layer does on the way, of modules that have a `layers` such as CNN.

        Raises:
            ParameterError: a module has no `layers`; hooks on its modules see inside it all the same.
        """
        self._asked("layers")
        each = [network.layers(rows) for network, rows in self.pairs(inputs)]  # pyright: ignore[reportCallIssue]
        pre, post = ([torch.cat(layer) for layer in zip(*(e[part] for e in each))] for part in (0, 1))
        return Layers(pre, post, torch.cat([e.outputs for e in each]))

    def select(self, indices: Sequence[int]) -> Ensemble:
        """A copy with some of the modules only, or with one of them several times."""
        chosen = Ensemble([deepcopy(self.networks[int(index)]) for index in indices], shape=self.shape)
        return chosen.train(self.training)

    def pairs(self, inputs: Tensor) -> list[tuple[nn.Module, Tensor]]:
        """Each module with the examples (B, ...) that it gets of inputs (B, ...), (1, B, ...) or (S, B, ...).

        Raises:
            ParameterError: another shape; without a `shape` of its own, no leading seed axis.
        """
        if self.shape is not None and inputs.shape[1:] == self.shape:
            inputs = inputs.unsqueeze(0)
        fits = inputs.ndim >= 3 if self.shape is None else inputs.shape[2:] == self.shape
        if not fits or inputs.shape[0] not in (1, self.seeds):
            example = "..." if self.shape is None else ", ".join(map(str, self.shape))
            raise ParameterError(
                f"Inputs of this Ensemble must have shape (1, B, {example}) or (S, B, {example}) with S = {self.seeds} "
                f"modules. Got {tuple(inputs.shape)} instead."
            )
        return list(zip(self.networks, inputs.expand(self.seeds, *inputs.shape[1:])))

    def extra_repr(self) -> str:
        return f"seeds={self.seeds}, shape={self.shape}"

    def _asked(self, name: str):
        try:
            return getattr(self.networks[0], name)
        except AttributeError:
            raise ParameterError(
                f"{type(self.networks[0]).__name__} does not say what its hidden layers are: it has no '{name}'. Name "
                "the modules to look at instead, as in network.named_modules()."
            ) from None


def as_batched(network: nn.Module, shape: Sequence[int] | None = None) -> nn.Module:
    """A teacher of any kind with outputs (S, B, C): itself if it has a seed axis, else an Ensemble of it alone.

    Main arguments:
        network: an MLP, an Ensemble, or a module from (B, ...) to (B, C).

    Other arguments:
        shape: of one example; see :class:`Ensemble`.
    """
    return network if isinstance(network, (MLP, Ensemble)) else Ensemble([network], shape=shape)


def _computed(network: nn.Module, rows: Tensor) -> Tensor:
    if torch.is_grad_enabled() or network.training or len(rows) <= _ROWS:
        return network(rows)
    return torch.cat([network(part) for part in rows.split(_ROWS)])
