"""Claims: statements of a paper, measured, with an uncertainty and a verdict that follows from both by a rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure as MatplotlibFigure

Verdict = Literal["holds", "holds in part", "does not hold", "undecided"]

AGREES, NEAR, SIGMAS = 0.01, 0.10, 3.0
RULE = (
    f"A published number holds if the measured one lies within {AGREES:.0%} or {SIGMAS:g} standard uncertainties of "
    f"it, holds in part within {NEAR:.0%}, and does not hold beyond; it is undecided where the uncertainty exceeds "
    f"{NEAR:.0%} of the number. An inequality holds if it is met by {SIGMAS:g} standard uncertainties, does not hold "
    "if it is missed by as much, and is undecided between."
)


@dataclass(frozen=True)
class Claim:
    """One statement of a paper and what was measured of it.

    Main arguments:
        study, claim: names, such as ``"west-saad"`` and ``"b.K3"``.
        statement: one sentence that could be false.
        published: the paper's number, as a number where it is one, in words elsewhere.
        measured, uncertainty: the measured number and its standard uncertainty, in the same units.
        verdict: what follows, by the rule of :data:`RULE` or the one in `remark`.

    Other arguments:
        remark: how it was measured, or under which conditions it holds.
    """

    study: str
    claim: str
    statement: str
    published: float | str
    measured: float
    uncertainty: float
    verdict: Verdict
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; not-a-number becomes null."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }


def agreement(measured: float, uncertainty: float, published: float) -> Verdict:
    """The verdict on a published number; see :data:`RULE`."""
    if not (math.isfinite(measured) and math.isfinite(uncertainty)) or uncertainty > NEAR * abs(published):
        return "undecided"
    distance = abs(measured - published)
    if distance <= max(AGREES * abs(published), SIGMAS * uncertainty):
        return "holds"
    return "holds in part" if distance <= NEAR * abs(published) else "does not hold"


def exceeds(measured: float, uncertainty: float, bound: float) -> Verdict:
    """The verdict on ``measured > bound``; see :data:`RULE`."""
    if not (math.isfinite(measured) and math.isfinite(uncertainty)):
        return "undecided"
    if measured - bound > SIGMAS * uncertainty:
        return "holds"
    return "does not hold" if bound - measured >= SIGMAS * uncertainty else "undecided"


@dataclass(frozen=True)
class Picture:
    """A figure of a study: a function of practicum.figures, and the labelled array it draws."""

    name: str
    caption: str
    draw: Callable[[xr.Dataset], MatplotlibFigure]
    data: xr.Dataset
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """Everything a study found: claims, pictures, and the stored runs they rest on."""

    study: str
    title: str
    scale: str
    claims: list[Claim]
    pictures: list[Picture]
    runs: list[str]
    config: dict[str, Any]
    cite: tuple[str, ...]
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
