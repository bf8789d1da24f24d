"""From what was measured to claims: statements that could be false, published numbers, verdicts by rule."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from practicum.studies.claims import SIGMAS, Claim, Verdict, exceeds
from practicum.studies.luck_matters import image_verdicts, lucky_verdicts, unlucky
from practicum.studies.luck_matters.judging import SMALL, claim
from practicum.studies.luck_matters.measurements import Found
from practicum.studies.luck_matters.settings import THRESHOLD
from practicum.studies.statistics import mean

# (a) Rounding of some hundred terms in float64, and what a wrong version must exceed.
EXACT, VISIBLE = 1e-12, 1e-3
# (c) How many times as many epochs a fall may take.
PATIENCE = 100.0


def judge(found: Found) -> list[Claim]:
    """Every claim of the study, in the order of its letters."""
    return [
        *_identity(found),
        *lucky_verdicts.ranks(found),
        *lucky_verdicts.speed(found),
        *_unlucky(found),
        *image_verdicts.biases(found),
        *image_verdicts.overlaps(found),
    ]


def _identity(found: Found) -> list[Claim]:
    worst = float(found.identity.deviation.max())
    wrong = found.identity.wrong_deviation.min(("depth", "activation", "network"))
    if not math.isfinite(worst) or not float(wrong.min()) > VISIBLE:
        verdict: Verdict = "undecided"
    else:
        verdict = "holds" if worst <= EXACT else "does not hold"
    controls = "; ".join(f"{name.item()} {float(wrong.sel(variant=name)):.2g}" for name in wrong.variant)
    return [
        claim(
            "a",
            "What pulls the student nodes of a layer is D [A f* − B f], sample by sample.",
            "exact",
            worst,
            0.0,
            verdict,
            f"Largest relative deviation from automatic differentiation in float64, {found.identity.deviation.size} "
            f"random pairs of networks with 2 to 5 hidden layers, biases, ReLU and leaky ReLU. It holds up to "
            f"{EXACT:g}, if three wrong versions deviate by more than {VISIBLE:g} on every pair; their least: "
            f"{controls}.",
        )
    ]


def _unlucky(found: Found) -> list[Claim]:
    part = found.settings.two_layers[0]
    fates = [unlucky.fates(run, THRESHOLD) for run in found.two_layers]
    where = f"m = {part.hidden}, p = {part.decay:g}, {part.multiple}×"
    readings = {
        "fan_out": (
            "fan-out",
            f"The fan-out of students that resemble no teacher node tends to 0 ({where}).",
            "unaligned over aligned students, classes taken anew at every look",
        ),
        "contribution": (
            "contribution",
            f"So does what they contribute to the outputs ({where}).",
            "root mean square times fan-out, unaligned over aligned students, classes taken anew at every look",
        ),
        "fan_out_cohort": (
            "cohort",
            f"A student that is unlucky early on loses its fan-out in the end ({where}).",
            "the students that were unaligned at a quarter of the training over those that were aligned, followed "
            "from there on",
        ),
    }
    classes = "; ".join(
        f"{100 * float(fates[0][kind].isel(epoch=-1).mean()):.2g} % {kind}"
        for kind in ("aligned", "unaligned", "linear", "dead")
    )
    claims = []
    for variable, (name, statement, what) in readings.items():
        ratio, error, slope, slope_error, verdict = tends_to_zero(fates[0][variable])
        left = int(np.isfinite(fates[0][variable].isel(epoch=-1)).sum())
        others = "".join(
            " m = {}, {}×: {:.2g} ± {:.1g}, exponent {:.2f} ± {:.2f}.".format(
                other.hidden, other.multiple, *tends_to_zero(data[variable])[:4]
            )
            for other, data in zip(found.settings.two_layers[1:], fates[1:])
        )
        claims.append(
            claim(
                f"c.{name}",
                statement,
                "0",
                ratio,
                error,
                verdict,
                f"Mean of {what}; at epoch {part.epochs}, when {classes} of all students ({left} of {part.seeds} "
                f"seeds have both kinds). In the last factor of {unlucky.LATE:g} it goes as epoch^({slope:.2f} ± "
                f"{slope_error:.2f}). It holds if it falls and is below {SMALL:g}, in part if it would be there within "
                f"{PATIENCE:g} times as many epochs.{others}",
            )
        )
    return claims


def tends_to_zero(ratio: xr.DataArray) -> tuple[float, float, float, float, Verdict]:
    """Ratio at the end, its error, the exponent of its fall, its error, and whether that is a fall to 0."""
    value, error = mean(ratio.isel(epoch=-1))
    slope, slope_error = mean(unlucky.trend(ratio))
    falls = exceeds(-slope, slope_error, 0.0)
    verdict: Verdict = falls
    if falls == "holds" and not value + SIGMAS * error < SMALL:
        needed = math.log(max(value / SMALL, 1.0)) / -slope
        verdict = "holds in part" if needed <= math.log(PATIENCE) else "does not hold"
    return value, error, slope, slope_error, verdict


def notes(found: Found) -> list[str]:
    """What a reader should know beside the table."""
    diverged = sum(int((run.status == "diverged").sum()) for run in (*found.two_layers, *found.races, *found.deep))
    told = [
        "Uncertainties are standard errors over seeds, each with a teacher, students and inputs of its own; those of "
        "trained networks of others, of which there is one each, are over its layers.",
        "Deep students are trained with momentum, because the published rule, plain descent at a rate that does not "
        "diverge here, leaves the upper layers without winners for long.",
        "Two layers have students from N(0, 0.005²) and epochs of 1000 updates; the races start from there, too, and "
        "are looked at within the first epochs.",
        *image_verdicts.image_notes(found),
    ]
    return told + ([f"{diverged} seed(s) diverged and are in no mean."] if diverged else [])
