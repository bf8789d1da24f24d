"""(d), (f): networks on images, and who is removed."""

from __future__ import annotations

import numpy as np
import xarray as xr

from practicum.studies.claims import Claim, Verdict, exceeds
from practicum.studies.pruning.judging import claim
from practicum.studies.pruning.measurements import Found
from practicum.studies.pruning.specialists import SELECTORS
from practicum.studies.statistics import mean

POINT = 0.01
"""One percentage point of errors."""


def on_images(found: Found) -> list[Claim]:
    """(d)."""
    return [each for name, data in found.images.items() for each in _of_set(name, data)]


def _of_set(name: str, data: xr.Dataset) -> list[Claim]:
    plain, again = (data.error.sel(reweighted=flag) for flag in (False, True))
    key = name.replace(", ", ".")
    claims = []
    for other in ("random edge", "DPP node", "magnitude edge"):
        gain = plain.sel(selector=other) - plain.sel(selector="DPP edge")
        value, error = mean(gain.mean("fraction"))
        by = gain.mean("seed")
        share = float((by > 0).mean())
        claims.append(
            claim(
                f"d.{key}.{other.replace(' ', '-')}",
                f"DPP edges have a smaller error than {other}s ({name}).",
                "smaller",
                100 * value,
                100 * error,
                exceeds(value, error, 0.0),
                f"Percentage points, mean over fractions of the first layer from {float(data.fraction[0]):g} to "
                f"{float(data.fraction[-1]):g}, without reweighting; smaller at {100 * share:.3g} % of the fractions. "
                f"At {float(data.fraction[1]):g}: {100 * float(by[1]):.3g} points.",
            )
        )
    spread = again.mean("seed").max("selector") - again.mean("seed").min("selector")
    middle = spread.sel(fraction=slice(0.2, None))
    widest = float(middle.max())
    where = float(middle.fraction[int(np.argmax(middle.values))])
    verdict: Verdict = (
        "holds" if widest <= POINT else "holds in part" if float(middle.min()) <= POINT else "does not hold"
    )
    saved, saved_error = mean((plain - again).sel(selector=["random edge", "DPP edge", "random node", "DPP node"]).mean(
        ("selector", "fraction")))  # fmt: skip
    claims.append(
        claim(
            f"d.{key}.reweighted",
            f"With reweighting all methods lie within about one point ({name}).",
            "within 1 point",
            100 * widest,
            0.0,
            verdict,
            f"Largest minus smallest mean error of the selectors, the widest from fraction 0.2 on (at {where:g}); in "
            f"part if some fraction is within. Reweighting saves {100 * saved:.3g} ± {100 * saved_error:.2g} points "
            f"on the average. Unpruned {100 * float(data.unpruned):.3g} %.",
        )
    )
    return claims


def specialists(found: Found) -> list[Claim]:
    """(f)."""
    data = found.specialists
    claims = []
    for selector in SELECTORS:
        gain = data.removed_unaligned.sel(selector=selector) - data.unaligned
        value, error = mean(gain)
        covered, covered_error = mean(data.coverage.sel(selector=selector))
        before, _ = mean(data.coverage_before)
        claims.append(
            claim(
                f"f.{selector}",
                f"What pruning to the teacher's size removes are students that resemble no teacher node ({selector}).",
                "unaligned students are removed",
                value,
                error,
                exceeds(value, error, 0.0),
                f"Share of the unaligned among the removed less that among all ({float(data.unaligned.mean()):.2f}). "
                f"Of the teacher nodes {covered:.2f} ± {covered_error:.2g} are still covered, {before:.2f} before.",
            )
        )
    return claims


def noted(found: Found) -> list[str]:
    """What a reader should know of the networks."""
    told = []
    for name, data in found.images.items():
        lowest, highest = (float(data.parameters.sel(selector="DPP edge").isel(fraction=k)) for k in (0, -1))
        told.append(
            f"{name}: fractions {float(data.fraction[0]):g} to {float(data.fraction[-1]):g} of the first layer's edges "
            f"are {100 * lowest:.3g} to {100 * highest:.3g} % of the parameters of the whole network."
        )
    told += [f"{name} is not there: {why}" for name, why in found.missing.items()]
    return told
