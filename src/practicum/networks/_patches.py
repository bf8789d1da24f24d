"""Patches of photographs as an input law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from practicum.data.photographs import PHOTOGRAPHS, checked_photographs, cut
from practicum.networks._law import LawValue
from practicum.networks._moments import Deviation, Mean, check_channels, normalised

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP


class PatchInputs(LawValue):
    """Different square patches of photographs, at random places, float32: natural images, which the teacher labels.

    Main arguments:
        size: in pixels, most often 8, 16 or 32.
        colour: True for red, green and blue (c = 3), False for luminance (c = 1).
        split: "train" or "test"; the held-out examples are from the regions of the other one.
        flat: vectors (N, c size size) for multilayer perceptrons, or images (N, c, size, size) for convolutions.

    Other arguments:
        photographs: which; see :func:`practicum.data.patches`. scikit-learn has "china" and "flower", scikit-image the
            others; their names are part of a run, so what is not installed is not passed over.
        mean: subtracted from every pixel, which is in [0, 1]; or a number a channel.
        deviation: what the pixels are divided by afterwards; or a number a channel.

    Raises:
        ParameterError: an unknown photograph, or not one number a channel; when it draws, more patches than there are
            places for, or a package that is not installed.
    """

    kind: Literal["patches"] = "patches"
    size: int = Field(default=16, ge=1, json_schema_extra={"remedy": "It is in pixels."})
    colour: bool = True
    split: Literal["train", "test"] = "train"
    flat: bool = True
    photographs: tuple[str, ...] = PHOTOGRAPHS
    mean: Mean = 0.0
    deviation: Deviation = 1.0

    @field_validator("photographs", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        return checked_photographs(value) if isinstance(value, (str, list, tuple)) else value

    @model_validator(mode="after")
    def _fits(self) -> PatchInputs:
        check_channels("PatchInputs", 3 if self.colour else 1, mean=self.mean, deviation=self.deviation)
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example: (c size size,) or (c, size, size)."""
        return (self.dimension,) if self.flat else (3 if self.colour else 1, self.size, self.size)

    @property
    def dimension(self) -> int:
        """The number of pixels, each channel counted."""
        return (3 if self.colour else 1) * self.size**2

    @property
    def held_out(self) -> PatchInputs:
        return self.replace(split="test" if self.split == "train" else "train")

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        pixels = cut(rng, count, self.size, self.colour, self.split, self.photographs)
        return normalised(pixels, self.mean, self.deviation).reshape(count, *self.shape)
