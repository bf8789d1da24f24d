"""Students: networks of the teacher's depth that start from small or usual random weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from practicum.networks._assembly import assembled, checked_seeds
from practicum.networks.names import Activation, Normalisation
from practicum.networks.randomness import generator
from practicum.values import Value

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


class Students(Value):
    """Students of a teacher: how wide they are and where they start."""

    kind: Literal["mlp"] = "mlp"
    multiple: int | None = Field(default=None, ge=1)
    widths: tuple[int, ...] | None = None
    initial: Literal["pytorch", "normal"] = "pytorch"
    scale: float = Field(default=0.005, ge=0)
    initial_scale: float = Field(default=1.0, ge=0)
    activation: Activation | None = None
    slope: float | None = None
    normalisation: Normalisation | None = None
    output_bias: bool | None = None

    def build(
        self, teacher: MLP | Sequence[int], seeds: Sequence[int], *, dtype: Any = "float64", device: Any = "cpu"
    ) -> MLP:
        from practicum.networks.mlp import MLP

        given = teacher if isinstance(teacher, MLP) else None
        sizes = self.sizes(teacher.sizes if isinstance(teacher, MLP) else teacher)
        activation = self.activation or ("relu" if given is None else given.activation)
        slope = self.slope if self.slope is not None else (0.0 if given is None else given.slope)
        has_bias = self.output_bias
        if has_bias is None:
            has_bias = given is None or given.biases[-1] is not None
        networks = [self._drawn(generator(seed, "student"), sizes, has_bias) for seed in checked_seeds(seeds)]
        network = assembled(
            networks,
            activation=activation,
            slope=slope,
            normalisation=self.normalisation,
            dtype=dtype,
            device=device,
        )
        return network.train()

    def sizes(self, teacher: Sequence[int]) -> tuple[int, ...]:
        if self.widths is not None:
            return (teacher[0], *self.widths, teacher[-1])
        return (teacher[0], *((self.multiple or 1) * m for m in teacher[1:-1]), teacher[-1])

    def _drawn(self, rng: np.random.Generator, sizes: tuple[int, ...], has_bias: bool) -> Any:
        weights, biases = [], []
        for columns, rows in pairwise(sizes):
            if self.initial == "normal":
                weights.append(self.scale * rng.standard_normal((rows, columns)))
                biases.append(np.zeros(rows))
            else:
                bound = columns**-0.5
                weights.append(rng.uniform(-bound, bound, (rows, columns)))
                biases.append(rng.uniform(-bound, bound, rows))
        weights = [self.initial_scale * w for w in weights]
        biases = [self.initial_scale * b for b in biases]
        return weights, biases if has_bias else [*biases[:-1], None]
