"""A run in a few lines: learning curve, status, and where the curve is flat."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from practicum.cli import _terminal
from practicum.report.curves import curve_of
from practicum.runs.rows import describe_status

if TYPE_CHECKING:
    import xarray as xr

_ROWS = 9
_FLAT = 0.05


def flat_stretch(alpha: np.ndarray, error: np.ndarray) -> tuple[float, float, float] | None:
    """The longest stretch (in log alpha) where the error stays within 5 % of its value at the stretch's start.

    Returns ``(from, to, error at its start)``, or None when no stretch spans a factor of two and a tenth of the run.
    What is flat may be the symmetric plateau or the floor of a run that has converged; the curve itself cannot tell.
    """
    good = np.isfinite(error) & (error > 0) & (alpha > 0)
    alpha, error = alpha[good], error[good]
    best, found = np.log(2.0), None
    last = 0
    for first in range(alpha.size):
        last = max(last, first)
        while last + 1 < alpha.size and abs(error[last + 1] / error[first] - 1) <= _FLAT:
            last += 1
        span = np.log(alpha[last] / alpha[first])
        if span >= best and alpha[last] - alpha[first] >= 0.1 * alpha[-1]:
            best, found = span * (1 + 1e-12), (float(alpha[first]), float(alpha[last]), float(error[first]))
        last = first
    return found


def document(run: str, path: Path, dataset: xr.Dataset) -> dict[str, Any]:
    """The same facts for a script."""
    if dataset.attrs["kind"] == "train":
        from practicum.cli import _training

        return _training.document(run, path, dataset)
    alpha, error, spread = curve_of(dataset)
    flat = flat_stretch(alpha, error)
    return {
        "id": run,
        "kind": dataset.attrs["kind"],
        "file": str(path.resolve()),
        "status": describe_status(dataset["status"]),
        "alpha_end": dataset["alpha_end"].values.tolist(),
        "alpha": alpha.tolist(),
        "generalization_error": error.tolist(),
        "standard_error": None if spread is None else spread.tolist(),
        "flat": None if flat is None else dict(zip(("from", "to", "generalization_error"), flat)),
    }


def show(dataset: xr.Dataset) -> None:
    """Print the learning curve at a few points, the status and the flat stretch."""
    if dataset.attrs["kind"] == "train":
        from practicum.cli import _training

        return _training.show(dataset)
    alpha, error, spread = curve_of(dataset)
    if dataset.sizes.get("seed") == 1:  # one seed has no standard error
        spread = None
    reached = np.flatnonzero(np.isfinite(error))
    chosen = reached[np.unique(np.linspace(0, max(reached.size - 1, 0), _ROWS).round().astype(int))[: reached.size]]
    rows = []
    for i in chosen:
        rows.append([f"{alpha[i]:g}", f"{error[i]:.6g}"] + ([] if spread is None else [f"{spread[i]:.2g}"]))
    columns = ["alpha", "generalization error"]
    if "seed" in dataset.dims and spread is None:
        columns[1] = f"error of seed {dataset['seed'].item()}"
    if spread is not None:
        columns = ["alpha", f"mean error of {dataset.sizes['seed']} seeds", "standard error"]
    _terminal.print_table(columns, rows)
    status = describe_status(dataset["status"])
    ends = np.unique(dataset["alpha_end"].values)
    typer.echo(f"status: {status}" + (f" at alpha = {ends[0]:g}" if ends.size == 1 else ""))
    if "diverged" in status:
        who = "The run" if status == "diverged" else "A part of the seeds"
        typer.echo(f"{who} diverged: a result, stored like any other; a smaller learning_rate may converge.")
    flat = flat_stretch(alpha, error)
    if flat:
        typer.echo(f"flat: the error stays within 5 % of {flat[2]:.4g} from alpha = {flat[0]:g} to {flat[1]:g}")
