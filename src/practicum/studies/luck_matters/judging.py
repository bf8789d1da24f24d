"""What all verdicts of the study share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from practicum.studies.claims import Claim, Verdict
from practicum.studies.luck_matters.settings import NAME

SMALL = 0.1
"""What "tends to 0" and "rarely" are held against."""


def claim(
    name: str,
    statement: str,
    published: float | str,
    measured: float,
    uncertainty: float,
    verdict: Verdict,
    remark: str = "",
) -> Claim:
    """A claim of this study."""
    return Claim(NAME, name, statement, published, float(measured), float(uncertainty), verdict, remark)


def mean(values: Any) -> tuple[float, float]:
    """Mean over seeds and its standard error; seeds without a number do not count, and fewer than two give NaN."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if values.size < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
