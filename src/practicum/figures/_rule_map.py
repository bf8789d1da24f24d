"""A map over learning rules: what each pair of learning rate and inverse temperature costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from practicum.errors import ParameterError
from practicum.figures._axes import geometric, log_ticks
from practicum.figures._labelled import need, positive
from practicum.figures.style import INK, MUTED, NEVER, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "rule_map"
_MOST, _COLUMNS = 6, 3
_LEVELS = (1.1, 1.5, 2.0, 5.0, 10.0)
_SHORTEST = 0.25  # length of a contour line worth drawing, in sides of the panel
_LIGHT = "#fefefe"  # on top of the map in both themes, so not the PAPER that a page may replace


@drawn
def rule_map(data: xr.Dataset) -> Figure:
    """A heat map over inverse temperature and learning rate, the best rule starred; dark is good, that is: small.

    Main arguments:
        data: ``value`` (inverse_temperature, learning_rate), such as the alpha at which a target is reached; NaN or
            infinite where it never is, which is hatched. With a leading dimension ``students`` of at most 6, one panel
            each, of one colour scale. The attributes ``value_name`` and ``units`` of the dataset label the scale.

    Other arguments:
        data may also have, as scalars or over students: ``best_inverse_temperature`` and ``best_learning_rate``, a
            star; ``gd_learning_rate``, the best rate at inverse temperature 1, a circle.

    Contour lines stand at 1.1, 1.5, 2, 5 and 10 times the smallest value of a panel.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    alone = hasattr(data, "dims") and "students" not in data.dims
    if alone:
        data = data.expand_dims(students=[0])
    array = need(_NAME, data, "value", "students", "inverse_temperature", "learning_rate")
    students = need(_NAME, data, "students", "students").values
    beta = need(_NAME, data, "inverse_temperature", "inverse_temperature").values.astype(float)
    eta = need(_NAME, data, "learning_rate", "learning_rate").values.astype(float)
    if len(students) > _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for {_MOST} panels. Got {len(students)}; select with .isel(students=...)."
        )
    marks = {
        name: None if name not in data.variables else _over_students(data, name)
        for name in ("best_inverse_temperature", "best_learning_rate", "gd_learning_rate")
    }
    values = positive(array.values)
    order_b, order_e = np.argsort(beta), np.argsort(eta)
    beta, eta, values = beta[order_b], eta[order_e], values[:, order_b][:, :, order_e]

    columns = 2 if len(students) == 4 else min(len(students), _COLUMNS)
    rows = -(-len(students) // columns)
    figure = sheet(0.6 + 3.4 * rows if columns == 1 else 0.9 + 2.5 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    norm, beyond = _scale(values)
    image = None
    for k, axes in enumerate(panels.flat):
        if k >= len(students):
            axes.set_visible(False)
            continue
        axes.set_title("" if alone else f"K = {students[k]}")
        image = _draw(axes, beta, eta, values[k], norm) or image
        _mark(axes, {name: float(mark[k]) for name, mark in marks.items() if mark is not None})
        axes.label_outer()
    _frame(panels, beta, eta)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, extend="max" if beyond else "neither", aspect=28, pad=0.015)
        bar.ax.grid(False)
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_ticks_position("right")
        log_ticks(bar.ax.yaxis)
        units = str(data.attrs.get("units", ""))
        bar.set_label(str(data.attrs.get("value_name", "value")) + (f"  ({units})" if units not in ("", "1") else ""))
    handles = _legend(marks, bool(np.isnan(values).any()))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, handletextpad=0.4, columnspacing=1.4)
    return figure


def _over_students(data: xr.Dataset, name: str) -> np.ndarray:
    """A mark of every panel; a scalar is the mark of all."""
    if data[name].ndim == 0:
        return np.full(data.sizes["students"], float(data[name]))
    return need(_NAME, data, name, "students").values.astype(float)


def _scale(values: np.ndarray) -> tuple[LogNorm, bool]:
    """One logarithmic scale for all panels; beyond 100 times the best, rules are not told apart."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return LogNorm(1, 10), False
    low = float(finite.min())
    worst_best = max(float(np.nanmin(panel)) for panel in values if np.isfinite(panel).any())
    high = min(float(finite.max()), 100 * worst_best)
    return LogNorm(low, max(high, low * 1.0001)), high < finite.max()


def _draw(axes: Axes, beta: np.ndarray, eta: np.ndarray, values: np.ndarray, norm: LogNorm) -> Any:
    axes.grid(False)
    axes.patch.set(facecolor=NEVER, hatch="////", edgecolor=MUTED, linewidth=0)
    if not np.isfinite(values).any():
        axes.set(xlim=edges(beta)[[0, -1]], ylim=edges(eta)[[0, -1]])
        say(axes, "never reached")
        return None
    image = axes.pcolormesh(
        edges(beta), edges(eta), np.ma.masked_invalid(values.T), norm=norm, cmap=colormaps["viridis"],
        rasterized=True, edgecolors="none", linewidth=0,
    )  # fmt: skip
    best = float(np.nanmin(values))
    if min(values.shape) > 2:
        _contours(axes, beta, eta, values / best)
    return image


def _contours(axes: Axes, beta: np.ndarray, eta: np.ndarray, ratio: np.ndarray) -> None:
    """Lines of equal loss, each named once. The crumbs that a ragged border of the reachable leaves are not drawn."""
    levels = [factor for factor in _LEVELS if factor < np.nanmax(ratio)]
    if not levels:
        return
    found = axes.contour(beta, eta, np.ma.masked_invalid(ratio.T), levels=levels)
    segments = found.allsegs
    found.remove()
    across, up = (np.log if geometric(grid) else np.asarray for grid in (beta, eta))
    size = [np.ptp(across(beta)), np.ptp(up(eta))]
    for level, pieces in zip(levels, segments):
        lengths = []
        for piece in pieces:
            steps = np.diff(np.column_stack([across(piece[:, 0]), up(piece[:, 1])]), axis=0) / size
            lengths.append(np.concatenate([[0.0], np.hypot(*steps.T).cumsum()]))
        kept = [i for i, length in enumerate(lengths) if length[-1] > _SHORTEST]
        for i in kept:
            axes.plot(*pieces[i].T, color=_LIGHT, linewidth=0.8, alpha=0.9, label=f"_{level:g}", zorder=3)
        if kept:
            longest = max(kept, key=lambda i: lengths[i][-1])
            x, y = pieces[longest][np.searchsorted(lengths[longest], 0.4 * lengths[longest][-1])]
            name = axes.text(x, y, f"{level:g}×", color=_LIGHT, fontsize=7.5, ha="center", va="center", zorder=4)
            name.set_path_effects([patheffects.withStroke(linewidth=2.2, foreground="#1b2a4a")])


def _mark(axes: Axes, marks: dict[str, float]) -> None:
    dark = [patheffects.withStroke(linewidth=2.2, foreground="#101418")]
    if "best_inverse_temperature" in marks and "best_learning_rate" in marks:
        axes.plot(marks["best_inverse_temperature"], marks["best_learning_rate"], label="_best", **_STAR)
    if "gd_learning_rate" in marks:
        low, high = axes.get_xlim()
        if low <= 1 <= high:
            axes.plot(1.0, marks["gd_learning_rate"], label="_gradient descent", path_effects=dark, **_RING)


_STAR = {
    "marker": "*", "markersize": 13, "color": "#e69f00", "markeredgecolor": "#101418", "markeredgewidth": 0.8,
    "linestyle": "none", "clip_on": False, "zorder": 6,
}  # fmt: skip
_RING = {
    "marker": "o", "markersize": 7, "markerfacecolor": "none", "markeredgecolor": _LIGHT, "markeredgewidth": 1.6,
    "linestyle": "none", "clip_on": False, "zorder": 6,
}  # fmt: skip


def _frame(panels: np.ndarray, beta: np.ndarray, eta: np.ndarray) -> None:
    for axes in panels.flat:
        if geometric(beta):
            axes.set_xscale("log")
            log_ticks(axes.xaxis)
        if geometric(eta):
            axes.set_yscale("log")
            log_ticks(axes.yaxis)
    for axes in panels[-1]:
        axes.set_xlabel("inverse temperature  β")
    if panels.shape[0] > 1:  # a panel above an empty place has the axis of its column
        for above, below in zip(panels[-2], panels[-1]):
            if not below.get_visible():
                above.set_xlabel("inverse temperature  β")
                above.tick_params(labelbottom=True)
    for axes in panels[:, 0]:
        axes.set_ylabel("learning rate  η")


def edges(centres: np.ndarray) -> np.ndarray:
    """The borders of cells around ascending `centres`: half-way, on the scale on which the axis is drawn."""
    logarithmic = geometric(centres)
    at = np.log(centres) if logarithmic else centres.astype(float)
    if at.size == 1:
        half = 0.5 * abs(at[0]) or 0.5
        borders = np.array([at[0] - half, at[0] + half])
    else:
        middle = 0.5 * (at[1:] + at[:-1])
        borders = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return np.exp(borders) if logarithmic else borders


def _legend(marks: dict[str, Any], never: bool) -> list:
    handles: list[Any] = []
    if marks["best_inverse_temperature"] is not None and marks["best_learning_rate"] is not None:
        handles.append(Line2D([], [], label="best rule", **_STAR))
    if marks["gd_learning_rate"] is not None:
        ring = {**_RING, "markeredgecolor": INK}
        handles.append(Line2D([], [], label="best gradient descent (β = 1)", **ring))
    if never:
        handles.append(Patch(facecolor=NEVER, hatch="////", edgecolor=MUTED, linewidth=0, label="never reached"))
    return handles
