"""(a), (b), (c): inside the data subspace, outside it, and what an attacker makes of the difference."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from practicum.studies.claims import Claim, Verdict, agreement, exceeds
from practicum.studies.robustness.judging import claim, unchanged
from practicum.studies.robustness.measurements import Found
from practicum.studies.statistics import mean

FOUND, APART = 0.9, 0.5
"""Mean best correlations: what "specialized" must exceed, and what "differ wildly" must stay below."""

ROUNDING, VISIBLE = 1e-12, 1e-3
"""Relative changes of weights: of what is conserved in float64, and of what is not."""

SMALL = 0.1
"""The radius at which first order is compared; and how far a correlation may move to be called unchanged."""


def inside_and_outside(found: Found) -> list[Claim]:
    """(a), (b)."""
    run = found.outside["standard"]
    inside, inside_error = mean(run.inside.isel(step=-1))
    outside, outside_error = mean(run.outside.isel(step=-1))
    moved, moved_error = mean(run.outside.isel(step=-1) - run.outside.isel(step=0))
    where = _where(found)
    return [
        claim(
            "a.inside",
            f"Inside the data subspace students specialize: the mean best correlation exceeds {FOUND:g}.",
            "specialization still happens",
            inside,
            inside_error,
            exceeds(inside, inside_error, FOUND),
            f"{where}; inputs x = Uz.",
        ),
        claim(
            "b.outside",
            f"Outside they differ wildly from their teacher: it stays below {APART:g}.",
            "could differ wildly",
            outside,
            outside_error,
            exceeds(-outside, outside_error, -APART),
            f"The same students on inputs of the complement, where the teacher has weights, too. With {_nodes(found)} "
            "the best of random nodes is not 0.",
        ),
        claim(
            "b.untaught",
            "Training changes nothing of how they resemble it there.",
            "0",
            moved,
            moved_error,
            unchanged(moved, moved_error, SMALL),
            f"Mean best correlation outside, after training less before; it holds within {SMALL:g}.",
        ),
        *_conservation(found),
        _taught(found),
    ]


def _taught(found: Found) -> Claim:
    run = found.outside["noise, oracle"]
    value, error = mean(run.outside.isel(step=-1))
    return claim(
        "b.taught",
        f"With full-rank noise on the inputs, students of the oracle specialize outside, too: beyond {FOUND:g}.",
        "principled augmentation",
        value,
        error,
        exceeds(value, error, FOUND),
        f"Noise of {found.settings.outside.noise:g} on every input; the same students otherwise.",
    )


def _conservation(found: Found) -> list[Claim]:
    def largest(run: xr.Dataset) -> float:
        return float(run.off_subspace_weight_change.isel(step=-1).max())

    def least(run: xr.Dataset) -> float:
        return float(run.off_subspace_weight_change.isel(step=-1).min())

    sgd, adam = found.outside["standard"], found.outside["Adam"]
    conserved: Verdict = "holds" if largest(sgd) <= ROUNDING else "does not hold"
    claims = [
        claim(
            "b.weights",
            "Under plain descent the weights outside the subspace stay what they were.",
            "exactly",
            largest(sgd),
            0.0,
            conserved if math.isfinite(largest(sgd)) else "undecided",
            f"|W(I − P) − W₀(I − P)| / |W₀(I − P)|, the largest of all seeds, in float64; it holds up to {ROUNDING:g}.",
        )
    ]
    change = least(adam)
    verdict: Verdict = "undecided" if not math.isfinite(change) else "holds" if change > VISIBLE else "does not hold"
    claims.append(
        claim(
            "b.Adam",
            "Adam moves them, for its steps are no multiples of gradients.",
            "conservation ends",
            change,
            0.0,
            verdict,
            f"The least of all seeds, and it holds above {VISIBLE:g}.",
        )
    )
    return claims


def mechanism(found: Found) -> list[Claim]:
    """(c): theory against attack."""
    run, epsilon = found.inside["standard"], found.settings.regression.epsilon
    outside = run.oracle_squared_error.sel(way="outside")
    small = float(run.epsilon.values[run.epsilon.values > 0].min())
    ratio, ratio_error = mean(outside.sel(epsilon=small) / run.first_order.sel(epsilon=small))
    share, share_error = mean(
        outside.sel(epsilon=epsilon) / run.oracle_squared_error.sel(way="anywhere", epsilon=epsilon)
    )
    one, one_error = mean((run.one_direction / run.one_direction_predicted).sel(epsilon=epsilon))
    part, part_error = mean((run.one_direction / outside).sel(epsilon=epsilon))
    length, _ = mean(run.share_outside.sel(epsilon=epsilon))
    return [
        claim(
            "c.first-order",
            "The mismatch outside makes the adversarial error: it is ε²/2 times the mean squared gradient there.",
            1.0,
            ratio,
            ratio_error,
            agreement(ratio, ratio_error, 1.0),
            f"Error that an attack outside finds over the prediction from the overlaps Q⊥, at ε = {small:g}; trained "
            "students, the teacher within the subspace.",
        ),
        claim(
            "c.share",
            "Perturbations outside the data do most of the harm.",
            "conjectured",
            share,
            share_error,
            exceeds(share, share_error, 0.5),
            f"Error of an attack that stays outside over that of one that may go anywhere, both ε = {epsilon:g}; it "
            f"holds above one half. Of the squared length of the free one {100 * length:.3g} % lie outside.",
        ),
        claim(
            "c.one-direction",
            "One and the same step outside the data harms on all inputs, as much as the exact formula says.",
            1.0,
            one,
            one_error,
            agreement(one, one_error, 1.0),
            f"Measured over predicted squared error, ε = {epsilon:g}; it is {100 * part:.3g} ± {100 * part_error:.2g} "
            "% of what an attack finds that chooses a direction for every input (Melamed et al. 2023).",
        ),
        *_course(found),
    ]


def _course(found: Found) -> list[Claim]:
    run = found.course
    after = run.isel(alpha=slice(1, None))
    measured, low, high = (after[name].mean("seed") for name in ("measured", "lower", "upper"))
    within = ((measured >= low * 0.97) & (measured <= high * 1.03)).values
    gradient = np.abs(after.first_order.mean("seed") / after.first_order_predicted.mean("seed") - 1)
    epsilon = float(run.attrs["epsilon"])
    verdict: Verdict = "holds" if within.all() else "holds in part" if within.mean() > 0.5 else "does not hold"
    return [
        claim(
            "c.course",
            "The flow of the order parameters predicts the robust error outside at every moment of the training.",
            "between its bounds",
            float(within.mean()),
            0.0,
            verdict,
            f"Share of the moments at which the mean of {run.sizes['seed']} trained students lies between the two "
            f"bounds, with 3 % of room for a finite size; erf, N = {found.settings.course.dimension}, both layers "
            f"learn, ε = {epsilon:g}. The mean squared gradient outside is predicted within "
            f"{100 * float(gradient.max()):.2g} % throughout.",
        )
    ]


def _where(found: Found) -> str:
    problem = found.settings.outside
    return (
        f"Regression, d = {problem.dimension}, rank {problem.rank}, {problem.seeds} seeds, the teacher's weights not "
        "confined to the subspace"
    )


def _nodes(found: Found) -> str:
    problem = found.settings.outside
    return f"{problem.multiple * problem.hidden[0]} students for {problem.hidden[0]} teacher nodes"
