"""Labelled arrays of made-up trainings, for the figures of specialization."""

import numpy as np
import xarray as xr

EPOCH = np.array([0.0, 0.1, 0.5, 1.0, 3.0, 10.0])
MULTIPLES = [1, 2, 5]


def rho(steps=3, teachers=4, students=6):
    """Student k grows like teacher k mod m; the last student is dead."""
    rng = np.random.default_rng(11)
    start = rng.uniform(-0.3, 0.3, (teachers, students))
    end = np.where(np.arange(teachers)[:, None] == np.arange(students) % teachers, 0.99, start)
    way = np.linspace(0, 1, steps)[:, None, None]
    values = (1 - way) * start + way * end
    values[..., -1] = 0.0
    return xr.Dataset({"rho": (("step", "teacher", "student"), values)}, {"epoch": ("step", EPOCH[:steps])})


def students(panels=2, seeds=3, count=5):
    rng = np.random.default_rng(12)
    dims, shape = ("layer", "seed", "student"), (panels, seeds, count)
    activity = np.full(shape, 0.5)
    activity[..., 0], activity[..., 1] = 0.0, 1.0
    return xr.Dataset(
        {
            "alignment": (dims, rng.uniform(0.5, 1.0, shape)),
            "fan_out": (dims, rng.uniform(0.1, 2.0, shape)),
            "contribution": (dims, rng.uniform(0.1, 3.0, shape)),
            "activity": (dims, activity),
        },
        {"layer": np.arange(1, panels + 1)},
    )


def successes(teachers=8):
    share = 1 / (1 + np.exp(np.arange(teachers) - np.array([[2.0], [4.0], [6.0]])))
    dims = ("multiple", "teacher")
    return xr.Dataset(
        {
            "success": (dims, share),
            "low": (dims, 0.9 * share),
            "high": (dims, 0.1 + 0.9 * share),
            "epoch_covered": (dims, np.where(share > 0.5, 1.0 + np.arange(teachers), np.inf)),
        },
        {"multiple": MULTIPLES, "teacher": np.arange(teachers)},
    )


def trainings(seeds=5):
    rng = np.random.default_rng(13)
    noise = rng.uniform(0.5, 2.0, (3, seeds, 1))
    loss = noise / (1 + np.array([1.0, 2.0, 5.0])[:, None, None] * EPOCH)
    dims = ("multiple", "seed", "step")
    return xr.Dataset(
        {
            "loss": (dims, loss),
            "coverage": (dims, np.clip(1 - 0.5 * loss, 0, 1)),
            "mean_best_correlation": (dims, np.clip(1 - 0.3 * loss, 0, 1)),
            "status": (("multiple", "seed"), np.full((3, seeds), "ok", "U8")),
        },
        {"multiple": MULTIPLES, "epoch": ("step", EPOCH)},
    )


def winners(layers=2, seeds=3, teachers=4):
    start = np.random.default_rng(14).uniform(0, 60, (layers, seeds, teachers))
    values = start * np.exp(-EPOCH)[:, None, None, None]
    return xr.Dataset(
        {"winner_rank": (("step", "layer", "seed", "teacher"), values)},
        {"epoch": ("step", EPOCH), "layer": np.arange(1, layers + 1)},
    )


def plane(panels=2):
    rng = np.random.default_rng(15)
    found = rho(panels, 3, 5)
    return found.assign(
        teacher_weights=(("teacher", "input"), [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]),
        teacher_biases=("teacher", [-0.5, 1.0, 0.0]),
        student_weights=(("step", "student", "input"), rng.normal(0, 1, (panels, 5, 2))),
        student_biases=(("step", "student"), rng.normal(0, 0.3, (panels, 5))),
        inputs=(("sample", "input"), rng.normal(0, 1, (30, 2))),
    )


def biases(layers=4, channels=20):
    rng = np.random.default_rng(16)
    beta = rng.normal(-0.5, 1, (layers, channels))
    beta[1, :5], beta[2, -4:] = 0.0, np.nan
    count = np.isfinite(beta).sum(axis=1)
    return xr.Dataset(
        {
            "negative": ("layer", (beta < 0).sum(axis=1) / count),
            "zero": ("layer", (beta == 0).sum(axis=1) / count),
            "positive": ("layer", (beta > 0).sum(axis=1) / count),
            "position": ("layer", ["before-relu", "before-sum"] * (layers // 2)),
            "firing_rate": ("layer", [0.3, np.nan] * (layers // 2)),
            "null_low": ("layer", np.full(layers, 0.3)),
            "null_high": ("layer", np.full(layers, 0.7)),
            "beta": (("layer", "channel"), beta),
            "gamma": (("layer", "channel"), np.where(np.isfinite(beta), 2.0, np.nan)),
        },
        {"layer": [f"features.{3 * i + 1}" for i in range(layers)]},
    )


def over_realizations(seeds=4):
    rng = np.random.default_rng(17)
    dims, shape = ("decay", "multiple", "seed"), (2, 3, seeds)
    data = xr.Dataset(
        {"coverage": (dims, rng.uniform(0.2, 1, shape)), "loss": (dims, 10 ** rng.uniform(-8, -3, shape))},
        {"decay": [0.0, 2.0], "multiple": MULTIPLES},
    )
    data["coverage"].attrs["epoch"], data["loss"].attrs["epoch"] = 5, 100
    return data


def samples(seeds=3, layers=2):
    rng = np.random.default_rng(18)
    count = [1000, 3000, 10_000, 30_000]
    return xr.Dataset(
        {
            "loss": (("multiple", "samples", "seed"), 10 ** rng.uniform(-4, 0, (3, 4, seeds))),
            "mean_best_correlation": (("multiple", "layer", "samples", "seed"), rng.random((3, layers, 4, seeds))),
        },
        {"multiple": MULTIPLES, "samples": count, "layer": np.arange(1, layers + 1)},
    )


def strategies(seeds=3):
    rng = np.random.default_rng(19)
    return xr.Dataset(
        {"mean_best_correlation": (("multiple", "strategy", "samples", "seed"), rng.random((3, 2, 4, seeds)))},
        {"multiple": MULTIPLES, "strategy": ["teacher-aware", "random"], "samples": [10, 30, 100, 1000]},
    )


ALL = {
    "l_shape": students,
    "success": successes,
    "training_curves": trainings,
    "correlation_map": rho,
    "winner_ranks": winners,
    "hyperplanes": plane,
    "batchnorm_biases": biases,
    "over_realization": over_realizations,
    "sample_threshold": samples,
    "data_strategies": strategies,
}
"""A dataset for every figure of specialization, by the figure's name."""
