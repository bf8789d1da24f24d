"""A training in a few lines: loss and coverage over the epochs, and how the seeds ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from practicum.cli import _terminal
from practicum.runs.rows import describe_status

if TYPE_CHECKING:
    import xarray as xr

_ROWS = 9


def over_seeds(values: np.ndarray, median: bool = False) -> np.ndarray:
    """Mean or median over the last axis, without the seeds that diverged; NaN where there is none."""
    flat = values.reshape(-1, values.shape[-1])
    middle = np.median if median else np.mean
    found = [row[np.isfinite(row)] for row in flat]
    return np.array([middle(row) if row.size else np.nan for row in found], float).reshape(values.shape[:-1])


def _curves(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Epochs, median losses, mean coverage (layer, epoch) and its threshold; the first one, if there are several."""
    coverage = dataset["coverage"]
    if "threshold" in coverage.dims:
        coverage = coverage.isel(threshold=0)
    return (
        dataset["epoch"].values,
        over_seeds(dataset["loss"].transpose("step", "seed").values, median=True),
        over_seeds(coverage.transpose("layer", "step", "seed").values),
        float(coverage["threshold"]),
    )


def document(run: str, path: Path, dataset: xr.Dataset) -> dict[str, Any]:
    """What :func:`show` prints, for a script."""
    epoch, loss, coverage, threshold = _curves(dataset)
    best = over_seeds(dataset["mean_best_correlation"].transpose("layer", "step", "seed").values)
    return {
        "id": run,
        "kind": "train",
        "file": str(path.resolve()),
        "status": describe_status(dataset["status"]),
        "seeds": dataset["seed"].values.tolist(),
        "epoch": epoch.tolist(),
        "loss": loss.tolist(),
        "final_loss": dataset["loss"].isel(step=-1).values.tolist(),
        "threshold": threshold,
        "coverage": coverage.tolist(),
        "mean_best_correlation": best.tolist(),
    }


def show(dataset: xr.Dataset) -> None:
    """Print loss and coverage at a few epochs, and the status."""
    epoch, loss, coverage, threshold = _curves(dataset)
    seeds, layers = dataset.sizes["seed"], len(coverage)
    chosen = np.unique(np.linspace(0, epoch.size - 1, _ROWS).round().astype(int))
    columns = ["epoch", f"median loss of {seeds} seeds" if seeds > 1 else f"loss of seed {dataset['seed'].item()}"]
    columns += [f"coverage of layer {layer + 1}" for layer in range(layers)] if layers > 1 else ["coverage"]
    rows = [[str(epoch[i]), f"{loss[i]:.4g}", *(f"{layer[i]:.3f}" for layer in coverage)] for i in chosen]
    _terminal.print_table(columns, rows)
    status = describe_status(dataset["status"])
    typer.echo(f"status: {status}; a teacher node is covered if a student node correlates with it above {threshold:g}")
    if "diverged" in status:
        who = "Every seed" if status == "diverged" else "A part of the seeds"
        typer.echo(f"{who} diverged: a result, stored like any other; a smaller learning_rate may converge.")
