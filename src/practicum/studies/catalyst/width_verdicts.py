"""(h), (i): verdicts on strong nodes and on wide students. Published numbers stand here."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import xarray as xr

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import COVERED, EARLY
from practicum.studies.catalyst.statistics import (
    at_epoch,
    discovery,
    has_epoch,
    log_loss,
    mean_error,
    order,
    reach_error,
)
from practicum.studies.catalyst.table import above, number, of_both, row, setting
from practicum.studies.claims import Claim

# Of the paper's code, or read off its figures; see the page of this study. Two layers, m = 20, d = 100.
COVERAGE = {1: 9.0, 2: 11.9, 5: 15.3}
"""Teacher nodes covered at epoch 5, p = 1, by multiple."""
LATER = {1: 16.8, 2: 20.0, 5: 20.0}
"""The same at epoch 60."""
LOSSES = {
    0.0: {1: -8.0, 2: -7.5, 5: -6.6, 10: -6.0},
    1.0: {1: -2.9, 2: -7.7, 5: -6.5, 10: -6.0},
    2.0: {1: -4.0, 2: -4.5, 5: -5.1, 10: -5.4},
}
"""log10 of the held-out loss at epoch 100, by decay and multiple; with p = 0 and 1x it is below -8."""
HALF = {1: 8.0, 2: 11.0, 5: 14.0, 10: 16.0}
"""Teacher index at which success falls to 50 %, p = 2, epoch 100."""
_ROUNDED = 0.1 / math.sqrt(12)
"""Standard uncertainty of a number given to one decimal place; ten times as much of a whole number."""
_SEEDS = {"coverage": 16, "losses": 32}
"""Seeds behind published means; that of a single training is 1."""
_ALSO = "The uncertainty is that of the difference, the published mean being one over {} seeds."


def judge(found: Found) -> list[Claim]:
    """The claims on when nodes are found, and on what more students are good for."""
    return [*_order(found), *_reaches(found), *_coverage(found), *_late(found), *_losses(found)]


def _sorted(found: Found) -> list[tuple[tuple[float, int], xr.Dataset]]:
    return sorted(found.sweep.items(), key=lambda item: item[0])


def _order(found: Found) -> list[Claim]:
    claims = []
    for (decay, multiple), run in _sorted(found):
        if decay == 0:
            continue
        epochs = discovery(run.best_correlation.isel(layer=0), COVERED)
        claims.append(
            above(
                f"h.order.p{decay:g}.{multiple}×",
                f"Strong teacher nodes are found first (p = {decay:g}, {multiple}×).",
                "the epoch increases with the index",
                mean_error(order(epochs)),
                "Spearman's correlation of the index with the first epoch at which the largest ρ exceeds "
                f"{COVERED:g}, mean over seeds; {np.isfinite(epochs).mean():.0%} of the nodes are found, the others "
                f"count as last. {setting(found, 'sweep')}.",
            )
        )
    return claims


def _reaches(found: Found) -> list[Claim]:
    sweep = found.settings.sweep
    strong = {multiple: run for (decay, multiple), run in _sorted(found) if decay == 2}
    if len(strong) < 2:
        return []
    low, high = min(strong), max(strong)
    counts = {m: sweep.hidden * run.coverage.isel(step=-1, layer=0).values for m, run in strong.items()}
    claims = [
        above(
            "h.reach",
            f"More students find weaker teacher nodes (p = 2, {high}× against {low}×).",
            "success reaches further",
            mean_error(counts[high] - counts[low]),
            "Additional teacher nodes covered; "
            + ", ".join(f"{m}×: {mean_error(c)[0]:.3g}" for m, c in counts.items())
            + f". {setting(found, 'sweep')}.",
        )
    ]
    for multiple, run in strong.items():
        if has_epoch(run, 100) and multiple in HALF and sweep.hidden == 20:
            covered = at_epoch(run.best_correlation.isel(layer=0), 100).values > COVERED
            claims.append(
                number(
                    f"h.half.{multiple}×",
                    f"At p = 2 success falls to 50 % at teacher index {HALF[multiple]:g} ({multiple}×).",
                    HALF[multiple],
                    _reach(covered),
                    "Index counted from 0, between whole ones by interpolation; the uncertainty is that of seeds drawn "
                    f"anew. {_ALSO.format(_SEEDS['losses'])}",
                )
            )
    return claims


def _reach(covered: np.ndarray) -> tuple[float, float]:
    index, error = reach_error(covered)
    return index, math.hypot(error * math.sqrt(1 + len(covered) / _SEEDS["losses"]), 10 * _ROUNDED)


def _coverage(found: Found) -> list[Claim]:
    claims = []
    sweep = found.settings.sweep
    steep = {multiple: run for (decay, multiple), run in _sorted(found) if decay == 1}
    for epoch, published in ((EARLY, COVERAGE), (60, LATER)):
        for multiple, run in steep.items():
            if multiple in published and has_epoch(run, epoch) and sweep.hidden == 20:
                claims.append(
                    number(
                        f"i.coverage.e{epoch}.{multiple}×",
                        f"At epoch {epoch} {published[multiple]:g} of 20 teacher nodes are covered (p = 1, "
                        f"{multiple}×).",
                        published[multiple],
                        of_both(20 * at_epoch(run.coverage.isel(layer=0), epoch).values, _SEEDS["coverage"]),
                        f"{sweep.seeds} seeds. {_ALSO.format(_SEEDS['coverage'])}",
                    )
                )
    for decay in (1.0, 2.0):
        pair = _ends(found, decay)
        if pair and has_epoch(pair[0][1], EARLY):
            (low, few), (high, many) = pair
            gained = [sweep.hidden * at_epoch(run.coverage.isel(layer=0), EARLY).values for run in (few, many)]
            claims.append(
                above(
                    f"i.faster.p{decay:g}",
                    f"Over-realization raises the coverage at an early epoch (p = {decay:g}, {high}× against {low}×).",
                    "more",
                    mean_error(gained[1] - gained[0]),
                    f"Additional teacher nodes covered at epoch {EARLY}, of {sweep.hidden}. {sweep.seeds} seeds.",
                )
            )
    return claims


def _late(found: Found) -> list[Claim]:
    claims = []
    late = f"Difference of log10 of the held-out losses, the same seeds; {setting(found, 'sweep')}."
    flat = {multiple: run for (decay, multiple), run in _sorted(found) if decay == 0}
    for low, high in pairwise(sorted(flat)):
        claims.append(
            above(
                f"i.slower.{low}×",
                f"At weak decay more students end at a higher loss (p = 0, {high}× against {low}×).",
                "higher",
                mean_error(log_loss(flat[high]) - log_loss(flat[low])),
                late,
            )
        )
    pair = _ends(found, 2.0)
    if pair:
        (low, few), (high, many) = pair
        claims.append(
            above(
                "i.strong",
                f"At strong decay more students end at a lower loss (p = 2, {high}× against {low}×).",
                "lower",
                mean_error(log_loss(few) - log_loss(many)),
                late,
            )
        )
    return claims


def _ends(found: Found, decay: float) -> tuple[tuple[int, xr.Dataset], tuple[int, xr.Dataset]] | None:
    """The runs of fewest and most students at a decay, if there are two."""
    runs = [(multiple, run) for (p, multiple), run in _sorted(found) if p == decay]
    return (runs[0], runs[-1]) if len(runs) > 1 else None


def _losses(found: Found) -> list[Claim]:
    claims = []
    for (decay, multiple), run in _sorted(found):
        published = LOSSES.get(decay, {}).get(multiple)
        if published is None or not has_epoch(run, 100) or found.settings.sweep.hidden != 20:
            continue
        name, where = f"i.loss.p{decay:g}.{multiple}×", f"(p = {decay:g}, {multiple}×)"
        measured = mean_error(log_loss(run, 100))
        spread = np.sort(log_loss(run, 100))
        remark = f"Mean of log10 over seeds; they lie between {spread[0]:.2f} and {spread[-1]:.2f}."
        if (decay, multiple) == (0.0, 1):
            statement = f"At epoch 100 log10 of the held-out loss is below {published:g} {where}."
            below = (published - measured[0], measured[1])
            claim = above(name, statement, f"below {published:g}", below, remark)
            claims.append(row(name, statement, claim.published, *measured, claim.verdict, remark))
        else:
            statement = f"At epoch 100 log10 of the held-out loss is {published:g} {where}."
            both = of_both(log_loss(run, 100), _SEEDS["losses"], _ROUNDED)
            claims.append(number(name, statement, published, both, f"{remark} {_ALSO.format(_SEEDS['losses'])}"))
    return claims
