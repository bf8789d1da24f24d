"""Panels side by side, one for each layer, each moment of a training, or whatever a study sets beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from practicum.errors import ParameterError
from practicum.figures._labelled import texts

if TYPE_CHECKING:
    import xarray as xr

PANEL_DIMS = ("panel", "layer", "step")


def over_panels(
    figure: str, data: xr.Dataset, name: str, most: int, dims: Sequence[str] = PANEL_DIMS
) -> tuple[xr.Dataset, list[str], str]:
    """The dataset with the dimension ``panel``, the titles of the panels, and what they were: "step", say, or "".

    The variable `name` decides: its dimension ``panel`` (titled by the coordinate), ``layer`` ("layer 1") or ``step``
    ("epoch 5", from the coordinate ``epoch``), if among `dims`. One that has none is a single panel without a title.

    Raises:
        ParameterError: there are more than `most` panels.
    """
    if not hasattr(data, "data_vars") or name not in data.variables:
        return data, [], ""  # need() says it better
    kind = next((dim for dim in dims if dim in data[name].dims), "")
    if not kind:
        return data.assign({name: data[name].expand_dims("panel")}), [""], ""
    count = data.sizes[kind]
    if not 0 < count <= most:
        raise ParameterError(
            f"The figure {figure} has room for 1 to {most} panels. Got {count}; select some with .isel({kind}=[...])."
        )
    titles = _titles(data, kind)
    if kind != "panel":
        data = data.drop_vars([kind, "panel"], errors="ignore").rename_dims({kind: "panel"})
    return data, titles, kind


def with_panels(data: xr.Dataset, dims: Sequence[str], first: str, *others: str) -> str:
    """The first of the variables that has one of the dimensions `dims`, for :func:`over_panels`; else `first`."""
    known = [name for name in (first, *others) if name in getattr(data, "variables", ())]
    return next((name for name in known if set(dims) & set(data[name].dims)), first)


def at_panel(data: xr.Dataset, name: str, panel: int) -> xr.Dataset:
    """The dataset of one panel; a variable without the dimension ``panel`` is the same in all."""
    return data.isel(panel=panel) if "panel" in data[name].dims else data


def _titles(data: xr.Dataset, kind: str) -> list[str]:
    if kind == "step" and "epoch" in data.variables and data["epoch"].dims == ("step",):
        return [at_epoch(epoch) for epoch in data["epoch"].values.astype(float)]
    if kind not in data.coords:
        return [f"{kind} {i + 1}" for i in range(data.sizes[kind])]
    numbers = np.issubdtype(data[kind].dtype, np.number)
    return [f"{kind} {text}" if numbers or kind == "step" else text for text in texts(data[kind])]


def at_epoch(epoch: float) -> str:
    """Words for a moment of the training, to three digits: "start", "epoch 2.07", "epoch 1250"."""
    return "start" if epoch == 0 else f"epoch {epoch:.0f}" if epoch >= 100 else f"epoch {epoch:.3g}"


def grid(
    figure: Figure, count: int, columns: int, *, sharex: bool | str = True, sharey: bool | str = True
) -> list[Axes]:
    """`count` panels in rows of at most `columns`; only those at the border have labels, if they share their axes."""
    columns = min(count, columns)
    columns = -(-count // -(-count // columns))  # four in rows of three look better as two and two
    rows = -(-count // columns)
    panels = figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)  # type: ignore[arg-type]
    flat = list(panels.flat)
    for axes in flat[count:]:
        axes.set_visible(False)
    if count < len(flat) and sharex:  # a panel above an empty place has the axis of its column
        for axes in flat[count - columns : (rows - 1) * columns]:
            axes.tick_params(labelbottom=True)
    return flat[:count]


def label_grid(panels: list[Axes], x: str, y: str) -> None:
    """Labels of the axes where the eye looks for them: below the lowest panel of a column, left of the first."""
    for axes in panels:
        place = axes.get_subplotspec()
        assert place is not None
        below = [other for other in panels if other.get_subplotspec().colspan == place.colspan]  # type: ignore[union-attr]
        if axes is below[-1]:
            axes.set_xlabel(x)
        if place.is_first_col():
            axes.set_ylabel(y)
