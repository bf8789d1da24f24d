"""What all verdicts of the study share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from practicum.studies.claims import SIGMAS, Claim, Verdict
from practicum.studies.robustness.settings import NAME, Problem

NORMAL = 1.959964
"""Standard deviations on either side within a 95 % interval."""


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


def unchanged(difference: float, uncertainty: float, room: float) -> Verdict:
    """The verdict on "does not change": it holds within `room`, if that is certain to three standard uncertainties."""
    if not (math.isfinite(difference) and math.isfinite(uncertainty)):
        return "undecided"
    if abs(difference) + SIGMAS * uncertainty <= room:
        return "holds"
    return "does not hold" if abs(difference) - SIGMAS * uncertainty > room else "undecided"


def log_error(errors: Any, problem: Problem) -> np.ndarray:
    """log10 of robust errors; of shares k/n that of (k + 1/2) / (n + 1), which is finite where nothing is wrong."""
    errors = np.asarray(errors, dtype=float)
    if problem.loss != "mse":
        errors = (errors * problem.attacked + 0.5) / (problem.attacked + 1)
    return np.log10(np.where(errors > 0, errors, np.nan))
