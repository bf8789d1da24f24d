"""(f) to (j): verdicts on students of two layers. Published numbers stand here, and nowhere in the measurements."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import xarray as xr

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import ALIGNED, COVERED, EARLY, FEW, STRATEGY_HIDDEN
from practicum.studies.catalyst.statistics import (
    at_epoch,
    discovery,
    has_epoch,
    log_loss,
    mean_error,
    order,
    reach_error,
)
from practicum.studies.catalyst.table import above, number, row, vanishing
from practicum.studies.claims import Claim, agreement

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
AWARE = {1: 0.80, 2: 0.93, 5: 0.97, 10: 0.97}
"""Mean best correlation from 30 teacher-aware samples, m = 5, p = 1."""
RANDOM = (0.2, 0.3)
"""The same from 30 random samples: from .2 to .3."""
ENOUGH = 600
"""Random samples that are enough."""
RISE, RISE_AT = 1.11, {"hidden": 10, "multiple": 5, "epoch": 20}
"""Decades by which the loss rises when students below .95 are deleted: from -5.46 to -4.35."""
_ROUNDED = 0.1 / math.sqrt(12)
"""Standard uncertainty of a number given to one decimal place; ten times as much of a whole number."""
_SEEDS = {"coverage": 16, "losses": 32}
"""Seeds behind published means; that of a single training is 1."""
_ALSO = "The uncertainty is that of the difference, the published mean being one over {} seeds."


def judge(found: Found) -> list[Claim]:
    """The claims on two layers, in the order of the paper."""
    return [*_alignment(found), *_deletion(found), *_order(found), *_wide(found), *_strategies(found)]


def _both(values: np.ndarray, seeds: int, width: float = 0.0) -> tuple[float, float]:
    """Mean over seeds, and the uncertainty of its difference from a published mean over other seeds.

    The published mean has none of its own: its seeds are taken to vary as ours do.

    Main arguments:
        seeds: of the published mean.
        width: standard uncertainty by the rounding of the published number.
    """
    mean, error = mean_error(values)
    return mean, math.hypot(error * math.sqrt(1 + np.isfinite(values).sum() / seeds), width)


def _sorted(found: Found) -> list[tuple[tuple[float, int], xr.Dataset]]:
    return sorted(found.sweep.items(), key=lambda item: item[0])


def _setting(found: Found, part: str) -> str:
    chosen = getattr(found.settings, part)
    return f"m = {chosen.hidden}, {chosen.seeds} seeds, epoch {chosen.epochs}"


def _alignment(found: Found) -> list[Claim]:
    claims = []
    where = f"{_setting(found, 'alignment')}, p = {found.settings.alignment.decay:g}"
    for multiple, run in found.alignment.items():
        last, size = run.isel(step=-1), f"{multiple}×"
        small = mean_error(last.gradient / run.gradient.max("step"))[0]
        claims += [
            number(
                f"f.aligned.{size}",
                f"At a small gradient every observed teacher node has an aligned student, ρ > {ALIGNED:g} ({size}).",
                1.0,
                mean_error(last.observed_aligned.values),
                f"Share of the observed teacher nodes; {float(last.observed.mean()):.0%} are observed. {where}; the "
                f"gradient has fallen to {small:.1%} of its largest.",
            ),
            above(
                f"f.many.{size}",
                f"Alignment is many-to-one: several students a teacher node ({size}).",
                "more than 1",
                mean_error(last.per_teacher.values),
                f"Students with a ρ > {ALIGNED:g}, per teacher node. {where}.",
                bound=1.0,
            ),
            vanishing(
                f"f.sum.{size}",
                f"The students of a teacher node together have its fan-out, Σ c_k v_k = v*_j ({size}).",
                mean_error(last.residual.values),
                f"Root mean square over teacher nodes of |Σ c_k v_k − v*_j| / |v*_j|, judged as a ratio to 1. {where}. "
                "It falls as training goes on: "
                f"{', '.join(f'{float(r):.2g}' for r in run.residual.mean('seed').values[-3:])} at epochs "
                f"{', '.join(str(int(e)) for e in run.epoch.values[-3:])}.",
            ),
        ]
    return claims


def _deletion(found: Found) -> list[Claim]:
    claims = []
    for multiple, run in found.alignment.items():
        last, size = run.isel(step=-1), f"{multiple}×"
        rise = mean_error(log_loss(run, name="loss_without_any_below") - log_loss(run))
        counts = ", ".join(
            f"{float(last[name].mean()):.3g} {name}" for name in ("aligned", "unaligned", "linear", "dead")
        )
        after, worst = (float(last[n].mean()) for n in ("loss_without_any_below", "loss_without_aligned"))
        claims += [
            vanishing(
                f"g.loss.{size}",
                f"Students without a teacher (ρ < {COVERED:g}) can be deleted without a change of the loss ({size}).",
                rise,
                f"Rise of log10 of the held-out loss. {_setting(found, 'alignment')}: {counts} students. The loss "
                f"after it is {after:.2g}, a share of {after / worst:.1g} of what deleting the aligned ones leaves.",
            ),
            above(
                f"g.less.{size}",
                f"Deleting the unaligned students costs less than deleting the aligned ones ({size}).",
                "less",
                mean_error(log_loss(run, name="loss_without_aligned") - log_loss(run, name="loss_without_any_below")),
                "Difference of the log10 losses after one and the other deletion.",
            ),
        ]
        at = RISE_AT["epoch"]
        if (
            multiple == RISE_AT["multiple"]
            and found.settings.alignment.hidden == RISE_AT["hidden"]
            and has_epoch(run, at)
        ):
            rise = mean_error(log_loss(run, at, "loss_without_any_below") - log_loss(run, at))
            before, after = (mean_error(log_loss(run, at, name))[0] for name in ("loss", "loss_without_any_below"))
            claims.append(
                above(
                    "g.early",
                    f"At epoch {at} the unaligned students cannot be deleted yet: the loss rises.",
                    f"by {RISE:g} decades",
                    rise,
                    f"log10 of the held-out loss: from {before:.2f} to {after:.2f}; m = {RISE_AT['hidden']}, {size}.",
                )
            )
    return claims


def _order(found: Found) -> list[Claim]:
    claims = []
    sweep = found.settings.sweep
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
                f"count as last. {_setting(found, 'sweep')}.",
            )
        )
    strong = {multiple: run for (decay, multiple), run in _sorted(found) if decay == 2}
    if len(strong) < 2:
        return claims
    low, high = min(strong), max(strong)
    counts = {m: sweep.hidden * run.coverage.isel(step=-1, layer=0).values for m, run in strong.items()}
    claims.append(
        above(
            "h.reach",
            f"More students find weaker teacher nodes (p = 2, {high}× against {low}×).",
            "success reaches further",
            mean_error(counts[high] - counts[low]),
            "Additional teacher nodes covered; "
            + ", ".join(f"{m}×: {mean_error(c)[0]:.3g}" for m, c in counts.items())
            + f". {_setting(found, 'sweep')}.",
        )
    )
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


def _wide(found: Found) -> list[Claim]:
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
                        _both(20 * at_epoch(run.coverage.isel(layer=0), epoch).values, _SEEDS["coverage"]),
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
    late = f"Difference of log10 of the held-out losses, the same seeds; {_setting(found, 'sweep')}."
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
    return [*claims, *_losses(found)]


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
            both = _both(log_loss(run, 100), _SEEDS["losses"], _ROUNDED)
            claims.append(number(name, statement, published, both, f"{remark} {_ALSO.format(_SEEDS['losses'])}"))
    return claims


def _strategies(found: Found) -> list[Claim]:
    values = {key: run.mean_best_correlation.isel(step=-1, layer=0).values for key, run in found.strategies.items()}
    chosen = found.settings.strategies
    where = (
        f"d = 100, m = {STRATEGY_HIDDEN}, p = 1, {chosen.seeds} seeds, {chosen.epochs * chosen.steps_per_epoch} updates"
    )
    claims = []
    for multiple in chosen.multiples:
        aware, random = values["teacher-aware", multiple, FEW], values["random", multiple, FEW]
        if multiple in AWARE:
            claims.append(
                number(
                    f"j.aware.{multiple}×",
                    f"{FEW} teacher-aware samples lead to a mean best correlation of {AWARE[multiple]:g} "
                    f"({multiple}×).",
                    AWARE[multiple],
                    mean_error(aware),
                    f"On held-out Gaussian inputs. {where}.",
                )
            )
        gain = mean_error(aware - random)
        nearest = float(np.clip(random.mean(), *RANDOM))
        value, error = mean_error(random)
        claims += [
            above(
                f"j.gain.{multiple}×",
                f"{FEW} teacher-aware samples teach more than {FEW} random ones ({multiple}×).",
                "more",
                gain,
                f"Difference of the mean best correlations. {where}.",
            ),
            row(
                f"j.random.{multiple}×",
                f"{FEW} random samples lead to a mean best correlation of {RANDOM[0]:g} to {RANDOM[1]:g} "
                f"({multiple}×).",
                f"{RANDOM[0]:g} to {RANDOM[1]:g}",
                value,
                error,
                agreement(value, error, nearest),
                f"Compared with the nearest number of that range. {where}.",
            ),
        ]
    for multiple in chosen.compared:
        if ("random", multiple, ENOUGH) in values:
            claims.append(
                number(
                    f"j.enough.{multiple}×",
                    f"{ENOUGH} random samples are enough for all teacher nodes ({multiple}×).",
                    1.0,
                    mean_error(values["random", multiple, ENOUGH]),
                    f"Mean best correlation. {where}.",
                )
            )
        few = [n for n in chosen.samples if ("random", multiple, n) in values]
        gains = {n: values["teacher-agnostic", multiple, n] - values["random", multiple, n] for n in few}
        claims.append(
            above(
                f"j.agnostic.{multiple}×",
                f"Pairs of neighbours of random points, the theory's teacher-agnostic data, teach more than as many "
                f"random points ({multiple}×).",
                "not published",
                mean_error(np.mean(list(gains.values()), axis=0)),
                "Difference of the mean best correlations, mean over the numbers of samples; "
                + ", ".join(f"N = {n}: {gain.mean():+.2f}" for n, gain in gains.items())
                + f". Groups x, x ± u of one random direction u of a basis, |u| = 1. {where}.",
            )
        )
    return claims
