"""Labelled arrays of made-up attacks, for the figures of robustness."""

import numpy as np
import xarray as xr

REGIMES = ["standard", "adversarial", "noise"]
LAWS = ["training law", "isotropic inputs"]
EPSILON = np.array([0.0, 0.1, 0.2, 0.5, 1.0])
EPOCH = np.array([0.0, 1.0, 3.0, 10.0, 30.0, 100.0])
ALPHA = np.linspace(0.0, 40.0, 9)


def scattered(seeds=4, regimes=3):
    rng = np.random.default_rng(21)
    specialization = rng.uniform(0.5, 1.0, (len(LAWS), regimes, seeds))
    numbers = {"pearson": [-0.832, 0.1], "spearman": [-0.5, np.nan]}
    around = {
        f"{name}_{end}": ("law", np.array(values) + step)
        for name, values in numbers.items()
        for end, step in (("low", -0.05), ("high", 0.15))
    }
    return xr.Dataset(
        {
            "specialization": (("law", "regime", "seed"), specialization),
            "robust_error": (("regime", "seed"), 10 ** rng.uniform(-4, 0, (regimes, seeds))),
            **{name: ("law", values) for name, values in numbers.items()},
            **around,
        },
        {"law": LAWS, "regime": (REGIMES * 6)[:regimes] if regimes < 4 else [f"regime {i}" for i in range(regimes)]},
    )


def curves(seeds=4, panels=2):
    rng = np.random.default_rng(22)
    rise = np.array([1.0, 2.0, 4.0])[:, None, None] * rng.uniform(0.5, 1.5, (3, seeds, 1))
    share = 1 - np.exp(-rise * EPSILON)
    return xr.Dataset(
        {"robust_error": (("panel", "setting", "seed", "epsilon"), [share / (i + 1) for i in range(panels)])},
        {"panel": ["fixed label", "oracle", "margin", "regression"][:panels], "setting": REGIMES, "epsilon": EPSILON},
    )


def subspaces(seeds=4, settings=3):
    rng = np.random.default_rng(23)
    shape = (settings, EPOCH.size, seeds)
    dims = ("setting", "step", "seed")
    return xr.Dataset(
        {"inside": (dims, rng.uniform(0.7, 1.0, shape)), "outside": (dims, rng.uniform(-0.1, 0.3, shape))},
        {"epoch": ("step", EPOCH), "setting": 10.0 ** -np.arange(settings)},
    )


def examples(count=3, channels=0, side=6):
    rng = np.random.default_rng(24)
    shape = (count, *([channels] if channels else []), side, side)
    dims = ("example", *(["channel"] if channels else []), "height", "width")
    given, inside, outside = (rng.uniform(0, 0.5, shape), rng.uniform(-0.2, 0.2, shape), rng.uniform(-0.3, 0.3, shape))
    outside[0], outside.flat[-1] = 0.0, 0.3
    labels = {
        "teacher_before": ["7", "2", "1"],
        "student_before": ["7", "2", "1"],
        "teacher_after": ["7", "2", "8"],
        "student_after": ["7", "3", "1"],
    }
    return xr.Dataset(
        {
            "input": (dims, given),
            "inside": (dims, inside),
            "outside": (dims, outside),
            "perturbed": (dims, np.clip(given + inside + outside, 0, 1)),
            **{name: ("example", (words * 3)[:count]) for name, words in labels.items()},
            "epsilon": ("example", 0.1 * np.arange(1, count + 1)),
        }
    )


def predictions(seeds=5, settings=2):
    rng = np.random.default_rng(25)
    predicted = np.array([0.01, 0.04, 0.1])[:settings, None] * np.exp(-ALPHA / 20)
    measured = predicted[..., None] * rng.uniform(0.8, 1.25, (*predicted.shape, seeds))
    return xr.Dataset(
        {"predicted": (("setting", "alpha"), predicted), "measured": (("setting", "alpha", "seed"), measured)},
        {"alpha": ALPHA, "setting": ["init × 0.1", "init × 1", "init × 3"][:settings]},
    )


ALL = {
    "robustness_scatter": scattered,
    "robustness_curves": curves,
    "inside_outside": subspaces,
    "adversarial_examples": examples,
    "predicted_and_measured": predictions,
}
"""A dataset for every figure of robustness, by the figure's name."""
