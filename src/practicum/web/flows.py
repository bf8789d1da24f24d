"""The flow of a problem as the page draws it, and as a file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.web.answers import encoded
from practicum.web.problems import Problem

if TYPE_CHECKING:
    import xarray as xr

_DECADES = 4
_LOGARITHMIC, _LINEAR = 161, 201


def page_points(until: float) -> np.ndarray:
    """Values of alpha that draw a smooth curve on a linear axis and on a logarithmic one of four decades."""
    logarithmic = np.geomspace(until * 10.0**-_DECADES, until, _LOGARITHMIC)
    return np.unique(np.concatenate([logarithmic, np.linspace(0.0, until, _LINEAR)]))


def flow(problem: Problem, halt: np.ndarray | None = None) -> xr.Dataset:
    """:func:`practicum.solve` at the points of the page."""
    from practicum.theory.flow import solve

    return solve(
        problem.machine, problem.rule, problem.overlaps(), problem.until, save_at=page_points(problem.until), halt=halt
    )


def flow_json(dataset: xr.Dataset, seconds: float) -> bytes:
    """A flow as the API sends it; points that were not reached are null."""
    content: dict[str, Any] = {
        name: dataset[name].values.tolist() for name in ("alpha", "generalization_error", "Q", "R", "T")
    }
    content |= {"status": str(dataset["status"].values), "alpha_end": float(dataset["alpha_end"]), "seconds": seconds}
    return encoded(content)


def flow_csv(dataset: xr.Dataset) -> bytes:
    """One row a point: alpha, generalization_error, Q and R of every pair, nodes counted from 0; full doubles."""
    columns = {name: dataset[name].values for name in ("alpha", "generalization_error")}
    for name in ("Q", "R"):
        values = dataset[name].values
        columns |= {f"{name}_{i}_{k}": values[:, i, k] for i in range(values.shape[1]) for k in range(values.shape[2])}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue().encode()
