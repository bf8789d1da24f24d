"""(j): verdicts on where the training data lie. Published numbers stand here, and nowhere in the measurements."""

from __future__ import annotations

import numpy as np

from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import FEW, STRATEGY_HIDDEN
from practicum.studies.catalyst.statistics import mean_error
from practicum.studies.catalyst.table import above, number, row
from practicum.studies.claims import Claim, agreement

AWARE = {1: 0.80, 2: 0.93, 5: 0.97, 10: 0.97}
"""Mean best correlation from 30 teacher-aware samples, m = 5, p = 1."""
RANDOM = (0.2, 0.3)
"""The same from 30 random samples: from .2 to .3."""
ENOUGH = 600
"""Random samples that are enough."""


def judge(found: Found) -> list[Claim]:
    """The claims on few samples, chosen or not."""
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
        value, error = mean_error(random)
        nearest = min(max(value, RANDOM[0]), RANDOM[1])
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
