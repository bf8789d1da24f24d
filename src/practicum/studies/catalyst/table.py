"""One row of the study's table."""

from __future__ import annotations

from practicum.studies.catalyst.settings import NAME
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
