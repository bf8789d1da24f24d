"""What the study measures: every part is a stored run, a labelled array that depends on its settings alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.polynomial.chebyshev import Chebyshev, chebfit, chebpts1

from practicum import phases
from practicum.runs.config import RunConfig, SimulateConfig, SolveConfig, StudyConfig
from practicum.runs.seeds import Seeds
from practicum.runs.store import Store
from practicum.studies.progress import Progress
from practicum.studies.west_saad.settings import (
    ADAPTIVE,
    CITE,
    FIGURE_1,
    NAME,
    PAIR,
    PAIR_RATE,
    REVISION,
    SMALL_RATES,
    START_OVERLAP,
    TARGET,
    Settings,
)
from practicum.theory.flow import solve, time_to_target
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

BETAS = (1.0, ADAPTIVE)
_NODES = 9


@dataclass
class Found:
    """What was measured: one labelled array a part, and the ids of the stored runs behind them."""

    settings: Settings
    curves: xr.Dataset = field(default_factory=xr.Dataset)
    escapes: xr.Dataset = field(default_factory=xr.Dataset)
    rates: xr.Dataset = field(default_factory=xr.Dataset)
    gains: xr.Dataset = field(default_factory=xr.Dataset)
    limits: xr.Dataset = field(default_factory=xr.Dataset)
    convergence: xr.Dataset = field(default_factory=xr.Dataset)
    totals: xr.Dataset = field(default_factory=xr.Dataset)
    maps: dict[int, xr.Dataset] = field(default_factory=dict)
    flow: xr.Dataset = field(default_factory=xr.Dataset)
    paths: dict[str, xr.Dataset] = field(default_factory=dict)
    drift: dict[int, xr.Dataset] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


def committee(students: int) -> Committee:
    """K = M, noise-free, erf: the machine of the paper."""
    return Committee(students=students, teachers=students)


def measure(settings: Settings, store: Store, progress: Progress) -> Found:
    """All parts, read from the store where they are there."""
    found = Found(settings)
    work = _plan(settings, found)
    for done, (name, step) in enumerate(work):
        progress(name, done / len(work))
        step(partial(_stored, store, found))
    progress("done", 1.0)
    return found


Keep = Callable[..., xr.Dataset]


def _stored(
    store: Store, found: Found, config: RunConfig, compute: Callable[[RunConfig], xr.Dataset] | None = None
) -> xr.Dataset:
    found.runs.append(config.id)
    return store.run(config) if compute is None else store.run(config, compute)


def _part(keep: Keep, name: str, function: Callable[..., xr.Dataset], **parameters: Any) -> xr.Dataset:
    """One part that is neither solve nor simulate."""

    def compute(_: RunConfig) -> xr.Dataset:
        return function(**parameters).assign_attrs(cite=",".join(CITE))

    return keep(StudyConfig(study=NAME, part=name, parameters={**parameters, "revision": REVISION}), compute)


def _plan(settings: Settings, found: Found) -> list[tuple[str, Callable[[Keep], None]]]:
    def curves(keep: Keep) -> None:
        found.curves = _learning_curves(keep)

    def escapes(keep: Keep) -> None:
        found.escapes = _part(keep, "escape-times", escape_times, seeds=list(settings.curve_seeds))

    def rates(keep: Keep) -> None:
        parts = [_part(keep, "escape-rates", escape_rates, students=K) for K in settings.escape_students]
        found.rates = xr.concat(parts, "students")

    def gains(keep: Keep) -> None:
        found.gains = xr.concat([_part(keep, "gain", gain, students=K) for K in settings.gain_students], "students")

    def convergence(keep: Keep) -> None:
        found.convergence = _part(keep, "convergence", convergence_optimum, students=3)
        found.limits = _part(keep, "large-K", large_committees, students=list(settings.large_students))

    def totals(keep: Keep) -> None:
        found.totals = xr.concat(
            [
                xr.concat(
                    [_part(keep, "total-time", total_time, students=K, seed=s) for s in settings.total_seeds], "start"
                )
                for K in settings.total_students
            ],
            "students",
        )

    def maps(keep: Keep) -> None:
        for K in settings.map_students:
            found.maps[K] = _part(keep, "total-map", total_map, students=K, seed=0)

    def simulations(keep: Keep) -> None:
        _simulations(keep, settings, found)

    return [
        ("learning curves", curves),
        ("escape times", escapes),
        ("escape rates", rates),
        ("gain on the plateau", gains),
        ("convergence", convergence),
        ("total training time", totals),
        ("map of total training time", maps),
        ("theory against simulation", simulations),
    ]


# (a) Figure 1 of the paper


def _start_of_figure_1(seed: int) -> OrderParameters:
    K = FIGURE_1["students"]
    return OrderParameters.random(K, K, seed=seed, norm=FIGURE_1["norm"], overlap=FIGURE_1["overlap"])


def _learning_curves(keep: Keep) -> xr.Dataset:
    curves = [
        keep(
            SolveConfig(
                machine=committee(FIGURE_1["students"]),
                rule=LearningRule(learning_rate=FIGURE_1["learning_rate"], inverse_temperature=beta),
                start=_start_of_figure_1(0),
                until=FIGURE_1["until"],
                save_at=tuple(np.linspace(0, FIGURE_1["until"], 401).tolist()),
            )
        )
        for beta in BETAS
    ]
    new = xr.Variable("inverse_temperature", list(BETAS))
    return xr.concat(curves, new, data_vars=["Q", "R", "v", "generalization_error"], coords=["status", "alpha_end"])


def escape_times(seeds: Iterable[int]) -> xr.Dataset:
    """alpha at which the error has fallen to half of its plateau value, by seed and inverse temperature."""
    K, eta = FIGURE_1["students"], FIGURE_1["learning_rate"]
    seeds = list(seeds)
    times = np.empty((len(seeds), len(BETAS)))
    levels, rates = np.empty(len(BETAS)), np.empty(len(BETAS))
    for b, beta in enumerate(BETAS):
        rule = LearningRule(learning_rate=eta, inverse_temperature=beta)
        place = phases.plateau(committee(K), rule)
        levels[b], rates[b] = place.generalization_error, place.escape_rate
        for s, seed in enumerate(seeds):
            times[s, b] = time_to_target(committee(K), rule, _start_of_figure_1(seed), levels[b] / 2, rtol=1e-10)
    return xr.Dataset(
        {
            "escape_alpha": (("start", "inverse_temperature"), times),
            "plateau": ("inverse_temperature", levels),
            "escape_rate": ("inverse_temperature", rates),
        },
        coords={"start": seeds, "inverse_temperature": list(BETAS)},
    )


# (b) Escape from the plateau at small learning rates, from the flow itself


def flow_escape_rate(students: int, rule: LearningRule) -> float:
    """Growth rate of the specialization on the plateau, read off a trajectory of the flow; units of 1 / alpha.

    The trajectory starts at the plateau with one student a little closer to one teacher. Only the plateau's position
    comes from the linear theory; the rate is the slope of log(R_in - R_im) while that is between 1e-8 and 1e-6.
    """
    machine = committee(students)
    place = phases.plateau(machine, rule)
    base = place.order_parameters()
    R = base.R + 1e-8 * (np.eye(students) - 1 / students)
    start = OrderParameters(Q=base.Q, R=R, T=base.T)
    end = np.log(100.0) / place.escape_rate
    path = solve(machine, rule, start, end, save_at=[end / 2, end], rtol=1e-12, atol=1e-18)
    split = path.R[:, 0, 0].values - path.R[:, 0, 1].values
    return float(np.log(split[1] / split[0]) / (end / 2))


def _to_zero(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Limit and uncertainty of a quantity measured at SMALL_RATES, each half of the one before."""
    two = 2 * values[2] - values[1]
    three = (8 * values[2] - 6 * values[1] + values[0]) / 3
    return three, np.abs(three - two)


def escape_rates(students: int) -> xr.Dataset:
    """Escape rate over eta, its best inverse temperature and its gain, all extrapolated to eta = 0 from the flow."""
    betas = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    # Around the maximum the rate is a smooth function of log beta: Chebyshev interpolation finds it without a search.
    domain = np.log([1.5 * students, 10.0 * students])
    nodes = np.exp(chebpts1(_NODES) * np.diff(domain) / 2 + domain.mean())

    def measured(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rules = [[LearningRule(learning_rate=eta, inverse_temperature=beta) for beta in at] for eta in SMALL_RATES]
        return _to_zero([np.array([flow_escape_rate(students, r) / r.learning_rate for r in row]) for row in rules])

    def highest(values: np.ndarray) -> float:
        curve = Chebyshev(chebfit(chebpts1(_NODES), values, _NODES - 1), domain)
        steep = curve.deriv().roots()
        inside = steep[(np.abs(steep.imag) < 1e-9) & (steep.real > domain[0]) & (steep.real < domain[1])].real
        return float(np.exp(inside[np.argmax(curve(inside))]))

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


# (c) The gain when the learning rate is optimised too


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


# (d) Convergence


def flow_convergence_rate(students: int, rule: LearningRule) -> float:
    """Decay rate of the generalization error near the perfect student, read off a trajectory; units of 1 / alpha."""
    machine = committee(students)
    rate = phases.convergence(machine, rule).rate
    # Both kinds of modes, those that enter the error linearly and those that enter it squared, start alike.
    shift = np.eye(students) + 1e-2 * (0.5 - np.eye(students))
    start = OrderParameters(Q=shift @ shift.T + 1e-4 * np.eye(students), R=shift)
    end = 20.0 / rate
    path = solve(machine, rule, start, end, save_at=[end / 2, end], rtol=1e-12, atol=1e-18)
    error = path.generalization_error.values
    return float(np.log(error[0] / error[1]) / (end / 2))


def convergence_optimum(students: int) -> xr.Dataset:
    """Best rules of the convergence phase, and rates of the flow near them over those of the spectrum."""
    best = phases.best_rule(committee(students), "convergence")
    descent = phases.best_rule(committee(students), "convergence", adaptive=False)
    beta = best.rule.inverse_temperature
    variables = {
        "beta": beta,
        "beta_uncertainty": best.precision["inverse_temperature"],
        "learning_rate": best.rule.learning_rate,
        "rate": best.rate,
        "gd_learning_rate": descent.rule.learning_rate,
        "gd_rate": descent.rate,
    }
    # Slightly above the optimum one mode is slowest; at the optimum it is in resonance with the square of another.
    ratios = []
    for rule in (best.rule, descent.rule):
        faster = rule.replace(learning_rate=1.15 * rule.learning_rate)
        expected = phases.convergence(committee(students), faster).rate
        ratios.append(flow_convergence_rate(students, faster) / expected)
    return xr.Dataset(
        {name: ("students", [v]) for name, v in variables.items()} | {"flow_ratio": (("students", "rule"), [ratios])},
        coords={"students": [students], "rule": ["adaptive", "gradient descent"]},
    )


def large_committees(students: Iterable[int]) -> xr.Dataset:
    """Optima of the convergence phase for K -> infinity, extrapolated from doubling K, with the last correction."""
    students = list(students)
    rows = []
    for K in students:
        best = phases.best_rule(committee(K), "convergence")
        descent = phases.best_rule(committee(K), "convergence", adaptive=False)
        rows.append(
            {
                "beta": best.rule.inverse_temperature,
                "tau": 1 / (K * best.rate),
                "gd_tau": 1 / (K * descent.rate),
                "learning_rate": K * best.rule.learning_rate,
                "time_saved": 1 - descent.rate / best.rate,
            }
        )
    variables: dict[str, Any] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        variables[name] = ("students", values)
        # Corrections are powers of 1 / K: Richardson's table, its last two entries.
        table = [values]
        for order in range(1, len(values)):
            before = table[-1]
            table.append((2**order * before[1:] - before[:-1]) / (2**order - 1))
        variables[name + "_limit"] = table[-1][-1]
        variables[name + "_uncertainty"] = abs(table[-1][-1] - table[-2][-1])
    return xr.Dataset(variables, coords={"students": students})


# (e) Total training time


def _total_start(students: int, seed: int) -> OrderParameters:
    return OrderParameters.random(students, students, seed=seed, overlap=START_OVERLAP)


def total_time(students: int, seed: int) -> xr.Dataset:
    """The rules that reach TARGET soonest from a random start, adaptive and not."""
    best, descent = (
        phases.best_rule(committee(students), "total", adaptive, start=_total_start(students, seed), target=TARGET)
        for adaptive in (True, False)
    )
    variables = {
        "beta": best.rule.inverse_temperature,
        "beta_precision": best.precision["inverse_temperature"],
        "learning_rate": best.rule.learning_rate,
        "alpha": best.alpha,
        "gd_learning_rate": descent.rule.learning_rate,
        "gd_alpha": descent.alpha,
    }
    return xr.Dataset(
        {name: (("students", "start"), [[v]]) for name, v in variables.items()},
        coords={"students": [students], "start": [seed]},
    )


def total_map(students: int, seed: int) -> xr.Dataset:
    """alpha at which TARGET is reached from a random start, over learning rate and inverse temperature."""
    start = _total_start(students, seed)
    etas = np.geomspace(0.6, 6.0, 25) / students
    betas = np.geomspace(0.5, 24.0, 21)

    def cell(rule: LearningRule) -> float:
        return time_to_target(committee(students), rule, start, TARGET, max_alpha=2000.0 * students)

    rules = [LearningRule(learning_rate=eta, inverse_temperature=beta) for beta in betas for eta in etas]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        value = np.reshape(list(pool.map(cell, rules)), (betas.size, etas.size))
    return xr.Dataset(
        {"value": (("inverse_temperature", "learning_rate"), value)},
        coords={"inverse_temperature": betas, "learning_rate": etas},
        attrs={"value_name": f"α at which ε_g < {TARGET:g}", "units": "updates / N"},
    )


# Theory against simulation


def _simulations(keep: Keep, settings: Settings, found: Found) -> None:
    pair = {
        "machine": committee(2),
        "rule": LearningRule(learning_rate=PAIR_RATE),
        "start": OrderParameters.from_dict(PAIR),
    }
    until = settings.simulate_until
    save_at = tuple(np.linspace(0, until, 61).tolist())
    found.flow = keep(SolveConfig(**pair, until=until, save_at=save_at))
    for N, count in settings.chain_seeds.items():
        found.paths[f"chain, N = {N}"] = keep(
            SimulateConfig(**pair, dimension=N, until=until, save_at=save_at, seeds=Seeds.of(count))
        )
    found.paths["weights, N = 1000"] = keep(
        SimulateConfig(
            **pair,
            dimension=1000,
            until=until,
            save_at=save_at,
            seeds=Seeds.of(settings.weight_seeds),
            method="weights",
        )
    )
    for N, count in settings.drift_seeds.items():
        # Seeds of their own, so that the deviations are independent of the paths above.
        seeds, end = Seeds(first=10**6, count=count), settings.drift_at
        found.drift[N] = keep(SimulateConfig(**pair, dimension=N, until=end, save_at=(0.0, end), seeds=seeds))
