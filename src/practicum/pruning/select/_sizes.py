"""How many are kept: counts and fractions, one or several; and how results are handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.pruning.kept import Kept


def sizes(keep: Any, count: int, name: str) -> list[int]:
    """Whole numbers 1 <= k <= count, one a value of keep.

    Main arguments:
        keep: a count or a fraction, or a list of them.
        count: of the items.
        name: what they are, for sentences.

    Raises:
        ParameterError: a value out of range, or none.
    """
    values = list(keep) if several(keep) else [keep]
    if not values:
        raise ParameterError("The 'keep' parameter must hold at least one count or fraction. Got none.")
    return [_size(value, count, name) for value in values]


def several(keep: Any) -> bool:
    """Whether keep is a list, a tuple, a range or an array, and not one number."""
    return not isinstance(keep, (str, bytes)) and hasattr(keep, "__iter__") and getattr(keep, "ndim", 1) > 0


def arranged(keep: Any, draws: int, amount: int, made: Callable[[int, int], Kept]) -> Any:
    """A Kept; a list of them, one a draw, if draws > 1; and a list of such, one a value of keep, if it is a list."""
    found = [[made(size, draw) for draw in range(draws)] for size in range(amount)]
    each: Sequence[Any] = found if draws > 1 else [row[0] for row in found]
    return list(each) if several(keep) else each[0]


def _size(value: Any, count: int, name: str) -> int:
    what = (
        f"The 'keep' parameter must be a count, a whole number from 1 to {count}, or a fraction, a number with a "
        f"decimal point > 0 and <= 1, of the {count} {name}"
    )
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ParameterError(f"{what}. Got {value!r:.60} instead.")
    if isinstance(value, (int, np.integer)):
        if not 1 <= value <= count:
            raise ParameterError(f"{what}. Got {value} instead.")
        return int(value)
    if not 0 < value <= 1:
        hint = f"; as a count it is {int(value)}" if 1 < value <= count and float(value).is_integer() else ""
        raise ParameterError(f"{what}. Got {value} instead{hint}.")
    size = round(float(value) * count)
    if size == 0:
        raise ParameterError(f"{what}. Got {value}, which keeps none of them; 1 keeps one.")
    return size
