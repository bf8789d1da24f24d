"""(a, b, c) Escape from the plateau: times of figure 1, rates read off the flow, and the gain at the best rules."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.polynomial.chebyshev import Chebyshev, chebfit, chebpts1

from practicum import phases
from practicum.studies.west_saad.settings import committee
from practicum.theory.flow import solve, time_to_target
from practicum.theory.machines import LearningRule
from practicum.theory.overlaps import OrderParameters

_NODES = 9
# Relative error of one growth rate: what the finite split adds, up to K = 10 (tested against the spectrum).
RATE_ERROR = 3e-6


def escape_times(
    seeds: list[int], betas: list[float], students: int, learning_rate: float, norm: float, overlap: float
) -> xr.Dataset:
    """alpha at which the error has fallen to half of its plateau value, by seed and inverse temperature."""
    machine = committee(students)
    times = np.empty((len(seeds), len(betas)))
    levels, rates = np.empty(len(betas)), np.empty(len(betas))
    for b, beta in enumerate(betas):
        rule = LearningRule(learning_rate=learning_rate, inverse_temperature=beta)
        place = phases.plateau(machine, rule)
        levels[b], rates[b] = place.generalization_error, place.escape_rate
        for s, seed in enumerate(seeds):
            start = OrderParameters.random(students, students, seed=seed, norm=norm, overlap=overlap)
            times[s, b] = time_to_target(machine, rule, start, levels[b] / 2, rtol=1e-10)
    return xr.Dataset(
        {
            "escape_alpha": (("start", "inverse_temperature"), times),
            "plateau": ("inverse_temperature", levels),
            "escape_rate": ("inverse_temperature", rates),
        },
        coords={"start": seeds, "inverse_temperature": betas},
    )


def flow_escape_rate(students: int, rule: LearningRule) -> float:
    """Growth rate of the specialization on the plateau, read off a trajectory of the flow; units of 1 / alpha.

    The trajectory starts at the plateau with one student a little closer to one teacher. Only the plateau's position
    comes from the linear theory; the rate is the slope of log(R_in - R_im) while that is between 1e-7 and 1e-6,
    small enough to be linear and large against the tolerance of the integrator: good to RATE_ERROR.
    """
    machine = committee(students)
    place = phases.plateau(machine, rule)
    base = place.order_parameters()
    R = base.R + 1e-8 * (np.eye(students) - 1 / students)
    start = OrderParameters(Q=base.Q, R=R, T=base.T)
    end = np.log(100.0) / place.escape_rate
    path = solve(machine, rule, start, end, save_at=[end / 2, end], rtol=1e-14, atol=1e-20)
    split = path.R[:, 0, 0].values - path.R[:, 0, 1].values
    return float(np.log(split[1] / split[0]) / (end / 2))


def _to_zero(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Limit and uncertainty of a quantity measured at three learning rates, each half of the one before."""
    two = 2 * values[2] - values[1]
    three = (8 * values[2] - 6 * values[1] + values[0]) / 3
    return three, np.hypot(three - two, RATE_ERROR * three)


def escape_rates(students: int, learning_rates: list[float]) -> xr.Dataset:
    """Escape rate over eta, its best inverse temperature and its gain, all extrapolated to eta = 0 from the flow.

    The three `learning_rates` each are half of the one before.
    """
    betas = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    # Around the maximum the rate is a smooth function of log beta: Chebyshev interpolation finds it without a search.
    domain = np.log([1.5 * students, 10.0 * students])
    nodes = np.exp(chebpts1(_NODES) * np.diff(domain) / 2 + domain.mean())

    def measured(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rules = [[LearningRule(learning_rate=eta, inverse_temperature=beta) for beta in at] for eta in learning_rates]
        return _to_zero([np.array([flow_escape_rate(students, r) / r.learning_rate for r in row]) for row in rules])

    def highest(values: np.ndarray) -> float:
        curve = Chebyshev(chebfit(chebpts1(_NODES), values, _NODES - 1), domain)
        steep = curve.deriv().roots()
        inside = steep[(np.abs(steep.imag) < 1e-9) & (steep.real > domain[0]) & (steep.real < domain[1])].real
        candidates = np.array([*domain, *inside])  # the ends too: no maximum within would be a finding
        return float(np.exp(candidates[np.argmax(curve(candidates))]))

    rates, errors = measured(betas)
    around, around_errors = measured(nodes)
    best = highest(around)
    best_error = abs(highest(around + around_errors * (-1.0) ** np.arange(_NODES)) - best) + abs(
        highest(around + around_errors) - best
    )
    (gd, top), (gd_error, top_error) = measured(np.array([1.0, 4.0 * students]))
    fine = np.geomspace(0.5, 200.0, 121)
    theory = np.array([[phases.plateau_limit(students, float(beta)).escape_rate for beta in fine]])
    return xr.Dataset(
        {
            "escape_rate": (("students", "inverse_temperature"), theory),
            "measured": (("students", "measured_beta"), rates[None]),
            "measured_uncertainty": (("students", "measured_beta"), errors[None]),
            "formula": (
                ("students", "measured_beta"),
                np.array([[phases.plateau_limit(students, float(beta)).escape_rate for beta in betas]]),
            ),
            "best_beta": ("students", [best]),
            "best_beta_uncertainty": ("students", [best_error]),
            "best_rate": ("students", [phases.plateau_limit(students, 4.0 * students).escape_rate]),
            "gain": ("students", [top / gd]),
            "gain_uncertainty": ("students", [np.hypot(top_error, top / gd * gd_error) / gd]),
        },
        coords={"students": [students], "inverse_temperature": fine, "measured_beta": betas},
    )


def gain(students: int) -> xr.Dataset:
    """Best escape rates of gradient descent and of adaptive back-propagation; the flow confirms both."""
    machine = committee(students)
    best = {adaptive: phases.best_rule(machine, "plateau", adaptive=adaptive) for adaptive in (False, True)}
    confirmed = {adaptive: flow_escape_rate(students, rule.rule) for adaptive, rule in best.items()}
    value = best[True].rate / best[False].rate
    limit = [phases.plateau_limit(students, beta).escape_rate for beta in (1.0, 4.0 * students)]
    variables = {
        "gain": value,
        "gain_uncertainty": abs(confirmed[True] / confirmed[False] - value),
        "gain_fixed": limit[1] / limit[0],
        "beta": best[True].rule.inverse_temperature,
        "learning_rate": best[True].rule.learning_rate,
        "gd_learning_rate": best[False].rule.learning_rate,
        "rate": best[True].rate,
        "gd_rate": best[False].rate,
    }
    return xr.Dataset({name: ("students", [v]) for name, v in variables.items()}, coords={"students": [students]})
