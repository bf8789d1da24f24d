"""What all verdicts of the study share."""

from __future__ import annotations

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
