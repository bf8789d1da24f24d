"""Labelled arrays of made-up prunings, for the figures of pruning."""

import numpy as np
import xarray as xr

SELECTORS = ["random edge", "DPP node", "DPP edge"]
SHARES = np.array([0.1, 0.2, 0.4, 0.6, 0.9])
SERVES = np.array([2, 0, 1, 0, -1, 2, 2, 0])
"""The teacher node of each student."""


def errors(seeds=5, panels=2, selectors=3):
    rng = np.random.default_rng(31)
    rise = np.linspace(1.0, 3.0, selectors)[:, None, None] * rng.uniform(0.8, 1.25, (selectors, seeds, 1))
    error = 0.03 + 0.5 * np.exp(-4 * rise * SHARES)
    return xr.Dataset(
        {
            "error": (("panel", "setting", "seed", "kept"), [error / (i + 1) for i in range(panels)]),
            "unpruned": ("panel", 0.03 / np.arange(1, panels + 1)),
        },
        {
            "panel": ["as pruned", "reweighted", "refitted"][:panels],
            "setting": SELECTORS if selectors == 3 else [f"selector {i}" for i in range(selectors)],
            "kept": SHARES,
        },
    )


def expected(seeds=5):
    rng = np.random.default_rng(32)
    predicted = np.array([[3.76, 2.58, 1.66, 0.95], [3.85, 2.37, 1.48, 0.79], [2.41, 1.21, 0.56, 0.21]])
    measured = predicted[:, None] * rng.uniform(0.9, 1.1, (3, seeds, 4))
    return xr.Dataset(
        {"predicted": (("setting", "kept"), predicted), "error": (("setting", "seed", "kept"), measured)},
        {"setting": SELECTORS, "kept": np.arange(1, 5)},
    )


def ratios(copies=4, teachers=1):
    """Up to k = M Z the first selector wins where few nodes of many copies stay; at k = Z nobody does."""
    Z, k = np.arange(1, copies + 1), np.arange(1, copies * (teachers + 1) + 1)
    values = [np.where(k <= M * Z[:, None], 0.15 * (k - np.array(Z)[:, None]), np.nan) for M in range(2, 2 + teachers)]
    if teachers == 1:
        return xr.Dataset({"log_ratio": (("copies", "kept"), values[0])}, {"copies": Z, "kept": k})
    dims = ("teachers", "copies", "kept")
    return xr.Dataset({"log_ratio": (dims, values)}, {"copies": Z, "kept": k, "teachers": range(2, 2 + teachers)})


def alike(selectors=2):
    """A kernel of the students of SERVES, in their order, and of the 4 or 3 that a selector keeps."""
    rng = np.random.default_rng(33)
    kernel = np.exp(-2.0 * (SERVES[:, None] != SERVES)) * rng.uniform(0.9, 1.0, (8, 8))
    kernel = 0.5 * (kernel + kernel.T)
    kept, teacher = np.full((selectors, 4, 4), np.nan), np.full((selectors, 4), np.nan)
    for i in range(selectors):
        chosen = rng.permutation(8)[: 4 - i % 2]
        kept[i, : chosen.size, : chosen.size] = kernel[np.ix_(chosen, chosen)]
        teacher[i, : chosen.size] = SERVES[chosen]
    return xr.Dataset(
        {"kernel": (("node", "node_"), kernel), "kept_kernel": (("setting", "kept", "kept_"), kept)},
        {
            "teacher": ("node", SERVES),
            "kept_teacher": (("setting", "kept"), teacher),
            "setting": [f"selector {i}" for i in range(selectors)],
        },
    )


def left(selectors=3, aligned=True):
    rng = np.random.default_rng(34)
    kept = np.array([rng.permutation(8) < 4 for _ in range(selectors)])
    data = xr.Dataset(
        {"serves": ("student", SERVES), "kept": (("setting", "student"), kept)},
        {"setting": SELECTORS if selectors == 3 else [f"selector {i}" for i in range(selectors)]},
    )
    return data.assign(alignment=("student", np.round(rng.uniform(0.3, 1.0, 8), 6))) if aligned else data


ALL = {"pruning_curves": errors, "pruning_region": ratios, "kernels": alike, "survivors": left}
"""A dataset for every figure of pruning, by the figure's name."""
