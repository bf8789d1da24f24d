"""Labelled arrays for each figure, of made-up numbers."""

import numpy as np
import xarray as xr

from figures import attacked, pruned, trained

ALPHA = np.linspace(0.0, 100.0, 41)


def curves(count=3):
    error = np.array([0.5 * np.exp(-ALPHA / (10.0 + 7.0 * i)) for i in range(count)])
    return xr.Dataset(
        {"generalization_error": (("curve", "alpha"), error)},
        {"alpha": ALPHA, "curve": [f"η = {i + 1}" for i in range(count)]},
    )


def order_parameters(count=2, K=3, M=2):
    rng = np.random.default_rng(1)
    return xr.Dataset(
        {
            "Q": (("curve", "alpha", "student", "student_"), rng.random((count, ALPHA.size, K, K))),
            "R": (("curve", "alpha", "student", "teacher"), rng.random((count, ALPHA.size, K, M))),
        },
        {"alpha": ALPHA, "curve": [f"β = {i + 1}" for i in range(count)]},
    )


def rate(K, beta):
    return 2 / np.pi * K * beta * (2 * K - 1) ** -0.5 * (2 * K + beta) ** -1.5


def escapes():
    students, beta, measured = np.array([2, 3, 5]), np.geomspace(0.5, 200.0, 60), np.array([1.0, 8.0, 50.0])
    return xr.Dataset(
        {
            "escape_rate": (("students", "inverse_temperature"), [rate(K, beta) for K in students]),
            "measured": (("students", "measured_beta"), [rate(K, measured) for K in students]),
            "measured_uncertainty": (("students", "measured_beta"), [0.02 * rate(K, measured) for K in students]),
            "best_beta": ("students", 4.0 * students),
            "best_rate": ("students", [rate(K, 4.0 * K) for K in students]),
        },
        {"students": students, "inverse_temperature": beta, "measured_beta": measured},
    )


def rules(count=2):
    beta, eta = np.geomspace(0.5, 32.0, 13), np.linspace(0.2, 3.0, 15)
    value = np.array(
        [10 + K * np.log(beta / 4)[:, None] ** 2 + 30 * (eta - 1.5)[None] ** 2 for K in range(1, count + 1)]
    )
    value[:, -2:, -1] = np.nan
    value[:, -1, -2] = np.inf
    best = {"best_inverse_temperature": 4.0, "best_learning_rate": 1.5, "gd_learning_rate": 1.4}
    return xr.Dataset(
        {"value": (("students", "inverse_temperature", "learning_rate"), value)}
        | {name: ("students", [number] * count) for name, number in best.items()},
        {"students": range(2, 2 + count), "inverse_temperature": beta, "learning_rate": eta},
        {"value_name": "α to the target", "units": "updates / N"},
    )


def comparison():
    theory = 0.5 * np.exp(-ALPHA / 20)
    settings, N = ["chain, N = 100", "weights, N = 1000"], np.array([100.0, 1000.0])
    rng = np.random.default_rng(2)
    error = np.broadcast_to(0.01 * theory, (2, ALPHA.size)).copy()
    mean = theory * (1 + 3 / N[:, None]) + error * rng.standard_normal(error.shape)
    return xr.Dataset(
        {
            "generalization_error_theory": ("alpha", theory),
            "mean": (("setting", "alpha"), mean),
            "error": (("setting", "alpha"), error),
        },
        {"alpha": ALPHA, "setting": settings},
    )


def gains():
    return xr.Dataset(
        {
            "gain_fixed": ("students", [2.152, 2.910, 4.441]),
            "gain_optimised": ("students", [1.45, 1.61, 1.80]),
            "best_beta_total": ("students", [5.0, 7.5, 12.0]),
            "best_beta_total_error": ("students", [0.1, 0.2, 0.4]),
        },
        {"students": [2, 3, 5]},
    )


ALL = {
    "learning_curves": curves,
    "overlaps": order_parameters,
    "escape": escapes,
    "rule_map": rules,
    "theory_and_simulation": comparison,
    "optima": gains,
    **trained.ALL,
    **attacked.ALL,
    **pruned.ALL,
}
"""A dataset for every figure, by the figure's name."""
