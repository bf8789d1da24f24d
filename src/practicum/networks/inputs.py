"""Input laws: where the examples come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from practicum.values import Value

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


class GaussianInputs(Value):
    """Independent normal inputs, ``x ~ N(0, scale^2 I_d)``."""

    kind: Literal["gaussian"] = "gaussian"
    dimension: int = Field(default=100, ge=1)
    scale: float = Field(default=1.0, gt=0)

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        return self.scale * rng.standard_normal((count, self.dimension))
