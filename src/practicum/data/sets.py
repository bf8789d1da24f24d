"""Labelled images as plain arrays: MNIST, Fashion-MNIST, CIFAR-10, digits, and your own."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from practicum.data._missing import missing
from practicum.data.cifar import read_cifar
from practicum.data.idx import read_idx
from practicum.data.sources import archive, files
from practicum.errors import ParameterError, StorageError
from practicum.values import nearest, whole

Name = Literal["mnist", "fashion-mnist", "cifar-10", "digits"]
Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels.

    Main arguments:
        inputs: float32 (n, c, h, w), c channels (1 is grey) of h x w pixels; in [0, 1] unless normalised.
        labels: int64 (n,), the classes, counted from 0.

    Other arguments:
        name: of the set.
        split: the part of it, "train" or "test".
        mean: a number a channel that was subtracted from the pixels; () if none.
        deviation: a number a channel that they were then divided by.

    Raises:
        ParameterError: wrong shape or type, no image, a pixel that is not finite, or not one label an image.
    """

    inputs: np.ndarray
    labels: np.ndarray
    name: str = "images"
    split: str = "train"
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        inputs, labels = _checked(np.asarray(self.inputs), np.asarray(self.labels))
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        return f"<Images {self.name} {self.split}: {len(self)} of {shape}, {self.classes} classes>"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one image."""
        channels, height, width = self.inputs.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """The number of classes, one more than the largest label."""
        return int(self.labels.max()) + 1

    def flat(self) -> np.ndarray:
        """The inputs as vectors (n, c h w), as a multilayer perceptron takes them; no copy."""
        return self.inputs.reshape(len(self), -1)

    def first(self, count: int) -> Images:
        """The first `count` images, or all if there are fewer; MNIST and Fashion-MNIST are shuffled already."""
        count = whole("count", count, 1)
        return replace(self, inputs=self.inputs[:count], labels=self.labels[:count])


def images(name: Name, split: Split = "train", folder: str | os.PathLike[str] | None = None) -> Images:
    """One split of an image set, pixels in [0, 1].

    Main arguments:
        name: "mnist" or "fashion-mnist" (60 000 and 10 000 images of 28 x 28), "cifar-10" (50 000 and 10 000 of 32 x 32
            in colour, 600 MB once they are float32), or "digits" (1442 and 355 of 8 x 8, part of scikit-learn, so that
            they work offline; each fifth image of a class is a test image).
        split: "train" or "test".

    Other arguments:
        folder: one that holds the folder `name` with the files of the set under their usual names (idx files,
            compressed or not; for "cifar-10" cifar-10-python.tar.gz or the folder cifar-10-batches-py that is in it);
            then nothing else is looked at. None looks into $PRACTICUM_DATA, the folder of Debian's package
            dataset-fashion-mnist and the cache, and then fetches the files, whose SHA-256 is compared.

    Raises:
        ParameterError: an unknown name or split, or a package of the extra ``data`` that is not installed.
        StorageError: files that are missing, damaged, do not fit each other, or cannot be fetched.
    """
    for parameter, value, known in (("name", name, get_args(Name)), ("split", split, get_args(Split))):
        if value not in known:
            raise ParameterError(
                f"The '{parameter}' parameter of images must be one of {', '.join(map(repr, known))}. "
                f"Got {value!r:.60} instead.{nearest(str(value), list(known))}"
            )
    if name == "digits":
        pixels, labels, largest = _digits(split)
    elif name == "cifar-10":
        pixels, labels = read_cifar(archive(folder), split)
        largest = 255
    else:
        paths = files(name, split, folder)
        pixels, labels, largest = read_idx(paths[0], 3)[:, None], read_idx(paths[1], 1), 255
        if len(pixels) != len(labels):
            raise StorageError(
                f"The files {paths[0]} and {paths[1].name} do not belong together: {len(pixels)} images and "
                f"{len(labels)} labels, and one label an image was expected."
            )
    inputs = np.divide(pixels, np.float32(largest), dtype=np.float32)
    return Images(inputs, labels.astype(np.int64), name, split)


def normalise(train: Images, *others: Images) -> tuple[Images, ...]:
    """All sets with the mean subtracted and the standard deviation divided out that the pixels of `train` have.

    One mean and one deviation a channel, over all pixels and images of `train`, stated in ``.mean`` and
    ``.deviation`` of what is returned: 0.1307 and 0.3081 for MNIST, 0.2860 and 0.3530 for Fashion-MNIST, and
    0.491, 0.482, 0.447 and 0.247, 0.243, 0.262 for the three channels of CIFAR-10.

    Raises:
        ParameterError: a channel of `train` is constant, or a set has other channels or is normalised already.
    """
    mean, deviation = _moments(train.inputs)
    constant = np.ptp(train.inputs, axis=(0, 2, 3)) == 0
    if constant.any():
        channel = int(np.argmax(constant))
        raise ParameterError(
            f"The images of {train.name} cannot be normalised, because channel {channel} has the same value "
            f"{mean[channel]:g} in every pixel of every image; leave that channel out."
        )
    return tuple(_standardised(one, mean, deviation) for one in (train, *others))


def _moments(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, in two passes and double precision, without a copy of it all."""
    parts = [inputs[i : i + 1000] for i in range(0, len(inputs), 1000)]
    pixels = inputs.size // inputs.shape[1]
    mean = np.sum([part.sum(axis=(0, 2, 3), dtype=np.float64) for part in parts], axis=0) / pixels
    centred = (part - mean[:, None, None] for part in parts)
    variance = np.sum([np.square(part).sum(axis=(0, 2, 3)) for part in centred], axis=0) / pixels
    return mean, np.sqrt(variance)


def _standardised(one: Images, mean: np.ndarray, deviation: np.ndarray) -> Images:
    if one.mean:
        raise ParameterError(
            f"The images of {one.name} are normalised already, by the mean {one.mean}; pass the pixels."
        )
    if one.shape[0] != len(mean):
        raise ParameterError(
            f"Images are normalised by the training images, which have {len(mean)} channel(s). Got {one.shape[0]} in "
            f"the {one.split} images of {one.name} instead."
        )
    inputs = one.inputs - mean.astype(np.float32)[:, None, None]
    inputs *= (1 / deviation).astype(np.float32)[:, None, None]
    return replace(one, inputs=inputs, mean=tuple(map(float, mean)), deviation=tuple(map(float, deviation)))


def _digits(split: str) -> tuple[np.ndarray, np.ndarray, int]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise missing("scikit-learn", "The set 'digits'") from None
    bunch: Any = load_digits()
    labels = np.asarray(bunch.target)
    # The digits come in runs 0, 1, ..., 9, so each fifth of them would be 4 and 9: count within each class instead.
    place = np.zeros(len(labels), int)
    for digit in range(10):
        place[labels == digit] = np.arange(np.count_nonzero(labels == digit))
    chosen = (place % 5 == 4) == (split == "test")
    return np.asarray(bunch.images)[chosen][:, None], labels[chosen], 16


def _checked(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays in the type that they have from here on, or one sentence about what is wrong with them."""
    if inputs.ndim != 4 or inputs.size == 0:
        raise ParameterError(
            f"The 'inputs' of Images must have shape (n, c, h, w), n images of c channels. Got shape {inputs.shape} "
            "instead; grey images have one channel: inputs[:, None]."
        )
    if not np.issubdtype(inputs.dtype, np.floating):
        raise ParameterError(
            f"The 'inputs' of Images must be floating-point numbers. Got {inputs.dtype} instead; divide bytes by 255, "
            "for pixels in [0, 1]."
        )
    inputs = np.ascontiguousarray(inputs, np.float32)
    if not np.isfinite(inputs).all():
        image = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise ParameterError(
            f"The 'inputs' of Images must be finite, because one bad pixel spoils all weights. Got a NaN or an "
            f"infinity in image {image} instead; drop it."
        )
    if labels.shape != (len(inputs),) or not np.issubdtype(labels.dtype, np.integer):
        raise ParameterError(
            f"The 'labels' of Images must be {len(inputs)} whole numbers, one an image. Got {labels.dtype} of shape "
            f"{labels.shape} instead."
        )
    if labels.min() < 0:
        raise ParameterError(
            f"The 'labels' of Images must be >= 0, because classes are counted from 0. Got {int(labels.min())} instead."
        )
    return inputs, labels.astype(np.int64)
