"""Patches of photographs that come with scikit-image and scikit-learn: natural inputs without labels, offline."""

from __future__ import annotations

import errno
import math
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from practicum.data._missing import missing
from practicum.disk.regular import open_regular
from practicum.errors import ParameterError, StorageError
from practicum.values import nearest, whole

Photograph = Literal["astronaut", "cat", "coffee", "motorcycle", "rocket", "china", "flower"]

PHOTOGRAPHS: tuple[Photograph, ...] = get_args(Photograph)
"""All photographs; the last two are scikit-learn's, the others scikit-image's."""

_FILES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
_PACKAGES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
_LARGEST = 2**20
"""Most pixels; the largest photograph has a third of them."""

_GREY = (0.299, 0.587, 0.114)


class Patches(NamedTuple):
    """Patches, and where they are from.

    Main arguments:
        inputs: float32 (n, c, size, size) in [0, 1].
        photographs: the names of those they were cut from.
        split: the part of them, "train" or "test".
    """

    inputs: np.ndarray
    photographs: tuple[str, ...]
    split: str


def patches(
    count: int,
    seed: int = 0,
    size: int = 16,
    *,
    colour: bool = True,
    split: Literal["train", "test"] = "train",
    photographs: Sequence[str] | None = None,
) -> Patches:
    """Different square patches at random places of photographs; they may overlap.

    Each half of a photograph gives its left three quarters to training and the rest to testing, so that no pixel is in
    patches of both. Equal arguments give equal patches.

    Main arguments:
        count: n >= 1.
        seed: of the places, >= 0.
        size: in pixels, most often 8, 16 or 32.

    Other arguments:
        colour: True for red, green and blue (c = 3), False for their luminance (c = 1: 0.299, 0.587 and 0.114 of them).
        split: "train" or "test".
        photographs: some of `PHOTOGRAPHS`. None takes all of them, or scikit-learn's two where scikit-image is not
            installed; what was taken is in ``.photographs``.

    Raises:
        ParameterError: a bad count, seed, size, split or name, or a package of the extra ``data`` is not installed.
        StorageError: a photograph cannot be read.
    """
    rng = np.random.default_rng(whole("seed", seed, 0))
    names = _installed() if photographs is None else checked_photographs(photographs)
    if split not in ("train", "test"):
        raise ParameterError(f"The 'split' parameter of patches must be 'train' or 'test'. Got {split!r:.60} instead.")
    return Patches(cut(rng, count, size, colour, split, names), names, split)


def cut(
    rng: np.random.Generator, count: int, size: int, colour: bool, split: str, photographs: Sequence[str]
) -> np.ndarray:
    """The inputs of :func:`patches`, at places that `rng` draws."""
    count, size = whole("count", count, 1), whole("size", size, 1)
    regions = [region for name in photographs for region in _regions(name, split)]
    smallest = min(min(region.shape[1:]) for region in regions)
    if size > smallest:
        raise ParameterError(
            f"The 'size' parameter of patches must be <= {smallest}, for the regions of the {split} patches are not "
            f"larger. Got {size} instead."
        )
    windows = [np.lib.stride_tricks.sliding_window_view(region, (size, size), axis=(1, 2)) for region in regions]
    places = np.cumsum([0, *(math.prod(window.shape[1:3]) for window in windows)])
    if count > places[-1]:
        raise ParameterError(
            f"The 'count' parameter of patches must be <= {places[-1]}, the places where one of {size} x {size} pixels "
            f"can be cut, because no patch is cut twice. Got {count} instead."
        )
    chosen = rng.choice(places[-1], count, replace=False)
    inputs = np.empty((count, 3, size, size), np.float32)
    for window, first, last in zip(windows, places, places[1:]):
        here = (chosen >= first) & (chosen < last)
        row, column = np.divmod(chosen[here] - first, window.shape[2])
        inputs[here] = window[:, row, column].swapaxes(0, 1)
    inputs /= 255
    if colour:
        return inputs
    red, green, blue = (np.float32(weight) * inputs[:, k] for k, weight in enumerate(_GREY))
    return np.minimum(red + green + blue, 1)[:, None]


def checked_photographs(names: Sequence[str]) -> tuple[str, ...]:
    """Names of photographs, each once and in the order of `PHOTOGRAPHS`, or one sentence."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in PHOTOGRAPHS:
            raise ParameterError(
                f"The 'photographs' must be some of {', '.join(PHOTOGRAPHS)}. Got {name!r:.60} instead."
                f"{nearest(str(name), list(PHOTOGRAPHS))}"
            )
    if not given:
        raise ParameterError(f"The 'photographs' must be at least one of {', '.join(PHOTOGRAPHS)}. Got none instead.")
    return tuple(name for name in PHOTOGRAPHS if name in given)


def _installed() -> tuple[str, ...]:
    found = tuple(name for name in PHOTOGRAPHS if _folder(_FILES[name][0]) is not None)
    # Without any, the sentence about a missing package is that of scikit-learn's.
    return found or ("china", "flower")


def _folder(package: str) -> Path | None:
    """Where a package is, without importing it, which would take a second."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = None if spec is None else spec.submodule_search_locations
    return Path(places[0]) if places else None


@cache
def _pixels(name: str) -> np.ndarray:
    """Bytes (3, h, w)."""
    from PIL import Image, UnidentifiedImageError

    package, file = _FILES[name]
    folder = _folder(package)
    if folder is None:
        other = ", or take the photographs 'china' and 'flower' of scikit-learn" if package == "skimage" else ""
        raise missing(_PACKAGES[package], f"The photograph {name!r}", other)
    try:
        with open_regular(folder / file) as content, Image.open(content) as image:
            if math.prod(image.size) > _LARGEST:
                raise OSError(errno.EFBIG, f"it has more than {_LARGEST} pixels")
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise StorageError(
            f"The photograph {name!r} cannot be read from {folder / file}, where {_PACKAGES[package]} has it "
            f"({(getattr(error, 'strerror', None) or type(error).__name__).lower()}); install that package anew, or "
            "name other photographs."
        ) from None
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _regions(name: str, split: str) -> list[np.ndarray]:
    """The two regions of a photograph from which the patches of one split are cut."""
    pixels = _pixels(name)
    eighths = [pixels.shape[2] * k // 8 for k in range(9)]
    bounds = ((0, 3), (4, 7)) if split == "train" else ((3, 4), (7, 8))
    return [pixels[:, :, eighths[first] : eighths[last]] for first, last in bounds]
