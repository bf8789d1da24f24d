"""Teachers that were trained on images, as a value."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from practicum.networks._described import Described
from practicum.networks._moments import each, normalised
from practicum.networks._torch import need_torch
from practicum.networks.inputs import ImageInputs
from practicum.networks.names import Normalisation

if TYPE_CHECKING:
    from practicum.data import Images
    from practicum.networks.ensemble import Ensemble
    from practicum.networks.labels import TrainedTeacher
    from practicum.networks.mlp import MLP

FASHION = ImageInputs(name="fashion-mnist", flat=False, mean=0.2860, deviation=0.3530)
"""Fashion-MNIST, normalised by the moments of its training images."""


class ImageTeacher(Described):
    """A classifier of images, trained on their labels; its outputs, before any softmax, are what students learn.

    The defaults are for Fashion-MNIST: 90.5 % of the test images right after 10 s on one core; 91 % after 20 s with 64
    channels a layer, as in the source; 89 % after 5 s with 16 and learning_rate=0.01; 88 % after 3 s with perceptrons
    of 100-100-100 nodes. Half a percent more or less from seed to seed and from machine to machine.

    Main arguments:
        inputs: the images, and how they are normalised. ``flat=False`` makes CNNs, ``flat=True`` MLPs. The students'
            inputs should be the same law.
        widths: channels, or nodes, of the hidden layers, from the lowest.

    Other arguments:
        images: only the first so many training images; None takes all.
        normalisation: BatchNorm "before" or "after" each ReLU, or None.
        epochs, batch_size, learning_rate: see :func:`practicum.networks.labels.train_image_teacher`.

    Source: the image experiments of Tian, arXiv:1909.13458, there on CIFAR-10; training and sizes are ours.
    """

    kind: Literal["image"] = "image"
    inputs: ImageInputs = FASHION
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(32, 32, 32, 32), min_length=1, json_schema_extra={"remedy": "It is one width a hidden layer."}
    )
    images: int | None = Field(default=None, ge=1, json_schema_extra={"remedy": "None takes all training images."})
    normalisation: Normalisation | None = "before"
    epochs: int = Field(default=2, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=0.005, gt=0, json_schema_extra={"remedy": "0.005 is a safe start."})

    def build(
        self, seeds: Sequence[int], *, law: Any = None, dtype: Any = "float32", device: Any = "cpu"
    ) -> MLP | Ensemble:
        """One trained teacher a seed, frozen.

        Main arguments:
            seeds: whole numbers >= 0, all different.

        Other arguments:
            law: not used; the teacher names its images itself.
            dtype: float32 or float64.
            device: of the tensors.

        Raises:
            ParameterError, StorageError: as :func:`practicum.data.images` and `train_image_teacher` do.
        """
        return self.train(seeds, dtype=dtype, device=device).network

    def train(
        self,
        seeds: Sequence[int],
        *,
        dtype: Any = "float32",
        device: Any = "cpu",
        progress: Callable[[float], object] | None = None,
    ) -> TrainedTeacher:
        """What :meth:`build` returns, with the share of the test images that each teacher gets right.

        The same teachers are not trained twice in a process: what is returned is a copy.
        """
        need_torch()
        from practicum.networks._assembly import checked_seeds, place, precision

        key = (self, checked_seeds(seeds), precision(dtype), place(device))
        folder = os.environ.get("PRACTICUM_DATA")
        if (*key, folder) not in _TRAINED:
            trained = _trained(*key, progress)
            while len(_TRAINED) >= _KEPT:
                _TRAINED.pop(next(iter(_TRAINED)))
            _TRAINED[*key, folder] = trained
        return deepcopy(_TRAINED[*key, folder])


# Students of one and two times the teacher's width have the same teacher, which takes as long as they do.
_TRAINED: dict[Any, TrainedTeacher] = {}
_KEPT = 4


def _trained(value: ImageTeacher, seeds: tuple[int, ...], dtype: Any, device: Any, progress: Any) -> TrainedTeacher:
    from practicum.networks.labels import train_image_teacher

    train, test = (_pixels(value.inputs, split) for split in ("train", "test"))
    return train_image_teacher(
        train if value.images is None else train.first(value.images),
        test,
        value.widths,
        seeds=seeds,
        convolutions=not value.inputs.flat,
        normalisation=value.normalisation,
        epochs=value.epochs,
        batch_size=value.batch_size,
        learning_rate=value.learning_rate,
        dtype=dtype,
        device=device,
        progress=progress,
    )


def _pixels(law: ImageInputs, split: Literal["train", "test"]) -> Images:
    from practicum.data import Images, images

    raw = images(law.name, split)
    pixels = normalised(raw.inputs, law.mean, law.deviation)
    channels = raw.shape[0]
    return Images(pixels, raw.labels, raw.name, split, each(law.mean, channels), each(law.deviation, channels))
