"""Runs with made-up numbers: what the store and the command line do does not depend on who computed them."""

import numpy as np

from practicum import Committee, LearningRule, OrderParameters
from practicum.runs import SimulateConfig, SolveConfig
from practicum.theory.labelled import trajectories

MACHINE = Committee(students=3, teachers=2)
RULE = LearningRule(learning_rate=0.5, inverse_temperature=4.0)
START = OrderParameters.near_symmetric(3, 2, split=0.01)


def solve_config(**changes):
    return SolveConfig(**{"machine": MACHINE, "rule": RULE, "start": START, "until": 20.0, **changes})


def simulate_config(**changes):
    values = {"machine": MACHINE, "rule": RULE, "start": START, "until": 20.0, "dimension": 100, "seeds": 3}
    return SimulateConfig(**{**values, **changes})


def compute(config):
    """A dataset of the right shape: smooth decaying errors, awkward doubles, the last seed diverged."""
    K, M = config.machine.students, config.machine.teachers
    alpha = np.array(config.save_at if config.save_at is not None else np.linspace(0.0, 3.0, 7))
    seeds = {"seed": config.seeds.list()} if config.kind == "simulate" else {}
    lead = tuple(len(values) for values in seeds.values())
    rng = np.random.default_rng(int(config.id, 16))
    Q = rng.standard_normal((*lead, alpha.size, K, K)) * 10.0 ** rng.integers(-300, 300, (*lead, alpha.size, K, K))
    error = np.broadcast_to(0.5 * np.exp(-alpha / 7), (*lead, alpha.size)) * (1 + 0.1 * rng.random((*lead, 1)))
    Q[..., 0, 0, 0], Q[..., 0, 0, 1], Q[..., 0, 1, 1] = -0.0, 5e-324, np.nextafter(1.0, 2.0)
    status = np.full(lead, "ok", dtype="<U8")
    if lead:
        status[-1], error[-1, -3:], Q[-1, -3:] = "diverged", np.nan, np.nan
    return trajectories(
        alpha, Q, rng.random((*lead, alpha.size, K, M)), np.ones((*lead, alpha.size, K)), error,
        np.eye(M), np.ones(M), status=status, alpha_end=np.full(lead, alpha[-1]), leading=seeds,
        attrs={"kind": config.kind, "config": "{}", "cite": "saad1995online,west1995adaptive"},
    )  # fmt: skip
