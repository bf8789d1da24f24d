"""The figures of the study: labelled arrays in the form that :mod:`practicum.figures` draws."""

from __future__ import annotations

import numpy as np
import xarray as xr

from practicum import figures
from practicum.studies.claims import Picture
from practicum.studies.west_saad.measurements import Found
from practicum.studies.west_saad.settings import FIGURE_1, PAIR_RATE, TARGET


def draw(found: Found) -> list[Picture]:
    """What there is to draw, in the order of the claims."""
    return [
        _learning_curves(found),
        _overlaps(found),
        _escape(found),
        _optima(found),
        *_maps(found),
        _theory_and_simulation(found),
    ]


def _by_curve(found: Found) -> xr.Dataset:
    names = [f"β = {beta:g}" for beta in found.curves.inverse_temperature.values]
    renamed = found.curves.drop_vars("T").rename(inverse_temperature="curve")
    return renamed.assign_coords(curve=names)


def _learning_curves(found: Found) -> Picture:
    first = found.escapes.isel(start=0)
    data = _by_curve(found).assign(
        plateau=("curve", first.plateau.values), escape_alpha=("curve", first.escape_alpha.values)
    )
    return Picture(
        "learning-curves",
        f"Figure 1 of the paper, computed anew: K = M = {FIGURE_1['students']}, η = {FIGURE_1['learning_rate']:g}, one "
        "start. The dotted level is the plateau of the symmetric phase in theory, the marks where each rule leaves it.",
        figures.learning_curves,
        data,
        ("a",),
    )


def _overlaps(found: Found) -> Picture:
    return Picture(
        "overlaps",
        "The same two runs, seen in the overlaps: of students with each other above, with the teachers below.",
        figures.overlaps,
        _by_curve(found),
        ("a",),
    )


def _escape(found: Found) -> Picture:
    return Picture(
        "escape",
        "Escape rate from the plateau per unit learning rate, at small learning rates. Lines: the formula. Points: "
        "growth rates read off trajectories of the flow. Stars: the optima at β = 4K.",
        figures.escape,
        found.rates,
        tuple(f"b.{kind}.K{K}" for K in found.rates.students.values for kind in ("beta", "gain")) + ("b.formula",),
    )


def _optima(found: Found) -> Picture:
    totals = found.totals
    data = xr.Dataset(
        {
            "gain_fixed": found.gains.gain_fixed,
            "gain_optimised": found.gains.gain,
            "best_beta_total": totals.beta.mean("start"),
            "best_beta_total_error": totals.beta.std("start", ddof=1) / np.sqrt(totals.sizes["start"]),
        }
    )
    return Picture(
        "optima",
        "Left: the gain on the plateau, at a fixed small learning rate and with the learning rate optimised for each "
        f"rule. Right: the inverse temperature of the shortest total training (ε_g < {TARGET:g}), learning rate "
        "optimised too.",
        figures.optima,
        data,
        (*(f"c.K{K}" for K in found.gains.students.values), "e"),
    )


def _maps(found: Found) -> list[Picture]:
    pictures = []
    for K, value in found.maps.items():
        at = found.totals.sel(students=K).sel(start=0)
        data = value.assign(
            best_inverse_temperature=at.beta,
            best_learning_rate=at.learning_rate,
            gd_learning_rate=at.gd_learning_rate,
        ).assign_attrs(value.attrs)
        pictures.append(
            Picture(
                f"total-map-K{K}",
                f"Total training time of K = M = {K} from one random start, over learning rate and inverse "
                "temperature. Star: the best rule. Circle: the best gradient descent.",
                figures.rule_map,
                data.drop_vars(["students", "start"], errors="ignore"),
                ("e", "e.gain"),
            )
        )
    return pictures


def _theory_and_simulation(found: Found) -> Picture:
    settings = list(found.paths)
    errors = [path.generalization_error for path in found.paths.values()]
    data = xr.Dataset(
        {
            "generalization_error_theory": ("alpha", found.flow.generalization_error.values),
            "mean": (("setting", "alpha"), np.stack([e.mean("seed").values for e in errors])),
            "error": (
                ("setting", "alpha"),
                np.stack([(e.std("seed", ddof=1) / np.sqrt(e.sizes["seed"])).values for e in errors]),
            ),
        },
        coords={"setting": settings, "alpha": found.flow.alpha.values},
    )
    return Picture(
        "theory-and-simulation",
        f"K = M = 2, η = {PAIR_RATE:g}: the flow, the exact chain at three sizes, and the weights of a network. Below: "
        "distance of the mean from the flow in standard errors.",
        figures.theory_and_simulation,
        data,
        ("f.law", "f.limit", "f.large"),
    )
