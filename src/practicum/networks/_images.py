"""Images as an input law."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import model_validator

from practicum.errors import ParameterError
from practicum.networks._law import LawValue
from practicum.networks._moments import Deviation, Mean, check_channels, normalised
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.networks.mlp import MLP

_SHAPES = {"mnist": (1, 28, 28), "fashion-mnist": (1, 28, 28), "cifar-10": (3, 32, 32), "digits": (1, 8, 8)}


class ImageInputs(LawValue):
    """Different images of one split of a data set, in random order, float32.

    Main arguments:
        name: "mnist", "fashion-mnist", "cifar-10" or "digits"; see :func:`practicum.data.images` for where they come
            from.
        split: "train" or "test"; the held-out examples are those of the other one.
        flat: vectors (N, c h w) for multilayer perceptrons, or images (N, c, h, w) for convolutions.

    Other arguments:
        mean: subtracted from every pixel, which is in [0, 1]; or a number a channel.
        deviation: what the pixels are divided by afterwards; or a number a channel.

    Raises:
        ParameterError: not one number a channel; when it draws, more images than the split has.
    """

    kind: Literal["images"] = "images"
    name: Literal["mnist", "fashion-mnist", "cifar-10", "digits"] = "fashion-mnist"
    split: Literal["train", "test"] = "train"
    flat: bool = True
    mean: Mean = 0.0
    deviation: Deviation = 1.0

    @model_validator(mode="after")
    def _fits(self) -> ImageInputs:
        check_channels("ImageInputs", _SHAPES[self.name][0], mean=self.mean, deviation=self.deviation)
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example: (c h w,) or (c, h, w)."""
        shape = _SHAPES[self.name]
        return (int(np.prod(shape)),) if self.flat else shape

    @property
    def dimension(self) -> int:
        """The number of pixels, each channel counted."""
        return int(np.prod(_SHAPES[self.name]))

    @property
    def held_out(self) -> ImageInputs:
        return self.replace(split="test" if self.split == "train" else "train")

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        return self.labelled(rng, count)[0]

    def labelled(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What :meth:`sample` returns, and the class of each image, int64 (N,)."""
        count = whole("count", count, 1)
        images = _loaded(self.name, self.split, os.environ.get("PRACTICUM_DATA"))
        if count > len(images.labels):
            raise ParameterError(
                f"The 'count' parameter must be <= {len(images.labels)}, the images of {self.name} ({self.split}), "
                f"because no image is drawn twice. Got {count} instead."
            )
        chosen = rng.permutation(len(images.labels))[:count]
        pixels = normalised(images.inputs[chosen], self.mean, self.deviation)
        return pixels.reshape(count, *self.shape), images.labels[chosen]


@lru_cache(maxsize=2)
def _loaded(name: Any, split: Any, folder: str | None) -> Any:
    # Sixteen seeds would otherwise read the same files sixteen times; nobody writes into what is kept.
    from practicum.data import images

    return images(name, split)
