"""Teachers: fixed networks that label the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from practicum.networks._assembly import assembled, checked_seeds
from practicum.networks.names import Activation
from practicum.networks.randomness import generator
from practicum.values import Value

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


def separated_rows(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Integers (rows, columns) uniform on -4 ... 4, no row zero, no row a positive multiple of another."""
    found: dict[tuple[int, ...], np.ndarray] = {}
    while len(found) < rows:
        row = rng.integers(-4, 5, columns)
        if row.any():
            found.setdefault(tuple(row // np.gcd.reduce(row)), row)
    return np.stack(list(found.values()))


class SeparatedTeacher(Value):
    """Two layers whose nodes are told apart by construction, and differ in strength by a power law."""

    kind: Literal["separated"] = "separated"
    inputs: int = Field(default=100, ge=1)
    hidden: int = Field(default=20, ge=1)
    outputs: int = Field(default=50, ge=1)
    decay: float = Field(default=1.0, ge=0)
    bias: float = -0.1
    output_bias: float | None = None
    activation: Activation = "relu"
    slope: float = 0.0

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.inputs, self.hidden, self.outputs)

    def build(self, seeds: Sequence[int], *, law: Any = None, dtype: Any = "float64", device: Any = "cpu") -> MLP:
        networks = []
        for seed in checked_seeds(seeds):
            rng = generator(seed, "teacher")
            first = separated_rows(rng, self.hidden, self.inputs) / 4
            first /= np.linalg.norm(first, axis=1, keepdims=True)
            last = separated_rows(rng, self.outputs, self.hidden) / 4
            last /= np.arange(1, self.hidden + 1) ** self.decay
            top = None if self.output_bias is None else np.full(self.outputs, self.output_bias)
            networks.append(([first, last], [np.full(self.hidden, self.bias), top]))
        network = assembled(networks, activation=self.activation, slope=self.slope, dtype=dtype, device=device)
        return network.requires_grad_(False)
