"""Kernels before and after pruning: how alike the nodes are that were there, and those that are left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from practicum.errors import ParameterError
from practicum.figures._labelled import may, named, need
from practicum.figures._labels import shortened, wrapped
from practicum.figures._panels import grid
from practicum.figures._regimes import over_regimes, regime_names
from practicum.figures.style import MUTED, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "kernels"
_MOST = 15
"""Selectors; the kernel of all nodes stands before them."""
_COLOURS = ListedColormap(colormaps["YlGnBu"](np.linspace(0.0, 0.8, 64)))
"""Ever darker, so that a grey printer keeps the order, and never so dark that a separator is lost in it."""
_SEPARATOR = "#101418"  # on top of the matrix in both themes, so not the INK that a page may replace
_MOST_GROUPS = 60
"""Of more groups the separators would cover the matrix."""
_MOST_TICKS = 9
_LETTERS = 34
"""Of a title, for each inch of its panel, in three or four lines; the middle of a longer one is left out."""


class _Matrix(NamedTuple):
    """A kernel in the order in which it is shown, and the groups of its nodes: their names and sizes."""

    values: np.ndarray
    names: list[str]
    sizes: np.ndarray


@drawn
def kernels(data: xr.Dataset) -> Figure:
    """The kernel of all nodes, and beside it that of the nodes that a selector kept, as matrices of one scale.

    Main arguments:
        data: ``kernel`` (node, node_). NaN or infinite numbers are left blank, and nodes that have no number left out.

    Other arguments:
        data may also have: ``kept_kernel`` (kept, kept_), the kernel after pruning, which may have ``setting`` or
            ``selector``, the names of the selectors, of at most 15, filled up with NaN where one keeps fewer nodes than
            another; ``teacher`` (node) and ``kept_teacher`` (kept), or over the selectors too, the number of the
            teacher node that each node serves, -1 or NaN if it serves none. Nodes are then ordered by it, and thin
            lines stand between the groups.
        The attribute ``label`` of ``kernel`` names the scale, which begins at 0 unless a number is negative.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 15 selectors.
    """
    before = need(_NAME, data, "kernel", "node", "node_").values.astype(float)
    teacher = may(_NAME, data, "teacher", "node")
    shown = [_matrix(before, None if teacher is None else teacher.values)]
    kept, names = _kept(data)
    shown += kept
    titles = ["before pruning", *names]

    columns = min(len(shown), 3 if len(shown) <= 6 else 4)
    rows = -(-len(shown) // columns)
    columns = -(-len(shown) // rows)
    side = 5.9 / columns - 0.4 if columns > 1 else 3.6
    titles = [wrapped(shortened(title, int(_LETTERS * side)), side) for title in titles]
    lines = max(title.count("\n") for title in titles) + 1
    figure = sheet(0.2 + rows * (side + 0.55 + 0.17 * lines))
    panels = grid(figure, len(shown), columns, sharex=False, sharey=False)
    finite = np.concatenate([one.values[np.isfinite(one.values)] for one in shown])
    low, high = min(0.0, finite.min(initial=0.0)), finite.max(initial=0.0)
    label = "node, by its teacher" if any(one.names for one in shown) else "node"
    image = None
    for axes, title, one in zip(panels, titles, shown):
        axes.set_title(title, fontsize=10 if columns < 4 else 8.5)
        image = _draw(axes, one, low, high if high > low else low + 1.0) or image
        axes.set(xlabel=_counted(one, shown[0]), ylabel=label)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, aspect=20 + 10 * rows, pad=0.015)
        bar.ax.grid(False)
        bar.outline.set_visible(False)
        bar.set_label(wrapped(named(data, "kernel", "kernel"), rows * side))
    return figure


def _kept(data: xr.Dataset) -> tuple[list[_Matrix], list[str]]:
    """The kernels after pruning and their titles."""
    if "kept_kernel" not in data.variables:
        return [], []
    data = over_regimes(data, "setting", "kept_kernel", "kept_teacher")
    found = need(_NAME, data, "kept_kernel", "setting", "kept", "kept_").values.astype(float)
    teacher = may(_NAME, data, "kept_teacher", "setting", "kept")
    names = [name or "after pruning" for name in regime_names(_NAME, data, "setting")]
    if len(names) > _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for 1 to {_MOST} selectors. "
            f"Got {len(names)}; select some with .isel(setting=[...])."
        )
    served = [None] * len(names) if teacher is None else list(teacher.values)
    return [_matrix(one, whose) for one, whose in zip(found, served)], names


def _matrix(kernel: np.ndarray, teacher: np.ndarray | None) -> _Matrix:
    nodes = np.flatnonzero(np.isfinite(kernel).any(axis=1))
    if teacher is None:
        return _Matrix(kernel[np.ix_(nodes, nodes)], [], np.array([nodes.size]))
    whose = teacher.astype(float)[nodes]
    whose = np.where(whose >= 0, whose, np.inf)  # those that serve none stand last, NaN too
    order = np.argsort(whose, kind="stable")
    groups, sizes = np.unique(whose, return_counts=True)
    names = [f"{group:g}" if np.isfinite(group) else "none" for group in groups]
    return _Matrix(kernel[np.ix_(nodes[order], nodes[order])], names, sizes)


def _counted(one: _Matrix, first: _Matrix) -> str:
    count, of = len(one.values), len(first.values)
    return f"{count} nodes" if one is first else f"{count} of {of} nodes"


def _draw(axes: Axes, one: _Matrix, low: float, high: float) -> Any:
    axes.grid(False)
    count = len(one.values)
    if not count:
        axes.set(xticks=[], yticks=[], aspect="equal")
        say(axes, "no finite number")
        return None
    low_end, high_end = ends = (0.5, count + 0.5)
    image = axes.imshow(
        np.ma.masked_invalid(one.values),
        vmin=low,
        vmax=high,
        cmap=_COLOURS,
        extent=(low_end, high_end, high_end, low_end),
    )
    for spine in axes.spines.values():
        spine.set(visible=True, color=MUTED)
    borders = one.sizes.cumsum()
    if 1 < len(one.names) <= _MOST_GROUPS:
        look: dict[str, Any] = {
            "color": _SEPARATOR,
            "linewidth": 0.8 if len(one.names) < 12 else 0.3,
            "label": "_group",
        }
        axes.vlines(borders[:-1] + 0.5, *ends, **look)
        axes.hlines(borders[:-1] + 0.5, *ends, **look)
    for axis in (axes.xaxis, axes.yaxis):
        if one.names:
            _name_groups(axis, one, borders)
        else:
            axis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    return image


def _name_groups(axis: Any, one: _Matrix, borders: np.ndarray) -> None:
    """The number of a teacher node in the middle of its group, if there is room for it."""
    middles = borders - 0.5 * one.sizes + 0.5
    named: dict[float, str] = {}
    for middle, name in zip(middles.tolist(), one.names):
        if not named or middle - max(named) >= borders[-1] / _MOST_TICKS:
            named[middle] = name
    axis.set_major_locator(FixedLocator(list(named)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: named.get(value, "")))
    axis.set_tick_params(length=0)
