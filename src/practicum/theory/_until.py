"""When a trajectory ends: a value of alpha, or a condition on the generalization error; and where it is looked at."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.memory import require

_CONDITION = re.compile(r"^\s*(?P<name>[A-Za-z_]\w*)\s*(?P<relation>[<>])\s*(?P<value>[-+.\deE]+)\s*$")

SMALLEST_RTOL = 1e-15
"""Relative tolerance below which only rounding is controlled, at steps that never end."""


@dataclass(frozen=True)
class Until:
    """The end of a trajectory: `alpha` at the latest; earlier where the error passes `target` (if >= 0)."""

    alpha: float
    target: float = -1.0
    below: bool = True

    @classmethod
    def parse(cls, until: Any, max_alpha: float) -> Until:
        """From a number (alpha), or a condition such as ``"generalization_error < 1e-3"``."""
        if isinstance(until, str):
            match = _CONDITION.match(until)
            try:
                target = float(match["value"]) if match else math.nan
            except ValueError:
                target = math.nan
            if not match or match["name"] != "generalization_error" or not 0 <= target < math.inf:
                raise ParameterError(
                    "The 'until' condition must read 'generalization_error < NUMBER' or '> NUMBER' with a number "
                    f">= 0, because the flow is stopped on its error alone. Got {until!r} instead."
                )
            return cls(positive("max_alpha", max_alpha), target, match["relation"] == "<")
        return cls(positive("until", until))


def positive(name: str, value: Any) -> float:
    """A finite number > 0, or one sentence."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not 0 < number < math.inf:
        raise ParameterError(
            f"The '{name}' parameter must be a finite number > 0. Got {value!r:.80} instead."
            + (" It counts updates / N." if name in ("until", "max_alpha") else "")
        )
    return number


def points(save_at: ArrayLike | None, end: float) -> np.ndarray:
    """The values of alpha at which a trajectory is kept: `save_at` checked, or 201 points from 0 to `end`."""
    if save_at is None:
        return np.linspace(0.0, end, 201)
    if hasattr(save_at, "__len__"):
        # A range is short to write and long to keep.
        require("The list of points", lambda save_at: 8 * save_at, save_at=len(save_at))  # pyright: ignore[reportArgumentType]
    try:
        alphas = np.asarray(save_at, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The 'save_at' parameter must be a list of numbers. Got {save_at!r:.80} instead."
        ) from None
    if alphas.ndim != 1 or alphas.size == 0 or not np.isfinite(alphas).all() or alphas[0] < 0:
        raise ParameterError(
            "The 'save_at' parameter must be a non-empty list of finite numbers >= 0 (alpha = updates / N). "
            f"Got {save_at!r:.80} instead."
        )
    if (np.diff(alphas) <= 0).any():
        raise ParameterError("The 'save_at' parameter must increase strictly; numpy.unique sorts and removes repeats.")
    if alphas[-1] > end * (1 + 1e-12):
        raise ParameterError(
            f"The 'save_at' parameter asks for alpha = {alphas[-1]:g}, beyond the end of the run at {end:g}; "
            "raise 'until' (or 'max_alpha' with a stop condition)."
        )
    return np.minimum(alphas, end)
