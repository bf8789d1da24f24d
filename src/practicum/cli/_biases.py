"""A report on BatchNorm biases as a table, and as a document for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from practicum.cli import _terminal

if TYPE_CHECKING:
    import xarray as xr

_SHARES = ("positive", "zero", "negative", "firing_rate")


def document(layers: xr.Dataset, positions: xr.Dataset) -> dict[str, Any]:
    """Both tables, one object a row; of networks with a seed axis every number is a list."""
    return {
        "source": str(layers.attrs["source"]),
        "layers": _rows(layers, "layer"),
        "positions": [row for row in _rows(positions, "position") if np.any(np.asarray(row["channels"]) > 0)],
    }


def _rows(table: xr.Dataset, axis: str) -> list[dict[str, Any]]:
    names = [str(name) for name in table.data_vars]
    return [
        {axis: table[axis].values[i].item(), **{name: table[name].isel({axis: i}).values.tolist() for name in names}}
        for i in range(table.sizes[axis])
    ]


def show(layers: xr.Dataset, positions: xr.Dataset) -> None:
    """The shares of both tables; of networks with a seed axis their means."""
    several = layers.sizes.get("seed", 1)
    facts = document(layers, positions)
    columns = ["channels", "above 0", "at 0", "below 0", "fires"]
    rows = [[row["layer"], row["position"], *_cells(row)] for row in facts["layers"]]
    _terminal.print_table(["layer", "position", *columns], rows)
    totals = [[row["position"], *_cells(row), *_null(row)] for row in facts["positions"]]
    _terminal.print_table(["position", *columns, "below 0 by chance", "p"], totals)
    typer.echo(
        "Shares of the channels by the sign of beta. fires: Phi(beta / |gamma|), where a ReLU follows. By chance: 95 % "
        "if fair coins reversed whole layers; p is two-sided."
    )
    if several > 1:
        typer.echo(f"Means over {several} networks; --json has each.")


def _cells(row: dict[str, Any]) -> list[str]:
    channels = f"{np.max(row['channels']):g}"
    return [channels, *(_percent(row[name]) for name in _SHARES)]


def _null(row: dict[str, Any]) -> list[str]:
    low, high = (_percent(row[f"null_{end}_layers"]) for end in ("low", "high"))
    return [f"{low} to {high}", f"{_mean(row['p_value_layers']):.2g}"]


def _percent(values: Any) -> str:
    share = _mean(values)
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def _mean(values: Any) -> float:
    found = np.atleast_1d(np.asarray(values, float))
    found = found[np.isfinite(found)]
    return float(found.mean()) if found.size else float("nan")
