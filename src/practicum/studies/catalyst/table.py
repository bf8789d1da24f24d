"""Rows of the study's table, and what several of them say."""

from __future__ import annotations

import math

import numpy as np

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import NAME
from practicum.studies.catalyst.statistics import mean_error
from practicum.studies.claims import Claim, Verdict, agreement, exceeds


def row(
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


def number(name: str, statement: str, published: float, found: tuple[float, float], remark: str = "") -> Claim:
    """A claim that a measured number, given with its standard uncertainty, is the published one."""
    return row(name, statement, published, *found, agreement(*found, published), remark)


def vanishing(name: str, statement: str, found: tuple[float, float], remark: str = "") -> Claim:
    """A claim that a relative deviation is 0, judged as the ratio of two numbers that should be the same."""
    value, error = found
    return row(name, statement, 0.0, value, error, agreement(1 + value, error, 1.0), remark)


def above(
    name: str, statement: str, published: str, found: tuple[float, float], remark: str = "", bound: float = 0.0
) -> Claim:
    """A claim that a measured number exceeds a bound."""
    return row(name, statement, published, *found, exceeds(*found, bound), remark)


def of_both(values: np.ndarray, seeds: int, width: float = 0.0) -> tuple[float, float]:
    """Mean over seeds, and the uncertainty of its difference from a published mean over other seeds.

    The published mean has none of its own: its seeds are taken to vary as ours do.

    Main arguments:
        seeds: of the published mean.
        width: standard uncertainty by the rounding of the published number.
    """
    mean, error = mean_error(values)
    return mean, math.hypot(error * math.sqrt(1 + np.isfinite(values).sum() / seeds), width)


def setting(found: Found, part: str) -> str:
    """Size, seeds and length of the trainings of a part, for remarks."""
    chosen = getattr(found.settings, part)
    return f"m = {chosen.hidden}, {chosen.seeds} seeds, epoch {chosen.epochs}"
