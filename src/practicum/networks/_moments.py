"""Mean and deviation by which pixels are normalised: one number, or one a channel."""

from __future__ import annotations

import math
from numbers import Real
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from practicum.errors import ParameterError


def _plain(value: Any) -> Any:
    """Finite numbers, of which several that are equal are one, so that one meaning has one form."""
    numbers = value if isinstance(value, (list, tuple)) else (value,)
    if not numbers or not all(isinstance(n, Real) and not isinstance(n, bool) for n in numbers):
        raise PydanticCustomError("float_type", "a number")
    if not all(map(math.isfinite, numbers)):
        raise PydanticCustomError("finite_number", "a finite number")
    return float(numbers[0]) if len(set(numbers)) == 1 else tuple(map(float, numbers))


def _positive(value: Any) -> Any:
    value = _plain(value)
    if min(value if isinstance(value, tuple) else (value,)) <= 0:
        raise PydanticCustomError("greater_than", "a number > 0", {"gt": 0.0})
    return value


Mean = Annotated[float | tuple[float, ...], BeforeValidator(_plain)]
"""The type of a field: subtracted from the pixels."""

Deviation = Annotated[
    float | tuple[float, ...],
    BeforeValidator(_positive),
    Field(json_schema_extra={"remedy": "1.0 leaves the pixels as they are."}),
]
"""The type of a field: what they are divided by afterwards, > 0."""


def check_channels(law: str, channels: int, **moments: float | tuple[float, ...]) -> None:
    """One sentence if there are several numbers, but not one a channel."""
    for name, value in moments.items():
        if isinstance(value, tuple) and len(value) != channels:
            raise ParameterError(
                f"The '{name}' parameter of {law} must be one number, or one for each of the {channels} channel(s) of "
                f"its images. Got {len(value)} numbers instead."
            )


def each(value: float | tuple[float, ...], channels: int) -> tuple[float, ...]:
    """A number a channel."""
    return value if isinstance(value, tuple) else (value,) * channels


def normalised(pixels: np.ndarray, mean: float | tuple[float, ...], deviation: float | tuple[float, ...]) -> np.ndarray:
    """Images (n, c, h, w) in float32, less the mean and over the deviation; the same array if nothing is to be done."""
    if mean == 0 and deviation == 1:
        return pixels
    by_channel = [np.asarray(each(value, pixels.shape[1]), np.float32)[:, None, None] for value in (mean, deviation)]
    pixels = pixels - by_channel[0]
    pixels /= by_channel[1]
    return pixels
