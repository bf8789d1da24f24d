"""Rules of descent for gradients that come as a product, ``left @ right``, summed over the batch.

A gradient that is only needed once is never written down: plain SGD adds the product to the weights within the matrix
multiplication. To rounding, the weights are those of ``torch.optim``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from practicum.networks.settings import Training


class Plain:
    """``w <- (1 - rate decay) w - rate g``."""

    def __init__(self, parameters: Sequence[Tensor], training: Training) -> None:
        self.parameters = list(parameters)
        self.decay = training.weight_decay
        self.rate, self.batch = 0.0, 1

    def begin(self, rate: float, batch: int) -> None:
        """The rate of the updates to come, and the examples a batch over which gradients are averaged."""
        self.rate, self.batch = rate, batch

    def move(self, index: int, left: Tensor, right: Tensor) -> None:
        """Take the gradient ``left @ right / batch`` of a parameter; nobody reads the parameter before `end`."""
        beta, alpha = 1 - self.rate * self.decay, -self.rate / self.batch
        self.parameters[index].baddbmm_(left, right, beta=beta, alpha=alpha)

    def end(self) -> None:
        """All parameters have been given their gradient."""

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the parameters."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""


class Momentum(Plain):
    """``v <- momentum v + g + decay w, w <- w - rate v``, with v = 0 at the start."""

    def __init__(self, parameters: Sequence[Tensor], training: Training) -> None:
        super().__init__(parameters, training)
        self.momentum = training.momentum
        self.velocities = [torch.zeros_like(p) for p in self.parameters]

    def move(self, index: int, left: Tensor, right: Tensor) -> None:
        velocity, parameter = self.velocities[index], self.parameters[index]
        velocity.baddbmm_(left, right, beta=self.momentum, alpha=1 / self.batch)
        if self.decay:
            velocity.add_(parameter, alpha=self.decay)
        parameter.add_(velocity, alpha=-self.rate)

    def state(self) -> dict[str, Tensor]:
        return {f"{index}.velocity": v for index, v in enumerate(self.velocities)}

    def load(self, state: dict[str, Tensor]) -> None:
        for index, velocity in enumerate(self.velocities):
            velocity.copy_(state[f"{index}.velocity"])


class Adam(Plain):
    """``torch.optim.Adam`` on gradients that stay in the same buffers."""

    def __init__(self, parameters: Sequence[Tensor], training: Training) -> None:
        super().__init__(parameters, training)
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)
        self.optimizer = torch.optim.Adam(
            self.parameters, lr=training.learning_rate, weight_decay=self.decay, foreach=True
        )

    def begin(self, rate: float, batch: int) -> None:
        super().begin(rate, batch)
        set_rate(self.optimizer, rate)

    def move(self, index: int, left: Tensor, right: Tensor) -> None:
        gradient = self.parameters[index].grad
        assert gradient is not None
        gradient.baddbmm_(left, right, beta=0, alpha=1 / self.batch)

    def end(self) -> None:
        self.optimizer.step()

    def state(self) -> dict[str, Tensor]:
        return optimizer_state(self.optimizer)

    def load(self, state: dict[str, Tensor]) -> None:
        load_optimizer(self.optimizer, state)


def rule(parameters: Sequence[Tensor], training: Training) -> Plain:
    """The rule of descent that `training` asks for."""
    if training.optimizer == "adam":
        return Adam(parameters, training)
    return (Momentum if training.momentum else Plain)(parameters, training)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors that an optimizer remembers, named "index.name"."""
    entries = optimizer.state_dict()["state"].items()
    return {f"{index}.{name}": v for index, entry in entries for name, v in entry.items() if isinstance(v, Tensor)}


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Tensor]) -> None:
    """The inverse of :func:`optimizer_state`."""
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in state.items():
        index, _, name = key.partition(".")
        entries.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})


def as_arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Copies in NumPy."""
    return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Copies in PyTorch."""
    return {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
