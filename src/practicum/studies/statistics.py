"""What the verdicts of several studies compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def mean(values: Any) -> tuple[float, float]:
    """Mean over seeds and its standard error; seeds without a number do not count, and fewer than two give NaN."""
    values = np.asarray(values, dtype=float).ravel()
    values = values[np.isfinite(values)]
    if values.size < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
