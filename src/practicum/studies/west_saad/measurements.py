"""What the study measures: every part is a stored run, a labelled array that depends on its settings alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import RunConfig, SimulateConfig, SolveConfig, StudyConfig
from practicum.runs.seeds import Seeds
from practicum.runs.store import Store
from practicum.studies.progress import Progress
from practicum.studies.west_saad.convergence import convergence_optimum, large_committees
from practicum.studies.west_saad.escape import escape_rates, escape_times, gain
from practicum.studies.west_saad.settings import (
    BETAS,
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
    committee,
)
from practicum.studies.west_saad.training import total_map, total_time
from practicum.theory.machines import LearningRule
from practicum.theory.overlaps import OrderParameters

# What the parts depend on besides their sizes and seeds.
START_1 = {name: FIGURE_1[name] for name in ("students", "learning_rate", "norm", "overlap")}
TOTAL = {"overlap": START_OVERLAP, "target": TARGET}


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
        found.escapes = _part(
            keep, "escape-times", escape_times, seeds=list(settings.curve_seeds), betas=list(BETAS), **START_1
        )

    def rates(keep: Keep) -> None:
        found.rates = xr.concat(
            [
                _part(keep, "escape-rates", escape_rates, students=K, learning_rates=list(SMALL_RATES))
                for K in settings.escape_students
            ],
            "students",
        )

    def gains(keep: Keep) -> None:
        found.gains = xr.concat([_part(keep, "gain", gain, students=K) for K in settings.gain_students], "students")

    def convergence(keep: Keep) -> None:
        found.convergence = _part(keep, "convergence", convergence_optimum, students=3)
        found.limits = _part(keep, "large-K", large_committees, students=list(settings.large_students))

    def totals(keep: Keep) -> None:
        found.totals = xr.concat(
            [
                xr.concat(
                    [_part(keep, "total-time", total_time, students=K, seed=s, **TOTAL) for s in settings.total_seeds],
                    "start",
                )
                for K in settings.total_students
            ],
            "students",
        )

    def maps(keep: Keep) -> None:
        for K in settings.map_students:
            found.maps[K] = _part(keep, "total-map", total_map, students=K, seed=0, **TOTAL)

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


def _learning_curves(keep: Keep) -> xr.Dataset:
    K = FIGURE_1["students"]
    start = OrderParameters.random(K, K, seed=0, norm=FIGURE_1["norm"], overlap=FIGURE_1["overlap"])
    curves = [
        keep(
            SolveConfig(
                machine=committee(K),
                rule=LearningRule(learning_rate=FIGURE_1["learning_rate"], inverse_temperature=beta),
                start=start,
                until=FIGURE_1["until"],
                save_at=tuple(np.linspace(0, FIGURE_1["until"], 401).tolist()),
            )
        )
        for beta in BETAS
    ]
    new = xr.Variable("inverse_temperature", list(BETAS))
    return xr.concat(curves, new, data_vars=["Q", "R", "v", "generalization_error"], coords=["status", "alpha_end"])


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
