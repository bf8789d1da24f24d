"""Layers of different widths in one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def padded(layers: Sequence[np.ndarray], fill: Any = np.nan) -> np.ndarray:
    """Arrays (seed, ...) of different sizes, one a layer, as one (seed, layer, ...) filled up at the ends."""
    largest = np.max([layer.shape for layer in layers], axis=0)
    result = np.full((layers[0].shape[0], len(layers), *largest[1:]), fill, layers[0].dtype)
    for index, layer in enumerate(layers):
        result[(slice(None), index, *(slice(n) for n in layer.shape[1:]))] = layer
    return result
