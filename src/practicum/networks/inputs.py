"""Input laws: where the examples of networks come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._augmented import TeacherAgnosticInputs, TeacherAwareInputs
from practicum.networks._described import by_kind
from practicum.networks._images import ImageInputs
from practicum.networks._law import LawValue, Width, draw
from practicum.networks._patches import PatchInputs
from practicum.networks.randomness import generator
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


class GaussianInputs(LawValue):
    """Independent normal inputs, ``x ~ N(0, scale^2 I_d)``.

    Main arguments:
        dimension: d >= 1.
        scale: the standard deviation; the papers took 1.5 for two layers and 10 for deep networks.

    Source: section 5 of Tian, arXiv:1909.13458.
    """

    kind: Literal["gaussian"] = "gaussian"
    dimension: Width = 100
    scale: float = Field(default=1.0, gt=0, json_schema_extra={"remedy": "It is a standard deviation."})

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        return self.scale * rng.standard_normal((whole("count", count, 1), self.dimension))


class UniformInputs(LawValue):
    """Independent inputs uniform on [-half_width, half_width), of standard deviation half_width / sqrt(3).

    Main arguments:
        dimension: d >= 1.
        half_width: > 0.
    """

    kind: Literal["uniform"] = "uniform"
    dimension: Width = 100
    half_width: float = Field(default=1.0, gt=0, json_schema_extra={"remedy": "It is the largest absolute input."})

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        return rng.uniform(-self.half_width, self.half_width, (whole("count", count, 1), self.dimension))


class LowRankInputs(LawValue):
    """Gaussian inputs on a random subspace, ``x = scale (U z + noise g)`` with z ~ N(0, I_r) and g ~ N(0, I_d).

    Their covariance is scale^2 (U U^T + noise^2 I), of rank r if `noise` is 0.

    Main arguments:
        dimension: d >= 1.
        rank: r, 1 <= r <= d.
        scale: the standard deviation along the subspace.

    Other arguments:
        noise: standard deviation of the full-rank noise in units of `scale`; its authors also used 0.1.
        subspace_seed: draws U, the same for all seeds of a run: teachers and students vary, the data do not. A
            rotation of the subspace changes no statistics where teachers and students are Gaussian.

    Raises:
        ParameterError: r > d.

    Source: Yang et al., "Understanding Robustness in Teacher-Student Setting", AISTATS 2021.
    """

    kind: Literal["low-rank"] = "low-rank"
    dimension: Width = 100
    rank: int = Field(default=10, ge=1, json_schema_extra={"remedy": "It is the dimension of the subspace."})
    scale: float = Field(default=1.0, gt=0, json_schema_extra={"remedy": "It is a standard deviation."})
    noise: float = Field(default=0.0, ge=0, json_schema_extra={"remedy": "0 keeps all inputs on the subspace."})
    subspace_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> LowRankInputs:
        if self.rank > self.dimension:
            raise ParameterError(
                f"The 'rank' parameter of LowRankInputs must be <= {self.dimension}, the dimension, because a subspace "
                f"is part of the whole. Got {self.rank} instead; lower it, or raise 'dimension'."
            )
        return self

    def subspace(self, seed: int | None = None) -> np.ndarray:
        """U, orthonormal columns (d, r), uniform among all (Haar); of `subspace_seed` unless another is given."""
        # The subspace belongs to the problem, as the teacher does; its two counters keep it apart from the teacher.
        rng = generator(self.subspace_seed if seed is None else seed, "teacher", self.dimension, self.rank)
        Q, R = np.linalg.qr(rng.standard_normal((self.dimension, self.rank)))
        # Without the signs QR would prefer some directions.
        return Q * np.where(np.diag(R) < 0, -1.0, 1.0)

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        points = rng.standard_normal((whole("count", count, 1), self.rank)) @ self.subspace().T
        if self.noise:
            points += self.noise * rng.standard_normal(points.shape)
        return self.scale * points


Law = Annotated[
    GaussianInputs
    | UniformInputs
    | LowRankInputs
    | TeacherAwareInputs
    | TeacherAgnosticInputs
    | ImageInputs
    | PatchInputs,
    by_kind(
        "An input law",
        GaussianInputs,
        UniformInputs,
        LowRankInputs,
        TeacherAwareInputs,
        TeacherAgnosticInputs,
        ImageInputs,
        PatchInputs,
    ),
]
"""The type of a field that holds any input law that can be stored."""


__all__ = [
    "GaussianInputs",
    "ImageInputs",
    "Law",
    "LawValue",
    "LowRankInputs",
    "PatchInputs",
    "TeacherAgnosticInputs",
    "TeacherAwareInputs",
    "UniformInputs",
    "draw",
]
