"""(f), (g): verdicts on alignment and deletion. Published numbers stand here, and nowhere in the measurements."""

from __future__ import annotations

import math

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import ALIGNED, COVERED
from practicum.studies.catalyst.statistics import has_epoch, log_loss, mean_error
from practicum.studies.catalyst.table import above, number, row, setting, vanishing
from practicum.studies.claims import Claim, exceeds

RISE, RISE_AT = 1.11, {"hidden": 10, "multiple": 5, "epoch": 20}
"""Decades by which the loss rises when students below .95 are deleted: from -5.46 to -4.35."""
SMALL = 0.1
"""A rise of the loss that is no rise."""


def judge(found: Found) -> list[Claim]:
    """The claims on what has become of the students of two layers."""
    return [*_alignment(found), *_deletion(found)]


def _alignment(found: Found) -> list[Claim]:
    claims = []
    where = f"{setting(found, 'alignment')}, p = {found.settings.alignment.decay:g}"
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
        before = log_loss(run)
        rise, error = mean_error(log_loss(run, name="loss_without_unaligned") - before)
        further = mean_error(log_loss(run, name="loss_without_any_below") - before)[0]
        counts = ", ".join(
            f"{float(last[name].mean()):.3g} {name}" for name in ("aligned", "unaligned", "linear", "dead")
        )
        after, worst = (float(last[n].median()) for n in ("loss_without_unaligned", "loss_without_aligned"))
        claims += [
            row(
                f"g.loss.{size}",
                f"Students without a teacher (ρ < {COVERED:g}, not linear) can be deleted without raising the loss by "
                f"{SMALL:.0%} ({size}).",
                "contribute nothing",
                rise,
                error,
                exceeds(-rise, error, -math.log10(1 + SMALL)),
                f"Rise of log10 of the held-out loss; {further:.2g} if the linear ones are deleted too. "
                f"{setting(found, 'alignment')}: {counts} students. The median loss after it is {after:.2g}, a share "
                f"of {after / worst:.1g} of what deleting the aligned ones leaves.",
            ),
            above(
                f"g.less.{size}",
                f"Deleting the unaligned students costs less than deleting the aligned ones ({size}).",
                "less",
                mean_error(log_loss(run, name="loss_without_aligned") - log_loss(run, name="loss_without_unaligned")),
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
