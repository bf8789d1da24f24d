"""(c) What becomes of the students that win no teacher node: their fan-outs, and who belongs to no class."""

from __future__ import annotations

import numpy as np
import xarray as xr

LATE = 4.0
"""Trends are taken over the last factor of so much in epochs."""


def classes(alignment: np.ndarray, activity: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Which students are dead (never fire), aligned, linear (always fire, and not aligned), or unaligned: flags."""
    dead = activity <= 0
    aligned = ~dead & (alignment > threshold)
    linear = ~dead & ~aligned & (activity >= 1)
    known = np.isfinite(alignment)
    return {
        "aligned": aligned,
        "unaligned": known & ~(dead | aligned | linear),
        "linear": linear,
        "dead": known & dead,
    }


def fates(run: xr.Dataset, threshold: float) -> xr.Dataset:
    """The unaligned students against the aligned ones, epoch by epoch, of a two-layer training.

    Returns over ``epoch`` and ``seed``:
        fan_out, contribution: the mean over unaligned students over the mean over aligned ones, classes taken at that
            epoch; NaN where a class is empty, as for a seed that diverged;
        fan_out_cohort: the same of those students that were unaligned, or aligned, when the last factor of LATE began,
            and are followed from there on, whatever becomes of them;
        aligned, unaligned, linear, dead: shares of the students.
    """
    columns = {
        name: run[name].isel(layer=0).transpose("step", "seed", "student").values
        for name in ("alignment", "activity", "fan_out", "contribution")
    }
    epoch = run.epoch.values.astype(float)
    kinds = classes(columns["alignment"], columns["activity"], threshold)
    middle = int(np.searchsorted(epoch, epoch[-1] / LATE))
    chosen, others = (np.where(np.arange(len(epoch))[:, None, None] >= middle, kinds[k][middle], False) for k in
                      ("unaligned", "aligned"))  # fmt: skip
    dims = ("epoch", "seed")
    return xr.Dataset(
        {
            "fan_out": (dims, _ratio(columns["fan_out"], kinds["unaligned"], kinds["aligned"])),
            "contribution": (dims, _ratio(columns["contribution"], kinds["unaligned"], kinds["aligned"])),
            "fan_out_cohort": (dims, _ratio(columns["fan_out"], chosen, others)),
            **{name: (dims, flags.mean(axis=-1)) for name, flags in kinds.items()},
        },
        coords={"epoch": epoch, "seed": run.seed.values},
    )


def trend(ratio: xr.DataArray) -> np.ndarray:
    """Slope of log(ratio) over log(epoch) in the last factor of LATE, by seed; NaN where the ratio is not known."""
    epoch = ratio.epoch.values
    late = epoch >= epoch[-1] / LATE
    x = np.log(epoch[late])
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(ratio.transpose("epoch", "seed").values[late])
    x = x - x.mean()
    return np.where(np.isfinite(y).all(axis=0), (x[:, None] * y).sum(axis=0) / (x * x).sum(), np.nan)


def _ratio(values: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Mean over the students `above` over the mean over those `below`, along the last axis."""
    values = np.nan_to_num(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [np.where(flags, values, 0.0).sum(axis=-1) / flags.sum(axis=-1) for flags in (above, below)]
        return means[0] / means[1]
