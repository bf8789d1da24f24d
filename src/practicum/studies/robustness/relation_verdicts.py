"""(d), (g): does a student that resembles its teacher resist?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from practicum.studies.claims import Claim, exceeds
from practicum.studies.robustness.judging import NORMAL, claim, log_error
from practicum.studies.robustness.looks import HEADLINE
from practicum.studies.robustness.measurements import Found
from practicum.studies.robustness.settings import Problem
from practicum.studies.statistics import mean

STRONG, SATURATED = 0.5, 0.95
"""Correlations that count as strong; and specialization that says nothing any more."""

LAWS = {"training": "on the training law", "isotropic": "on full-rank inputs", "adversarial": "on adversarial inputs"}


class Relation(NamedTuple):
    """A correlation over all students with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        return (self.high - self.low) / (2 * NORMAL)


def headline(data: xr.Dataset, problem: Problem) -> xr.DataArray:
    """The robust error that claims are about (regime, seed), at the radius of the problem."""
    found = data[HEADLINE[problem.loss]].sel(epsilon=problem.epsilon, drop=True)
    return found.transpose("regime", "seed")


def relation(data: xr.Dataset, problem: Problem, law: str, layer: int, kind: str, draws: int) -> Relation:
    """Specialization against the robust error; Pearson's of its logarithm."""
    from practicum.robustness.bootstrap import bootstrap_correlation

    x = data.specialization.sel(law=law, layer=layer).transpose("regime", "seed").values
    y = headline(data, problem).values
    if kind == "pearson":
        y = log_error(y, problem)
    found = bootstrap_correlation(x, y, kind, draws=draws)  # pyright: ignore[reportArgumentType]
    return Relation(float(found.value), float(found.low), float(found.high))


def relations(found: Found) -> list[Claim]:
    """(d) on low-rank inputs."""
    claims = []
    for name in ("regression", "classification"):
        claims += _of(found, f"d.{name}", getattr(found, name), found.problems[name], name)
    return [*claims, _saturation(found)]


def on_images(found: Found) -> list[Claim]:
    """(g)."""
    return [
        claim_
        for name, data in found.images.items()
        for claim_ in _of(found, f"g.{name}", data, found.problems[name], name)
    ]


def _of(found: Found, prefix: str, data: xr.Dataset, problem: Problem, name: str) -> list[Claim]:
    claims = []
    draws = found.settings.resamples
    for layer in data.layer.values:
        for law, words in LAWS.items():
            rank = relation(data, problem, law, int(layer), "spearman", draws)
            line = relation(data, problem, law, int(layer), "pearson", draws)
            claims.append(
                claim(
                    f"{prefix}.{law}" + (f".{layer}" if data.sizes["layer"] > 1 else ""),
                    f"Students that resemble their teacher {words} are robust ({name}, layer {layer}).",
                    "strongly correlated",
                    -rank.value,
                    rank.error,
                    exceeds(-rank.value, rank.error, STRONG),
                    f"Minus Spearman's correlation of specialization with {_error(problem)}, over "
                    f"{data.sizes['regime']} trainings and {data.sizes['seed']} seeds, 95 % from {-rank.high:.2f} to "
                    f"{-rank.low:.2f}; it holds above {STRONG:g}. Minus Pearson's with its "
                    f"logarithm: {-line.value:.2f} ({-line.high:.2f} to {-line.low:.2f}).",
                )
            )
    return claims


def _saturation(found: Found) -> Claim:
    data, problem = found.regression, found.problems["regression"]
    by_regime = data.specialization.sel(law="training", layer=1).transpose("regime", "seed")
    means = [mean(row) for row in by_regime.values]
    lowest = int(np.nanargmin([value for value, _ in means]))
    errors = headline(data, problem).median("seed").values
    value, error = means[lowest]
    return claim(
        "d.saturation",
        f"On the training law specialization exceeds {SATURATED:g} for robust and fragile students alike, so that it "
        "cannot rank them.",
        "saturates",
        value,
        error,
        exceeds(value, error, SATURATED),
        f"The lowest mean of all trainings ({data.regime.values[lowest]}; regression). Their median robust "
        f"errors differ by a factor of {np.nanmax(errors) / np.nanmin(errors):.3g}.",
    )


def _error(problem: Problem) -> str:
    if problem.loss == "mse":
        return f"the squared error against the oracle at ε = {problem.epsilon:g}"
    return f"the oracle error at ε = {problem.epsilon:g} where the teacher's margin is ≥ {problem.margin:g}"
